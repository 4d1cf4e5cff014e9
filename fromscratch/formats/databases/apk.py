"""The database of apk, in the place of Alpine's releases or of distributions with a merged /usr."""

from collections.abc import Callable, Mapping, Set

from fromscratch.formats.alpine import installed as formats
from fromscratch.formats.databases.contract import bytes_at, rewritten
from fromscratch.formats.installed import Installed, Package, control_key
from fromscratch.model.entry import Entry
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_PLACES = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")


class Apk:
    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self.notes: tuple[str, ...] = ()
        found = ((path, bytes_at(tree, path)) for path in _PLACES)
        self._path, self._raw = next(((path, raw) for path, raw in found if raw is not None), ("", b""))
        self.installed: list[Installed] = list(formats.installed(self._raw))
        self.controls = {control_key(package): text for package, text in formats.controls(self._raw)}

    def cut(self, packages: Set[Package], remains: Callable[[str], bool]) -> Mapping[TreePath, Entry]:
        return rewritten(self._tree, self._path, formats.cut(self._raw, packages, remains)) if self._path else {}
