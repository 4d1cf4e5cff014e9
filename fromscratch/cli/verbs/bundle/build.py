"""What `bundle` does with its options: a recipe in memory, its build, and where that goes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from fromscratch.checks.contract import Check
from fromscratch.cli.call import Call
from fromscratch.cli.destination import Target, deliver
from fromscratch.cli.image_name import build_name
from fromscratch.cli.output.checks import checks_lines
from fromscratch.cli.output.digests import Digests
from fromscratch.cli.output.offers import offer_facts
from fromscratch.cli.output.privileges import rights, rights_lines
from fromscratch.cli.output.sizes import counted, megabytes
from fromscratch.cli.shell_words import shell_words
from fromscratch.errors import UsageError
from fromscratch.flow import assembly
from fromscratch.flow.assembly import Job
from fromscratch.flow.output import Built
from fromscratch.linker.beyond.contract import Offer
from fromscratch.linker.offers import SHOWN, by_need
from fromscratch.model.reference import slug
from fromscratch.paths import TreePath, shown
from fromscratch.recipe.schema import Recipe
from fromscratch.sources.binaries.options import BinariesOptions, split
from fromscratch.sources.binaries.programs import Programs, programs
from fromscratch.sources.binaries.source import BinariesSource
from fromscratch.sources.catalogue import word_of
from fromscratch.sources.contract import Context


class Made(msgspec.Struct, kw_only=True):
    """A bundle that is built, and what there is to say of it."""

    job: Job
    built: Built
    facts: dict[str, Any] = {}
    text: str = ""

    def deliver(self, call: Call, target: Target) -> None:
        """To a file and to an engine, as far as they were asked for."""
        delivery = deliver(call, target, self.built.images, self.job.recipe.name, self.job.layout)
        self.facts |= delivery.facts
        self.text = "\n".join([self.text, *delivery.lines])


def made(
    call: Call,
    binaries: Mapping[str, Any],
    image: dict[str, Any],
    called: Mapping[str, Any],
    entrypoint: str | None,
    checks: Sequence[tuple[str, str]],
    *,
    every_offer: bool = False,
) -> Made:
    """Build it, and check it by what `checks` says. `called` has the recipe's name and its other plain values;
    `every_offer` notes all that is offered and not taken, not the first few. Raises UsageError for what cannot be."""
    options = _checked(dict(binaries), BinariesOptions)
    output = call.output_folder(called["name"])
    seen = programs(options, Path.cwd(), call.platforms, (output, call.store.root))
    start = _entrypoint(entrypoint, seen)
    if start is None and not image["cmd"] and options.stage:
        start = _called_like(called["name"], seen)
    if start is None and not image["cmd"] and len(seen.asked) != 1:
        _check_startable(options, seen)
        call.progress.note(_no_entrypoint(seen))
    image["entrypoint"] = start if start is not None else list(seen.asked) if len(seen.asked) == 1 else []
    if options.search:
        image["env"].setdefault("LD_LIBRARY_PATH", ":".join(options.search_folders()))
    item = {word_of(BinariesOptions): msgspec.to_builtins(options)}
    recipe = _checked({**called, "rootfs": [item], "image": image}, Recipe)
    job = call.job_of(recipe, Path.cwd(), output, call.platforms or seen.platforms)
    job = replace(job, checks=_smoke_checks(checks))
    bound = _Bound(seen, None if every_offer else SHOWN)
    built = assembly.build(job, bound.bind)
    if every_offer and not built.fresh:  # what is built has told of them; an unchanged one is silent
        bound.note(call)
    facts = {**_facts(job, built), "offers": offer_facts(bound.offers())}
    return Made(job=job, built=built, facts=facts, text=_text(job, built))


class _Bound:
    """The sources that a build has made for the one item of its recipe, one a platform."""

    def __init__(self, seen: Programs, shown_offers: int | None) -> None:
        self._seen, self._shown_offers = seen, shown_offers
        self._sources: list[BinariesSource] = []

    def bind(self, options: BinariesOptions, context: Context) -> BinariesSource:
        source = self._seen.bind(options, context, self._shown_offers)
        self._sources.append(source)
        return source

    def note(self, call: Call) -> None:
        for source in self._sources:
            for text in source.offered(source.alone.result):
                call.progress.note(text)

    def offers(self) -> tuple[Offer, ...]:
        """What they offer, each once. Nothing lies below them, so that is what they told of."""
        return by_need(dict.fromkeys(each for source in self._sources for each in source.alone.result.offers))


def _smoke_checks(given: Sequence[tuple[str, str]]) -> tuple[Check, ...]:
    if not given:
        return ()
    from fromscratch.cli.smoke_checks import checks_of

    return checks_of(given)


def name(given: str | None, tag: str | None, paths: Sequence[str]) -> str:
    """What a bundle is called: as --name says, else by its tag, else by the first file. Raises UsageError."""
    if given:
        return build_name(given)
    file, destination = split(paths[0])
    last = Path(file if destination is None or destination.endswith("/") else destination).name
    text = tag.rpartition("@")[0] or tag if tag else last
    text = text.rpartition("/")[2].partition(":")[0]
    return slug(text, "bundle")


def _entrypoint(text: str | None, seen: Programs) -> list[str] | None:
    """The words of the entry point; a bare name is that of a program. Raises UsageError for one that is not there."""
    if text is None:
        return None
    said = shell_words("entrypoint", text)
    if said and "/" not in said[0]:
        every = tuple(dict.fromkeys((*seen.asked, *seen.others)))
        # What a link leads to that was named is among the others.
        same = _of_this_name(said[0], seen.asked) or _of_this_name(said[0], every)
        if len(same) != 1:
            there = ", ".join(same or every[:5]) or "none"
            problem = "several programs have" if same else "no program has"
            raise UsageError(
                f"--entrypoint {said[0]}: {problem} that name; there are {there}",
                "say it with its path inside the image",
            )
        said[0] = same[0]
    return said


def _called_like(name: str, seen: Programs) -> list[str] | None:
    """Of several programs the one that is called like the image, as a project's main program mostly is."""
    same = _of_this_name(name, seen.asked)
    return list(same) if len(seen.asked) > 1 and len(same) == 1 else None


