"""`init --from KIND:PACKAGE`: a recipe whose image starts what the package is for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fromscratch.cli.call import Call
from fromscratch.cli.recipe_file import DEFAULT_RECIPE
from fromscratch.errors import UsageError
from fromscratch.formats.yaml import writing
from fromscratch.host.storage import disk
from fromscratch.model.changing_tree import ChangingTree
from fromscratch.model.reference import slug
from fromscratch.model.rootfs import Rootfs
from fromscratch.recipe import schema
from fromscratch.recipe.variables import escaped
from fromscratch.transforms.scripted.first_start import first_commands, missing_interpreters, with_first_commands
from fromscratch.transforms.scripted.start import Start, lacks_shell, start_of
from fromscratch.transforms.shell.left_out import LeftOut

_MOST = 5  # commands that were left out, in the comments


def init_package(call: Call, word: str, text: str) -> None:
    """Raises UsageError for a kind whose packages are not looked into, and as `fetch` and `build` do."""
    from fromscratch.sources.catalogue import kinds

    kind = kinds()[word]
    if kind.for_package is None:
        others = [name for name, each in kinds().items() if each.for_package is not None]
        raise UsageError(f"init --from {word}:{text}: {word} does not look into packages", f"say {others[0]}:PACKAGE")
    package, options = kind.for_package(text)
    tree, left_out = _built(call, word, options)
    start = start_of(ChangingTree(tree), package)
    if start.command:
        start = replace(start, first=(*first_commands(left_out), *start.first))
        options["packages"] = [*options["packages"], *missing_interpreters(ChangingTree(tree), start.first)]
    if lacks_shell(ChangingTree(tree), start):
        options["packages"] = [*options["packages"], *kind.shell_packages]
    start = replace(start, notes=(*start.notes, *_undone(left_out, package)))
    recipe = recipe_of(word, options, package, start)
    schema.parse(recipe, DEFAULT_RECIPE.name)
    disk.write_atomically(DEFAULT_RECIPE, recipe.encode(), durable=True)
    for note in start.notes:
        call.note(f"note: {note}")
    if start.command:
        call.say(f"wrote {DEFAULT_RECIPE}, which starts {start.command[0]}; next: fromscratch fetch build run")
    else:
        call.say(f"wrote {DEFAULT_RECIPE}; say under cmd: what to start, then: fromscratch fetch build run")


def _undone(left_out: Sequence[LeftOut], package: str) -> list[str]:
    """What scripts of the package itself would have made, and nothing made: accounts, owners, content; by programs."""
    ranks = ("account", "owner", "content", "program")
    found = [one for one in left_out if one.package == package and one.matter in ranks]
    found.sort(key=lambda one: ranks.index(one.matter))
    return [
        f"not made, see whether the image needs it: "
        f"{' '.join(one.command.split())} ({one.place}: {' '.join(one.why.split())})"
        for one in found[:_MOST]
    ]


def _built(call: Call, word: str, options: Mapping[str, Any]) -> tuple[Rootfs, Sequence[LeftOut]]:
    """The root that the item of a recipe makes, and what of its packages' scripts was left out."""
    from msgspec import convert

    from fromscratch.model.image import Platform
    from fromscratch.sources.catalogue import kinds
    from fromscratch.sources.contract import Context, LeavesOut

    kind = kinds()[word]
    context = Context(folder=Path.cwd(), place="rootfs[0]", platform=Platform.of_this_machine(), progress=call.progress)
    source = kind.bind(convert(options, kind.options), context)
    source.fetch(call.store)
    tree = source.lay(Rootfs({}), call.store, replace=False)
    return tree, source.left_out(call.store) if isinstance(source, LeavesOut) else ()


def recipe_of(word: str, options: Mapping[str, Any], package: str, start: Start) -> str:
    """The recipe as text; what the user should know stands in comments."""
    command = with_first_commands(start.command, start.first)
    image: dict[str, Any] = {"cmd": [*command]} if command else {}
    if start.user:
        image["user"] = start.user
    if start.environment:
        image["env"] = dict(start.environment)
    if start.working_folder:
        image["workdir"] = start.working_folder
    if start.ports:
        image["ports"] = [int(port) if port.isdigit() else port for port in start.ports]
    value: dict[str, Any] = {"rootfs": [{word: {**options}}], "trim": ["docs", "locales", "caches"]}
    text = writing.written({"name": slug(package, "image")}) + "\n" + writing.written(escaped(value))
    comments = [f"# {each}" for each in (start.because, *start.notes) if each]
    text += "\n" + "".join(f"{_shown(line)}\n" for line in comments)
    text += writing.written(escaped({"image": image})) if image else "# image:\n#   cmd: [PROGRAM, ARGUMENT]\n"
    port = next((each for each in start.ports if "/" not in each), "")
    if port:
        text += f"\n# The build starts the image, and asks it.\nchecks:\n  - {{tcp: {port}}}\n"
    return text


def _shown(text: str) -> str:
    """A text as it can stand in a comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
