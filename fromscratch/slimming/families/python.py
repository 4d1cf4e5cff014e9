"""Python: the source of compiled code and the compiled code of a source, the packages around it, their metadata.

A source is often only looked at, since its compiled code in `__pycache__` is what is opened (PEP 3147); without the
source that code is not loaded.
"""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.lazy_regex import lazy_regex
from fromscratch.linker.beyond.contract import Finding, NeededFile, Scene
from fromscratch.model import view as views
from fromscratch.paths import TreePath
from fromscratch.slimming.families.folder import above, member, members, selected

KIND = "python"
_COMPILED = lazy_regex(r"(?s)(.+)/__pycache__/([^/]+?)\.[^/.]+(?:\.opt-\d)?\.pyc")
_METADATA = lazy_regex(r"(?s)(.+\.(?:dist|egg)-info)/[^/]+")


def find(scene: Scene) -> Iterator[Finding]:
    """What belongs to each kept source, compiled code, module and description of a package."""
    folders: set[TreePath] = set()
    for place in selected(scene):
        if place.endswith(".py"):
            yield from _compiled(scene, place)
        if place.endswith((".py", ".pyc", ".so")):
            yield from _packages(scene, place, folders)
        if found := _COMPILED.fullmatch(place):
            yield from member(scene, f"{found[1]}/{found[2]}.py", place, "its source", KIND)
        if found := _METADATA.fullmatch(place):
            yield from members(scene, found[1], place, "metadata of the same package", KIND)


def _compiled(scene: Scene, source: TreePath) -> Iterator[NeededFile]:
    cache, stem = f"{paths.parent(source)}/__pycache__", paths.name(source)[:-2]
    for name in views.names(scene.view, cache):
        if name.startswith(stem) and name.endswith(".pyc"):
            yield from member(scene, f"{cache}/{name}", source, "its compiled code", KIND)


def _packages(scene: Scene, place: TreePath, done: set[TreePath]) -> Iterator[NeededFile]:
    """The `__init__.py` of each package that a module is in; folders that are `done` are left out, and become so."""
    for folder in above(place):
        if paths.name(folder) == "__pycache__":
            continue
        if folder in done:
            return
        done.add(folder)
        path = f"{folder}/__init__.py"
        if views.place(scene.view, path) is None:
            return
        if path != place:
            yield from member(scene, path, place, "the package that it is in", KIND)
