"""The records of pacman: a folder of small files for each package."""

from collections.abc import Callable, Iterator, Mapping, Set

from fromscratch import paths
from fromscratch.formats.arch import installed as formats
from fromscratch.formats.databases.contract import bytes_at, rewritten
from fromscratch.formats.installed import Installed, Package
from fromscratch.model.entry import Entry, File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_TOP = "/var/lib/pacman/local"


class Pacman:
    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self.notes: tuple[str, ...] = ()
        self._folders = dict(self._packages())
        self.installed: list[Installed] = [
            Installed(package, formats.contents(bytes_at(tree, f"{folder}/files") or b""))
            for folder, package in self._folders.items()
        ]

    def cut(self, packages: Set[Package], remains: Callable[[str], bool]) -> Mapping[TreePath, Entry]:
        made: dict[TreePath, Entry] = {}
        for folder, package in self._folders.items():
            if package in packages:
                desc = paths.join(folder, "desc")
                if isinstance(self._tree.get(desc), File):
                    made[desc] = self._tree[desc]
                made |= rewritten(
                    self._tree, f"{folder}/files", formats.cut(bytes_at(self._tree, f"{folder}/files") or b"", remains)
                )
        return made

    def _packages(self) -> Iterator[tuple[TreePath, Package]]:
        top = self._tree.find(_TOP) and self._tree.resolve(_TOP)
        for name in self._tree.children(top) if top else ():
            folder = paths.join(top, name) if top else paths.ROOT
            found = formats.package(bytes_at(self._tree, f"{folder}/desc") or b"")
            if found is not None:
                yield folder, found
