"""The Python programs of an image: which files they are, and which modules each of them sees."""

from collections.abc import Iterator
from typing import NamedTuple

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Scene
from fromscratch.linker.beyond.python.closure import Program
from fromscratch.linker.beyond.python.tree import PythonTree, Venv, tree_of, venv_beside, venv_of
from fromscratch.linker.beyond.requested import Requested
from fromscratch.linker.beyond.scripts.shebang import language
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.paths import TreePath

_PYTHON = lazy_regex(r"python[\d.]*[a-z]?")


class Group(NamedTuple):
    """Programs that see the same modules: `first` are the folders before the standard library."""

    venv: Venv | None
    first: tuple[str, ...]
    programs: tuple[Program, ...]


def groups(scene: Scene, tree: PythonTree, search: tuple[str, ...]) -> Iterator[Group]:
    """The Python programs that this interpreter reads, put together by what they see. `search` is PYTHONPATH."""
    found: dict[tuple[Venv | None, tuple[str, ...]], list[Program]] = {}
    bare: list[tuple[str, Program]] = []  # those that do not say what reads them
    requested = Requested(scene)
    for place in sorted(scene.files, key=paths.sort_key):
        if not _is_program(scene, requested, place):
            continue
        reader = language(scene, place)
        if reader is not None and not _PYTHON.fullmatch(reader.name):
            continue
        if reader is not None:
            interpreter = views.place(scene.view, reader.path)
            theirs = None if interpreter is None else tree_of(scene, interpreter)
            if theirs is None or theirs.library != tree.library:
                continue
        text = scene.read(place)
        if text is not None:
            folder, package = _package(scene, place)
            program = Program(place, text, package)
            if reader is None:
                bare.append((folder, program))
            else:
                found.setdefault((venv_of(scene, reader.path), (folder, *search)), []).append(program)
    of_others = next((venv for venv, _ in found if venv is not None), None)
    for folder, program in bare:
        venv = venv_beside(scene, folder, tree.version) or of_others
        found.setdefault((venv, (folder, *search)), []).append(program)
    for (venv, first), programs in found.items():
        yield Group(venv, first, tuple(programs))


def _is_program(scene: Scene, requested: Requested, place: TreePath) -> bool:
    """Whether it may be something to start: what was asked for and is a source, or what is executable."""
    entry = views.look(scene.view, place)
    if not isinstance(entry, File) or requested.is_module(place):
        return False
    is_requested = requested.covers(place)
    if is_requested and place.endswith(".py"):
        return True
    return (is_requested or bool(entry.meta.mode & 0o111)) and language(scene, place) is not None


def _package(scene: Scene, place: TreePath) -> tuple[str, str]:
    """The folder that a file's imports begin at, and the package that the file is in: a module is not a script."""
    folder, parts = paths.parent(place), list[str]()
    while place.endswith(".py") and "__init__.py" in views.names(scene.view, folder) and folder != paths.ROOT:
        parts.insert(0, paths.name(folder))
        folder = paths.parent(folder)
    return folder, ".".join(parts)
