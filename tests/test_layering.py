"""The floors of the house: what each room may import, and which words it may know, read from the modules."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

import fromscratch
from fromscratch.images import catalogue
from fromscratch.model.entry import Directory, Meta, kind_of
from fromscratch.sources.catalogue import KINDS

PACKAGE = Path(fromscratch.__file__).parent

# Room -> floor. A module may import its own floor's room mates only where ROOMMATES says so, and any lower floor.
FLOORS = {
    "fromscratch": 0,
    "__main__": 12,
    "address": 1,
    "advice": 1,
    "errors": 1,
    "lazy_regex": 1,
    "named_tuple": 1,
    "record": 1,
    "regular_file": 1,
    "paths": 1,
    "digest": 1,
    "progress": 1,
    "limits": 1,
    "nearest": 1,
    "unsatisfied": 1,
    "model": 2,
    "formats": 3,
    "transforms": 4,
    "linker": 4,
    "host": 5,
    "sources": 6,
    "images": 6,
    "tracing": 6,
    "checks": 7,
    "slimming": 7,
    "recipe": 8,
    "flow": 9,
    "proof": 10,
    "cli": 11,
}
HEAVY = {
    "requests",
    "tqdm",
    "yaml",
    "zstandard",
    "lz4",
    "zlib_ng",
    "pysequoia",
    "lzma",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path, *, top_level: bool = False) -> frozenset[str]:
    return frozenset(_imports(parsed(path), top_level))


def _imports(tree: ast.Module, top_level: bool) -> Iterator[str]:
    nodes: Iterator[ast.AST] = iter(tree.body) if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            for alias in node.names:
                child = PACKAGE.parent / Path(*node.module.split(".")) / alias.name
                if child.is_dir() or child.with_suffix(".py").exists():
                    yield f"{node.module}.{alias.name}"


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


# One case a room: a case for each module would take longer to start than to run.
ROOMS = sorted({room(name_of(path)) for path in modules()})
every_room = pytest.mark.parametrize("name", ROOMS)


def in_room(name: str) -> Iterator[tuple[Path, str]]:
    """The modules of a room, each with its name."""
    return ((path, name_of(path)) for path in modules() if room(name_of(path)) == name)


# What is no transport in images/ is what they share: it knows none of them, and the catalogue loads them by name.
TRANSPORTS = {line.transport.partition(":")[0] for line in catalogue.TRANSPORTS}
SHARED = {
    "sources": {"contract"},
    "images": {
        path.stem for path in (PACKAGE / "images").glob("*.py") if f"fromscratch.images.{path.stem}" not in TRANSPORTS
    },
}


def kind(module: str) -> str:
    """The kind of source, or the transport, that a module belongs to: `debian` for all of sources.debian."""
    return module.split(".")[2]


@every_room
def test_a_module_imports_only_from_floors_below_and_never_a_sibling_source_or_transport(name: str) -> None:
    for path, me in in_room(name):
        _check_imports(path, me)


def _check_imports(path: Path, me: str) -> None:
    for target in imports(path):
        if not target.startswith("fromscratch") or target == me:
            continue
        if me == "fromscratch":  # the face, which stands before the whole house, and imports when it is used
            assert room(target) != "cli"
            continue
        assert FLOORS[room(target)] <= FLOORS[room(me)], f"{me} imports {target} from a floor above"
        mine, theirs = room(me), room(target)
        if mine in SHARED and theirs == mine and len(target.split(".")) > 2:
            free = {kind(target)} if me == "fromscratch.sources.catalogue" else SHARED[mine]
            assert kind(target) in free | {kind(me)}, f"{me} imports its sibling {target}"
        elif FLOORS[mine] == FLOORS[theirs] and mine != theirs and FLOORS[mine] in (4, 6):
            pytest.fail(f"{me} imports {target}, another room of its floor")


def test_no_imports_go_in_a_circle() -> None:
    graph = {name_of(path): set(imports(path)) for path in modules()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"a circle of imports: {' -> '.join((*trail, module))}"
        if module in done:
            return
        for target in sorted(graph.get(module, ())):
            # A package's own __init__ is no part of a circle: ours hold nothing but docstrings, and the face, of
            # which its own modules use the version alone (tests/test_library.py).
            if target in graph and target != module and not module.startswith(f"{target}."):
                visit(target, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


@every_room
def test_what_is_slow_to_import_is_imported_where_it_is_used(name: str) -> None:
    tops = ((me, target.split(".")[0]) for path, me in in_room(name) for target in imports(path, top_level=True))
    assert [(me, top) for me, top in tops if top in HEAVY] == []


def test_every_package_that_is_imported_is_a_dependency_of_the_product() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][name] for name in ("zstd", "fast", "lz4", "openpgp", "portage", "rpm")]
    declared = {re.split("[><=;]", line)[0].lower() for line in chain(project["dependencies"], *extras)}
    imported = {target.split(".")[0] for path in modules() for target in imports(path)}
    distributions = packages_distributions()
    others = imported - sys.stdlib_module_names - {"fromscratch"}
    assert others
    assert [name for name in others if not {each.lower() for each in distributions.get(name, [name])} & declared] == []


@pytest.mark.parametrize("name", [name for name in ROOMS if name != "cli"])
def test_records_are_structs_and_never_dataclasses(name: str) -> None:
    """A frozen dataclass takes eighty times as long to define, and its module loads all of `inspect`."""
    assert [me for path, me in in_room(name) if "dataclasses" in imports(path)] == []


@every_room
def test_programs_are_started_by_the_host_alone_and_only_the_cli_prints_or_exits(name: str) -> None:
    for path, _ in in_room(name):
        _check_effects(path, name)


def _check_effects(path: Path, me: str) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", "")}
            assert "subprocess" not in names or me == "host", f"{path}:{node.lineno}: subprocess outside host/"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "exit", "input") or me == "cli", f"{path}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            spelled = f"{node.value.id}.{node.attr}"
            assert spelled not in ("os.system", "os.popen"), f"{path}:{node.lineno}"
            assert spelled != "sys.exit" or me in ("cli", "host"), f"{path}:{node.lineno}"


# Verbs that are the command line of one kind of source: `bundle FILE` is a recipe of one such item, `closure --beyond`
# tells what that would take. By how the names of their modules begin.
VERBS_OF_A_KIND = {"fromscratch.cli.verbs.bundle": "binaries", "fromscratch.cli.verbs.closure": "binaries"}
# Readers of other tools' declarations write recipes, and name in them what a person would.
WRITERS_OF_RECIPES = "fromscratch.recipe.foreign"
# The tree has a kind of entry of the same name: `kind_of` says so, and variables and parameters are called so.
ENTRY = kind_of(Directory(Meta(0o755)))
# Kinds that are called as what the whole house is about, or as a package manager: only their modules are looked for.
COMMON = {"image", "portage", "rpm"}
# Where the kinds of entries are told from each other by their words.
OF_ENTRIES = (kind_of.__module__, "fromscratch.transforms.path_changes", "fromscratch.recipe.paths")


def kinds_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where a module names a kind of source: in a string that is its word, in an identifier, or by importing it.

    The word within a longer text, such as a message or a docstring, is prose.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(found)):
                words = {found} - COMMON | {*_kinds_of_modules(found)}
            case ast.ImportFrom(module=str(module)):
                words = {
                    *_kinds_of_modules(module),
                    *chain(*(_kinds_of_modules(f"{module}.{alias.name}") for alias in node.names)),
                }
            case ast.Import():
                words = set(chain(*(_kinds_of_modules(alias.name) for alias in node.names)))
            case ast.alias():
                continue  # what is imported from other rooms may have the same name
            case _:
                fields = (getattr(node, field, None) for field in ("name", "id", "attr", "arg"))
                words = {field.strip("_").lower() for field in fields if isinstance(field, str)} - {ENTRY} - COMMON
        yield from ((getattr(node, "lineno", 0), word) for word in sorted(words) if word in KINDS)


def _kinds_of_modules(module: str) -> list[str]:
    return module.split(".")[2:3] if module.startswith("fromscratch.sources.") else []


@pytest.mark.parametrize("name", [name for name in ROOMS if name != "sources"])
def test_no_kind_of_source_is_named_outside_its_room(name: str) -> None:
    found = []
    for path, me in in_room(name):
        if me.startswith(WRITERS_OF_RECIPES):
            continue
        own = {word for module, word in VERBS_OF_A_KIND.items() if me.startswith(module)}
        if me in OF_ENTRIES:
            own = {ENTRY}
        found += [(me, line, word) for line, word in kinds_in(parsed(path)) if word not in own]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('if item.kind == "overlay": pass', ["overlay"]),
        ('_OF_FILES = ("directory", "overlay")', ["directory", "overlay"]),
        ('place = store.workspace("buildroot", key)', ["buildroot"]),
        ("def _debian(): pass", ["debian"]),
        ('_DEBIAN = 1', ["debian"]),
        ("class Debian: pass", ["debian"]),
        ("item.tarball", ["tarball"]),
        ("Item(tarball=1)", ["tarball"]),
        ("def lay(*, binaries): pass", ["binaries"]),
        ("import fromscratch.sources.overlay", ["overlay"]),
        ("from fromscratch.sources.buildroot.source import BuildrootSource", ["buildroot"]),
        ("from fromscratch.sources import directory", ["directory"]),
        ('import_module("fromscratch.sources.debian.source")', ["debian"]),
        ("from fromscratch.sources.contract import Source", []),
        ("from fromscratch.formats.debian.index import Release", []),
        ("from fromscratch.transforms.overlay import overlaid", []),
        ("from fromscratch.transforms import overlay", []),
        ("def children(directory): return directory.path", []),
        ("class Directory: pass", []),
        ('def f():\n    """Of an overlay."""\n    raise UsageError("take it out of the overlay")', []),
        ('f"tarball:{name}"', []),
        ('def image(images): return {"image": images}', []),
        ("from fromscratch.sources.image import plan", ["image"]),
    ],
)  # fmt: skip
def test_what_counts_as_naming_a_kind(text: str, found: list[str]) -> None:
    assert [word for _, word in kinds_in(ast.parse(text))] == found


# What may name a transport above their room: a verb that is about one, a default, and the form that builds have.
ALLOWED_TRANSPORTS = {
    "fromscratch.cli.verbs.catalogue": {"oci"},
    "fromscratch.cli.verbs.pull": {"oci", "docker://"},
    "fromscratch.cli.verbs.push": {"docker://"},
    "fromscratch.cli.verbs.run": {"docker"},
    "fromscratch.flow.images_by_name": {"oci", "oci:"},
    "fromscratch.flow.output": {"oci", "oci:", "tar"},
}


@pytest.mark.parametrize("name", ["checks", "slimming", "recipe", "flow", "proof", "cli"])
def test_no_transport_is_named_above_their_room(name: str) -> None:
    words = {word for line in catalogue.TRANSPORTS for word in (line.word, line.scheme)}
    found = {
        me: words & {node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant)}
        for path, me in in_room(name)
        if not me.startswith(WRITERS_OF_RECIPES)
    }
    assert {me: more for me, each in found.items() if (more := each - ALLOWED_TRANSPORTS.get(me, set()))} == {}


# Words that only their author knew: what is named so says nothing of itself.
PRIVATE = re.compile(
    "_*(told|otherwise|hold|wanted|kept|named|crew|labour|meter|brought|asking|making|gathered|started|taken|ground"
    "|sureness|unmet)_*",
    re.IGNORECASE,
)


@every_room
def test_names_are_in_the_words_of_the_field(name: str) -> None:
    found = {path: {each for each in _names(path) if PRIVATE.fullmatch(each)} for path, _ in in_room(name)}
    assert {path: names for path, names in found.items() if names} == {}


def _names(path: Path) -> set[str]:
    found = {path.stem}
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(asname=str(name)):
                found.add(name)
    return found
