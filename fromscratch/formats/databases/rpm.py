"""The database of RPM, in each of its places and forms.

One in the form of Berkeley DB is not written again: where rpm itself does not remain, which reads no other, scanners
find the records in SQLite beside it instead; where rpm remains, so does the whole database.
"""

from collections.abc import Callable, Iterator, Mapping, Set

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.formats.databases.contract import bytes_at, rewritten
from fromscratch.formats.installed import Installed, Package
from fromscratch.formats.rpm import berkeley, header, ndb
from fromscratch.model.entry import Entry, File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm")
_SQLITE, _LOG, _NDB, _BERKELEY = "rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Packages"
_PROGRAMS = ("/usr/bin/rpm", "/bin/rpm")
_KEY = "gpg-pubkey"  # keys that packages are verified with stand among the packages


class Rpm:
    """Headers are signed as a whole, so those of the packages that remain list all their files still."""

    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self.notes: list[str] = []
        self.installed: list[Installed] = []
        self._numbers: dict[int, Package] = {}
        self._headers: dict[int, bytes] = {}
        self._path = next((path for path in _places(tree) if tree.find(path) is not None), "")
        try:
            for number, blob in self._blobs():
                found = header.installed(blob)
                self._headers[number] = blob
                if found.package.name != _KEY:
                    self._numbers[number] = found.package
                    self.installed.append(found)
        except FormatError as error:
            self.notes.append(f"{self._path}: {error.message}")
            self.installed, self._numbers = [], {}

    def cut(self, packages: Set[Package], remains: Callable[[str], bool]) -> Mapping[TreePath, Entry]:
        if not self._path:
            return {}
        entry = self._tree.find(self._path)
        is_whole = bool(self.notes) or (self._is_berkeley and any(map(remains, _PROGRAMS)))
        if is_whole and isinstance(entry, File):
            return {self._tree.resolve(self._path): entry}
        numbers = frozenset(number for number, package in self._numbers.items() if package in packages)
        if self._path.endswith(_NDB):
            data = ndb.database({number: self._headers[number] for number in numbers})
            return rewritten(self._tree, self._path, data)
        return self._in_sqlite(numbers)

    def _in_sqlite(self, numbers: Set[int]) -> dict[TreePath, Entry]:
        from fromscratch.formats.rpm import sqlite

        if self._is_berkeley:
            chosen = {number: (self._numbers[number].name, self._headers[number]) for number in sorted(numbers)}
            (made,) = rewritten(self._tree, self._path, sqlite.database(chosen)).items()
            return {paths.join(paths.parent(made[0]), _SQLITE): made[1]}
        data = sqlite.cut(bytes_at(self._tree, self._path) or b"", self._log(), numbers)
        # What is left in the log is in the database now, and would be laid over it again.
        emptied = rewritten(self._tree, self._log_path, b"") if self._log() else {}
        return rewritten(self._tree, self._path, data) | emptied

    def _blobs(self) -> Iterator[tuple[int, bytes]]:
        raw = bytes_at(self._tree, self._path) if self._path else b""
        if raw is None:
            self.notes.append(f"{self._path}: the database of RPM is too large to be read")
        elif self._path.endswith(_SQLITE):
            yield from self._of_sqlite(raw)
        elif self._path.endswith(_NDB):
            yield from ndb.blobs(raw)
        elif self._is_berkeley:
            yield from berkeley.blobs(raw)

    def _of_sqlite(self, raw: bytes) -> Iterator[tuple[int, bytes]]:
        try:
            from fromscratch.formats.rpm import sqlite
        except ImportError:
            self.notes.append(f"{self._path}: this Python has no sqlite3, which reads the database of RPM")
            return
        yield from sqlite.blobs(raw, self._log())

    @property
    def _is_berkeley(self) -> bool:
        return self._path.endswith(f"/{_BERKELEY}")

    @property
    def _log_path(self) -> str:
        return self._path.removesuffix(_SQLITE) + _LOG

    def _log(self) -> bytes:
        return bytes_at(self._tree, self._log_path) or b"" if self._path.endswith(_SQLITE) else b""


def _places(tree: Rootfs) -> Iterator[str]:
    for name in (_SQLITE, _NDB, _BERKELEY):
        yield from (f"{folder}/{name}" for folder in _FOLDERS)
