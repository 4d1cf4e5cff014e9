"""What all families look with: the files of a scene, and names in folders."""

from collections.abc import Iterator

from fromscratch import paths
from fromscratch.linker.beyond.contract import NeededFile, Scene
from fromscratch.model import view as views
from fromscratch.paths import TreePath


def selected(scene: Scene) -> Iterator[TreePath]:
    """The places of all files that are selected so far, ELF files too."""
    yield from scene.files
    yield from scene.objects


def member(scene: Scene, path: str, by: TreePath, what: str, kind: str) -> Iterator[NeededFile]:
    """A file that belongs to the file `by`, if the root has it; `what` says as what."""
    if views.place(scene.view, path) is not None:
        yield NeededFile(path, by, f"{by} ({what})", kind, "declared", "needed by", optional=True)


def members(scene: Scene, folder: str, by: TreePath, what: str, kind: str, ending: str = "") -> Iterator[NeededFile]:
    """The files directly in a folder whose names have this ending."""
    for name in views.names(scene.view, folder):
        if name.endswith(ending):
            yield from member(scene, f"{folder}/{name}", by, what, kind)


def above(place: TreePath) -> Iterator[TreePath]:
    """The folders above a place, the nearest first, without the root."""
    folder = paths.parent(place)
    while folder != paths.ROOT:
        yield folder
        folder = paths.parent(folder)
