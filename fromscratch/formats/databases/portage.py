"""The records of Portage: a folder of small files for each package."""

from collections.abc import Callable, Iterator, Mapping, Set

from fromscratch import paths
from fromscratch.formats.databases.contract import bytes_at, rewritten
from fromscratch.formats.gentoo import installed as formats
from fromscratch.formats.installed import Installed, Package
from fromscratch.model.entry import Entry, File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_TOP = "/var/db/pkg"
_CONTENTS = "CONTENTS"
# What rebuilds a package: its script, and the environment that it ran in.
_FOR_REBUILDING = (".ebuild", ".bz2", ".xz", ".gz", ".zst")


class Portage:
    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self.notes: tuple[str, ...] = ()
        self._folders = dict(self._packages())
        self.installed: list[Installed] = [
            Installed(package, formats.contents(bytes_at(tree, f"{folder}/{_CONTENTS}") or b""))
            for folder, package in self._folders.items()
        ]

    def cut(self, packages: Set[Package], remains: Callable[[str], bool]) -> Mapping[TreePath, Entry]:
        made: dict[TreePath, Entry] = {}
        for folder, package in self._folders.items():
            if package in packages:
                made |= {path: self._tree[path] for path in self._small_files(folder)}
                contents = f"{folder}/{_CONTENTS}"
                made |= rewritten(self._tree, contents, formats.cut(bytes_at(self._tree, contents) or b"", remains))
        return made

    def _packages(self) -> Iterator[tuple[TreePath, Package]]:
        top = self._tree.find(_TOP) and self._tree.resolve(_TOP)
        for category in self._tree.children(top) if top else ():
            above = paths.join(top, category) if top else paths.ROOT
            for name in self._tree.children(above):
                folder = paths.join(above, name)
                package = formats.package(category, name, self._architecture(folder))
                if package is not None:
                    yield folder, package

    def _architecture(self, folder: TreePath) -> str:
        host = paths.decode(bytes_at(self._tree, f"{folder}/CHOST") or b"")
        return host.strip().partition("-")[0]

    def _small_files(self, folder: TreePath) -> Iterator[TreePath]:
        for name in self._tree.children(folder):
            path = paths.join(folder, name)
            if name != _CONTENTS and not name.endswith(_FOR_REBUILDING) and isinstance(self._tree[path], File):
                yield path
