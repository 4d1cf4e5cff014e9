"""Where the paths that a database spells stand in a tree, and which package brought what stands there."""

from collections.abc import Iterable

from fromscratch import paths
from fromscratch.errors import ImageError
from fromscratch.formats.installed import Installed, Package
from fromscratch.model.entry import Directory
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath


class Places:
    """Where the paths that a database spells stand in a tree: their folders are resolved, each once."""

    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self._folders: dict[str, TreePath | None] = {}

    def of(self, spelled: str) -> TreePath | None:
        try:
            path = paths.tree_path(spelled)
        except ImageError:
            return None
        folder = paths.parent(path)
        if folder not in self._folders:
            try:
                self._folders[folder] = self._tree.resolve(folder)
            except ImageError:
                self._folders[folder] = None
        place = self._folders[folder]
        return None if place is None else path if path == paths.ROOT else paths.join(place, paths.name(path))


def owners(tree: Rootfs, installed: Iterable[Installed]) -> dict[TreePath, Package]:
    """The package of each file and link that is in the tree; of several that list one, the first."""
    places = Places(tree)
    found: dict[TreePath, Package] = {}
    for one in installed:
        for path in map(places.of, one.files):
            if path is not None and path in tree and not isinstance(tree[path], Directory):
                found.setdefault(path, one.package)
    return found