def _no_entrypoint(seen: Programs) -> str:
    """What is said of an image that nothing says how to start."""
    if not seen.asked:
        return "there is no program, and so no entry point"
    some = ", ".join(seen.asked[:5])
    return f"there are {len(seen.asked)} programs, and no entry point: say --entrypoint with one of {some}"


def _of_this_name(word: str, places: Sequence[TreePath]) -> list[TreePath]:
    return [place for place in places if place.rpartition("/")[2] == word]


def _check_startable(options: BinariesOptions, seen: Programs) -> None:
    """Raises UsageError where programs were named, and none of what was named could be one."""
    if seen.locked and not seen.asked:
        raise UsageError(f"nobody may execute {shown(seen.locked[0])}", "make it executable, as with chmod +x")
    if options.paths and not seen.asked and not seen.platforms:
        raise UsageError(
            f"{shown(options.paths[0])} is neither an ELF file nor a script that begins with #!",
            "what is not a program goes under --add; if something else starts it, say so with --entrypoint",
        )


def _checked(data: dict[str, Any], kind: type[Any]) -> Any:
    for text in _texts(data):
        if not text.isprintable() and any("\ud800" <= char <= "\udfff" for char in text):
            raise UsageError(
                f"{shown(text)} is not UTF-8, as all words of a recipe are",
                "name the folder that it lies in, with --add",
            )
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        key = place.rstrip("`")
        problem = problem if not key or problem.startswith(key) or key == "image" else f"{key}: {problem}"
        raise UsageError(problem, "`fromscratch --help bundle` tells what its options take") from error


def _texts(data: Any) -> Iterator[str]:
    """Every text in options."""
    match data:
        case str():
            yield data
        case dict():
            for pair in data.items():
                yield from _texts(pair)
        case list() | tuple():
            for each in data:
                yield from _texts(each)


def _facts(job: Job, built: Built) -> dict[str, Any]:
    digests = Digests.of(built.images)
    images = [
        {
            "platform": str(image.platform),
            **own,
            "entries": len(built.evidence.of(image.platform).entries),
            "size": sum(layer.size for layer in image.layers),
            "layers": [str(layer.digest) for layer in image.layers],
            "entrypoint": list(image.config.entrypoint),
            "checks": msgspec.to_builtins(built.evidence.of(image.platform).checks),
            **rights(built.evidence.of(image.platform)),
        }
        for image, own in zip(built.images, digests.images, strict=True)
    ]
    whole = {"layout": str(job.layout), "fresh": built.fresh, **digests.whole}
    return {"name": job.recipe.name, **whole, "images": images}


def _text(job: Job, built: Built) -> str:
    lines = []
    for image in built.images:
        size = megabytes(sum(layer.size for layer in image.layers))
        count = counted(len(built.evidence.of(image.platform).entries), "entry", "entries")
        state = "" if built.fresh else ", unchanged"
        lines.append(f"{job.recipe.name} {image.platform}: {count}, {size} packed{state} -> oci:{job.layout}")
        lines += rights_lines(built.evidence.of(image.platform))
        lines += checks_lines(built.evidence.of(image.platform))
    return "\n".join(lines)
