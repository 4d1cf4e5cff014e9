"""The floors of the house: what each room may import, read from the imports themselves."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

import fromscratch

PACKAGE = Path(fromscratch.__file__).parent

# Room -> floor. A module may import its own floor's room mates only where ROOMMATES says so, and any lower floor.
FLOORS = {
    "fromscratch": 0,
    "__main__": 11,
    "address": 1,
    "advice": 1,
    "errors": 1,
    "lazy_regex": 1,
    "record": 1,
    "opening": 1,
    "paths": 1,
    "digest": 1,
    "progress": 1,
    "limits": 1,
    "model": 2,
    "formats": 3,
    "transforms": 4,
    "linker": 4,
    "host": 5,
    "sources": 6,
    "images": 6,
    "tracing": 6,
    "recipe": 7,
    "flow": 8,
    "proof": 9,
    "cli": 10,
}
HEAVY = {
    "requests",
    "tqdm",
    "yaml",
    "zstandard",
    "zlib_ng",
    "platformdirs",
    "pysequoia",
    "lzma",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
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


# What the transports of images/ share: it knows none of them, but for the catalogue, which names them all.
SHARED = {"sources": {"contract"}, "images": {"contract", "engine"}}


def kind(module: str) -> str:
    """The kind of source, or the transport, that a module belongs to: `debian` for all of sources.debian."""
    return module.split(".")[2]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_from_floors_below_and_never_a_sibling_source_or_transport(path: Path) -> None:
    me = name_of(path)
    for target in imports(path):
        if not target.startswith("fromscratch") or target == me:
            continue
        assert FLOORS[room(target)] <= FLOORS[room(me)], f"{me} imports {target} from a floor above"
        mine, theirs = room(me), room(target)
        if mine in SHARED and theirs == mine and len(target.split(".")) > 2:
            free = {kind(target)} if me.endswith(".catalogue") else SHARED[mine]
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
            # A package's own __init__ is no part of a circle: ours hold nothing but docstrings.
            if target in graph and target != module and not module.startswith(f"{target}."):
                visit(target, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_what_is_slow_to_import_is_imported_where_it_is_used(path: Path) -> None:
    assert not {target.split(".")[0] for target in imports(path, top_level=True)} & HEAVY


def test_every_package_that_is_imported_is_a_dependency_of_the_product() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][name] for name in ("zstd", "fast", "openpgp")]
    declared = {re.split("[><=;]", line)[0].lower() for line in chain(project["dependencies"], *extras)}
    imported = {target.split(".")[0] for path in modules() for target in imports(path)}
    distributions = packages_distributions()
    others = imported - sys.stdlib_module_names - {"fromscratch"}
    assert others
    assert [name for name in others if not {each.lower() for each in distributions[name]} & declared] == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_records_are_structs_and_never_dataclasses(path: Path) -> None:
    """A frozen dataclass takes eighty times as long to define, and its module loads all of `inspect`."""
    assert room(name_of(path)) == "cli" or "dataclasses" not in imports(path)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_programs_are_started_by_the_host_alone_and_only_the_cli_prints_or_exits(path: Path) -> None:
    me = room(name_of(path))
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", "")}
            assert "subprocess" not in names or me == "host", f"{path}:{node.lineno}: subprocess outside host/"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "exit", "input") or me == "cli", f"{path}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            spelled = f"{node.value.id}.{node.attr}"
            assert spelled not in ("os.system", "os.popen"), f"{path}:{node.lineno}"
            assert spelled != "sys.exit" or me in ("cli", "host"), f"{path}:{node.lineno}"
