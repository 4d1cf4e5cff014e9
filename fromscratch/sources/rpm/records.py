"""RPM's database in the tree: what it has of packages below, and of those that are added."""

from collections.abc import Mapping, Sequence

from fromscratch import paths
from fromscratch.errors import ImageError
from fromscratch.formats.rpm import berkeley, ndb
from fromscratch.formats.rpm.database import Record
from fromscratch.formats.rpm.header import installed
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_FOLDERS = tuple(map(TreePath, ("/usr/lib/sysimage/rpm", "/var/lib/rpm")))
_SQLITE, _NDB, _BERKELEY = "rpmdb.sqlite", "Packages.db", "Packages"
_MACROS = tuple(map(TreePath, ("/usr/lib/rpm/macros", "/usr/lib/rpm/suse/macros")))
_MOST = 512 << 20


def with_records(tree: Rootfs, records: Sequence[Record], origin: Origin) -> Rootfs:
    """The tree with a database of these packages, and of those in the one that it has.

    It is where this root has its database, or a folder for it, and in the form that it has; SQLite where nothing says
    otherwise, and beside one in the form of Berkeley DB, which is read and not written.
    """
    folder = _folder(tree)
    uses_ndb = any(b"_db_backend" in line and b"ndb" in line for path in _MACROS for line in _lines(tree, path))
    is_ndb = paths.join(folder, _NDB) in tree or (uses_ndb and paths.join(folder, _SQLITE) not in tree)
    place = paths.join(folder, _NDB if is_ndb else _SQLITE)
    present = _present(tree, place) or _present(tree, paths.join(folder, _BERKELEY))
    known = {installed(header).package for header in present.values()}
    first = max(present, default=0) + 1
    added = dict(enumerate((one for one in records if installed(one.header).package not in known), first))
    made: dict[TreePath, Entry] = {place: File(Meta(0o644), Inline(_database(is_ndb, added, present)), (origin,))}
    if folder not in tree:
        made[folder] = Directory(Meta(0o755), (origin,))
    return tree.with_entries(made)


def _folder(tree: Rootfs) -> TreePath:
    names = (_SQLITE, _NDB, _BERKELEY)
    having = (path for path in _FOLDERS if any(tree.find(f"{path}/{name}") is not None for name in names))
    present = (path for path in _FOLDERS if isinstance(tree.find(path), Directory))
    found = next(having, None) or next(present, None)
    return tree.resolve(found) if found else tree.locate(_FOLDERS[0])


def _database(is_ndb: bool, added: Mapping[int, Record], present: Mapping[int, bytes]) -> bytes:
    if is_ndb:
        return ndb.database({**present, **{number: one.header for number, one in added.items()}})
    try:
        from fromscratch.formats.rpm import sqlite
    except ImportError as error:
        raise ImageError(
            "RPM's database needs sqlite3, which this Python was built without",
            "use a Python with sqlite3, or say  records: false",
        ) from error
    return sqlite.with_keys(added, present)


def _present(tree: Rootfs, place: TreePath) -> dict[int, bytes]:
    """The headers in the database that is there."""
    entry = tree.find(place)
    if not isinstance(entry, File) or entry.content.size > _MOST:
        return {}
    raw = read(entry.content)
    if place.endswith(_NDB):
        return dict(ndb.blobs(raw))
    if place.endswith(f"/{_BERKELEY}"):
        return dict(berkeley.blobs(raw))
    from fromscratch.formats.rpm import sqlite

    return dict(sqlite.blobs(raw))


def _lines(tree: Rootfs, path: TreePath) -> list[bytes]:
    entry = tree.find(path)
    return read(entry.content).split(b"\n") if isinstance(entry, File) and entry.content.size < 1 << 20 else []
