"""The database of RPM in SQLite, rpmdb.sqlite: rpm's lib/backend/sqlite.c.

It is read from memory, as a value: nothing is written beside it, and its own log of changes counts as if it had been
copied back. The bytes are untrusted, so a query that works too long ends, and no trigger or function of theirs runs.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing
from typing import Any

from fromscratch.errors import FormatError
from fromscratch.formats.rpm.database import Record, keys
from fromscratch.formats.rpm.install_time import with_install_time
from fromscratch.formats.rpm.write_ahead_log import with_log

# The tables by which rpm finds packages; the keys of two are bytes.
_INDEXES = (
    "Name", "Basenames", "Group", "Requirename", "Providename", "Conflictname", "Obsoletename", "Triggername",
    "Dirnames", "Installtid", "Sigmd5", "Sha1header", "Filetriggername", "Transfiletriggername", "Recommendname",
    "Suggestname", "Supplementname", "Enhancename",
)  # fmt: skip
_OF_BYTES = frozenset({"Installtid", "Sigmd5"})
_SELECT, _INSERT = "SELECT hnum, idx, key FROM 'TABLE' ORDER BY rowid", "INSERT INTO 'TABLE' VALUES (?, ?, ?)"
_MAGIC = b"SQLite format 3\0"
_STEPS, _MOST = 100_000, 1_000  # instructions between two looks, and looks
_MOST_BYTES = 512 << 20
_FORMAT_VERSIONS, _WRITER = slice(18, 20), slice(96, 100)


def blobs(raw: bytes, log: bytes = b"") -> Iterator[tuple[int, bytes]]:
    """The number and the header of each package; `log` is rpmdb.sqlite-wal. Raises FormatError."""
    with closing(_opened(raw, log)) as database:
        yield from _rows(database, "SELECT hnum, blob FROM Packages ORDER BY hnum", (int, bytes))


def cut(raw: bytes, log: bytes, numbers: Set[int]) -> bytes:
    """A database of the packages with these numbers alone. Raises FormatError."""
    return _changed(raw, log, numbers.__contains__, lambda blob: blob, None)


def at_time(raw: bytes, log: bytes, moment: int) -> bytes:
    """The database as if all its packages had been installed at `moment`, in seconds since 1970. Raises FormatError."""
    return _changed(raw, log, lambda _: True, lambda blob: with_install_time(blob, moment), moment)


def _changed(
    raw: bytes, log: bytes, chooses: Callable[[int], bool], change: Callable[[bytes], bytes], transaction: int | None
) -> bytes:
    with closing(_opened(raw, log)) as source:
        packages = _rows(source, "SELECT hnum, blob FROM Packages ORDER BY hnum", (int, bytes))
        chosen = [(number, change(blob)) for number, blob in packages if chooses(number)]
        present = {str(name) for (name,) in _rows(source, "SELECT name FROM sqlite_master", (str,))}

        def rows(table: str) -> Iterator[tuple[Any, ...]]:
            found = _rows(source, _SELECT.replace("TABLE", table), (int, int, (str, bytes))) if table in present else ()
            same = table == "Installtid" and transaction is not None
            of_all = transaction.to_bytes(4, "little") if same and transaction is not None else b""
            return ((of_all or key, number, index) for number, index, key in found if chooses(number))

        return _database(chosen, rows)


def database(packages: Mapping[int, tuple[str, bytes]]) -> bytes:
    """A database of these packages: by their numbers the name and the header. They are found by name alone."""
    names = [(name, number, 0) for number, (name, _) in packages.items()]
    chosen = [(number, header) for number, (_, header) in packages.items()]
    return _database(chosen, lambda table: iter(names if table == "Name" else ()))


def with_keys(packages: Mapping[int, Record], others: Mapping[int, bytes] = {}) -> bytes:
    """A database of packages, found by all that rpm looks for, and of `others`, whose keys come from their headers."""
    records = {number: Record(blob, keys(blob)) for number, blob in others.items()} | dict(packages)

    def rows(table: str) -> Iterator[tuple[Any, ...]]:
        for number, one in sorted(records.items()):
            yield from ((key, number, index) for key, index in one.keys.get(table, ()))

    return _database(((number, one.header) for number, one in sorted(records.items())), rows)


def _database(packages: Iterable[tuple[Any, ...]], rows: Callable[[str], Iterator[tuple[Any, ...]]]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as target:
        target.execute("PRAGMA page_size = 4096")
        target.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
        target.executemany("INSERT INTO Packages VALUES (?, ?)", packages)
        for table in _INDEXES:
            _add_index(target, table, rows(table))
        target.commit()
        target.execute("VACUUM")
        made = bytearray(target.serialize())
    # The release of the library that wrote it last; any would do, so the bytes need not depend on it.
    made[_WRITER] = (3_040_000).to_bytes(4, "big")
    return bytes(made)


def _add_index(target: sqlite3.Connection, table: str, rows: Iterator[tuple[Any, ...]]) -> None:
    kind = "BLOB" if table in _OF_BYTES else "TEXT"
    target.execute(
        f"CREATE TABLE '{table}' (key '{kind}' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, "
        "FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))"
    )
    target.executemany(_INSERT.replace("TABLE", table), rows)
    if table not in _OF_BYTES:
        target.execute(f"CREATE INDEX '{table}_key_idx' ON '{table}'(key ASC)")
    if table not in {*_OF_BYTES, "Name", "Group"}:
        target.execute(f"CREATE INDEX '{table}_hnum_idx' ON '{table}'(hnum ASC)")


def _opened(raw: bytes, log: bytes) -> sqlite3.Connection:
    if not raw.startswith(_MAGIC) or len(raw) < 512:
        raise _damaged("it does not begin as one")
    if len(raw) + len(log) > _MOST_BYTES:
        raise _damaged(f"it has more than {_MOST_BYTES} bytes")
    image = bytearray(with_log(raw, log))
    image[_FORMAT_VERSIONS] = b"\1\1"  # without a log, since a value in memory can have none
    database = sqlite3.connect(":memory:")
    looks = 0

    def exhausted() -> bool:
        nonlocal looks
        looks += 1
        return looks > _MOST

    database.text_factory = _text
    database.set_progress_handler(exhausted, _STEPS)
    try:
        database.deserialize(bytes(image))
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA query_only = ON")
    except (sqlite3.Error, UnicodeError) as error:
        database.close()
        raise _damaged(str(error)) from error
    return database


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _rows(
    database: sqlite3.Connection, query: str, kinds: Sequence[type | tuple[type, ...]]
) -> Iterator[tuple[Any, ...]]:
    """The rows of a query whose values are of these kinds."""
    try:
        for row in database.execute(query):
            if not all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
                raise _damaged("a table holds values of another kind")
            yield row
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        raise _damaged(str(error)) from error


def _damaged(problem: str) -> FormatError:
    return FormatError(f"the database of RPM is damaged: {problem}", "rebuild it: rpmdb --rebuilddb")
