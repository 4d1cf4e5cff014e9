"""The manifest of chisel, by which an Ubuntu image without dpkg lists the slices of packages that it is made of."""

from collections.abc import Callable, Mapping, Set

from fromscratch.errors import FormatError
from fromscratch.formats.databases.contract import bytes_at, rewritten
from fromscratch.formats.debian import chisel_manifest as formats
from fromscratch.formats.installed import Installed, Package
from fromscratch.model.entry import Entry
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

PLACE = "/var/lib/chisel/manifest.wall"


class Chisel:
    """Its packages are those of dpkg, though only in part: the slices that `slices` names for each."""

    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self._raw = bytes_at(tree, PLACE)
        self.notes: list[str] = []
        self.installed: list[Installed] = []
        self.slices: dict[str, list[str]] = {}
        try:
            if self._raw is not None:
                self.installed = list(formats.installed(self._raw))
                self.slices = formats.slices(self._raw)
        except FormatError as error:
            self.notes.append(f"{PLACE}: {error.message}")

    def cut(self, packages: Set[Package], remains: Callable[[str], bool]) -> Mapping[TreePath, Entry]:
        if self._raw is None or self.notes:
            return {}
        return rewritten(self._tree, PLACE, formats.cut(self._raw, packages, remains))
