"""Databases of RPM made from nothing: headers, and the tables that rpm makes in SQLite."""

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing

_INT32, _STRING, _STRINGS = 4, 6, 8


def header(
    name: str,
    version: str = "1.0",
    release: str = "1",
    *,
    epoch: int = 0,
    arch: str = "x86_64",
    files: Sequence[str] = (),
) -> bytes:
    """The header of a package with these files, as the database holds it."""
    folders = list(dict.fromkeys(path.rpartition("/")[0] + "/" for path in files))
    indexes = [folders.index(path.rpartition("/")[0] + "/") for path in files]
    tags: list[tuple[int, int, bytes, int]] = [
        (1000, _STRING, _strings([name]), 1),
        (1001, _STRING, _strings([version]), 1),
        (1002, _STRING, _strings([release]), 1),
        (1022, _STRING, _strings([arch]), 1),
    ]
    if epoch:
        tags.append((1003, _INT32, struct.pack(">I", epoch), 1))
    if files:
        tags.append((1116, _INT32, struct.pack(f">{len(indexes)}I", *indexes), len(indexes)))
        tags.append((1117, _STRINGS, _strings([path.rpartition("/")[2] for path in files]), len(files)))
        tags.append((1118, _STRINGS, _strings(folders), len(folders)))
    entries, data = b"", b""
    for tag, kind, value, count in tags:
        if kind == _INT32:
            data += bytes(-len(data) % 4)
        entries += struct.pack(">IIII", tag, kind, len(data), count)
        data += value
    return struct.pack(">II", len(tags), len(data)) + entries + data


def sqlite(headers: Mapping[int, bytes], *, write_ahead: bool = False) -> bytes:
    """rpmdb.sqlite with these headers by their numbers, and the table of their names."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
        database.execute("CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
        database.execute("CREATE INDEX 'Name_key_idx' ON 'Name'(key ASC)")
        database.executemany("INSERT INTO Packages VALUES (?, ?)", headers.items())
        database.executemany("INSERT INTO Name VALUES (?, ?, 0)", ((f"name{number}", number) for number in headers))
        database.commit()
        made = bytearray(database.serialize())
    if write_ahead:
        made[18:20] = b"\2\2"
    return bytes(made)


def berkeley(headers: Mapping[int, bytes], *, order: str = "<", size: int = 512) -> bytes:
    """Packages with these headers by their numbers: a page of the table, and the pages of each header behind it."""
    table = [(0, b"\1" + struct.pack(f"{order}I", len(headers)))]
    pages: list[bytes] = []
    for number, value in headers.items():
        parts = [value[start : start + size - 26] for start in range(0, len(value), size - 26)]
        first = 2 + len(pages)
        table.append((number, struct.pack(f"{order}B3xII", 3, first, len(value))))
        for index, part in enumerate(parts, 1):
            following = first + index if index < len(parts) else 0
            pages.append(struct.pack(f"{order}8xIIIHHBB", first + index - 1, 0, following, 1, len(part), 0, 7) + part)
    items = [item for number, value in table for item in (b"\1" + struct.pack(f"{order}I", number), value)]
    end, offsets, body = size, [], b""
    for item in items:
        end -= len(item)
        offsets.append(end)
        body = item + body
    start = struct.pack(f"{order}8xIIIHHBB", 1, 0, 0, len(items), end, 0, 13) + struct.pack(
        f"{order}{len(items)}H", *offsets
    )
    meta = struct.pack(f"{order}8xIIIIBB2xII", 0, 0x061561, 9, size, 0, 8, 0, 1 + len(pages))
    whole = [meta, start + bytes(size - len(start) - len(body)) + body, *pages]
    return b"".join(page.ljust(size, b"\0") for page in whole)


def _strings(texts: Sequence[str]) -> bytes:
    return b"".join(text.encode() + b"\0" for text in texts)
