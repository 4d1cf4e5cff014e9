"""The database of dpkg: /var/lib/dpkg with its status and lists, or with the status.d of images without dpkg."""

from collections.abc import Callable, Iterator, Mapping, Set

from fromscratch.formats.databases.contract import bytes_at, rewritten
from fromscratch.formats.debian import installed as formats
from fromscratch.formats.debian.installed import Record
from fromscratch.formats.installed import Installed, Package, control_key
from fromscratch.model.entry import Directory, Entry, File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_FOLDER = "/var/lib/dpkg"
_STATUS, _INFO, _STATUS_D = f"{_FOLDER}/status", f"{_FOLDER}/info", f"{_FOLDER}/status.d"
_SUMS = ".md5sums"
_CONFFILES = ".conffiles"
# Without the first dpkg does not look for lists with an architecture in their names; it complains without the second.
_FORMAT, _UPDATES = f"{_INFO}/format", f"{_FOLDER}/updates"


class Dpkg:
    """Both places are read, since images that were built in steps can have both."""

    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self.notes: list[str] = []
        self._status = list(formats.records(bytes_at(tree, _STATUS) or b""))
        self._diversions = formats.diversions(bytes_at(tree, f"{_FOLDER}/diversions") or b"")
        self._names = {record.package: self._info_name(record) for record in self._status}
        self._alone = dict(self._status_d())
        found = [Installed(record.package, tuple(self._listed(record))) for record in self._status]
        known = {record.package for record in self._status}
        found += [self._summed(name, record) for name, record in self._alone.items() if record.package not in known]
        self.installed = found
        every = (*self._status, *self._alone.values())
        self.controls = {control_key(record.package): record.text for record in every}

    def cut(self, packages: Set[Package], remains: Callable[[str], bool]) -> Mapping[TreePath, Entry]:
        made: dict[TreePath, Entry] = {}
        if self._status:
            status = bytes_at(self._tree, _STATUS) or b""
            made |= rewritten(self._tree, _STATUS, formats.cut_status(status, packages))
            made |= self._as_is(_FORMAT) | self._as_is(_UPDATES)
        for record in self._status:
            if record.package in packages:
                made |= self._cut_info(record, remains)
        for name, record in self._alone.items():
            if record.package in packages:
                made |= self._as_is(f"{_STATUS_D}/{name}")
                made |= self._rewritten(f"{_STATUS_D}/{name}{_SUMS}", formats.cut_sums, remains)
        return made

    def _cut_info(self, record: Record, remains: Callable[[str], bool]) -> dict[TreePath, Entry]:
        name = self._names[record.package]
        where = self._where(record.package.name)

        def at_place(path: str) -> bool:
            return remains(where(path))

        made = self._rewritten(f"{_INFO}/{name}.list", formats.cut_list, at_place)
        made |= self._rewritten(f"{_INFO}/{name}{_SUMS}", formats.cut_sums, at_place)
        return made | self._rewritten(f"{_INFO}/{name}{_CONFFILES}", formats.cut_list, at_place)

    def _rewritten(
        self,
        path: str,
        change: Callable[[bytes, Callable[[str], bool]], bytes],
        remains: Callable[[str], bool],
    ) -> dict[TreePath, Entry]:
        raw = bytes_at(self._tree, path)
        return {} if raw is None else rewritten(self._tree, path, change(raw, remains))

    def _as_is(self, path: str) -> dict[TreePath, Entry]:
        entry = self._tree.find(path)
        return {self._tree.resolve(path): entry} if isinstance(entry, File | Directory) else {}

    def _info_name(self, record: Record) -> str:
        names = (name for name in record.info_names if self._tree.find(f"{_INFO}/{name}.list") is not None)
        return next(names, record.info_names[-1])

    def _listed(self, record: Record) -> Iterator[str]:
        raw = bytes_at(self._tree, f"{_INFO}/{self._names[record.package]}.list") or b""
        return map(self._where(record.package.name), formats.file_list(raw))

    def _where(self, name: str) -> Callable[[str], str]:
        """Where a file of that package is, if another has diverted it: dpkg-divert(1)."""
        moved = {path: place for path, (place, by) in self._diversions.items() if by != name}
        return lambda path: moved.get(path, path)

    def _status_d(self) -> Iterator[tuple[str, Record]]:
        folder = self._tree.find(_STATUS_D)
        if folder is None:
            return
        for name in self._tree.children(self._tree.resolve(_STATUS_D)):
            if not name.endswith(_SUMS):
                for record in formats.records(bytes_at(self._tree, f"{_STATUS_D}/{name}") or b""):
                    yield name, record
                    break

    def _summed(self, name: str, record: Record) -> Installed:
        files = formats.summed_files(bytes_at(self._tree, f"{_STATUS_D}/{name}{_SUMS}") or b"")
        return Installed(record.package, files)
