"""The log of SQLite, DATABASE-wal, laid over the database: SQLite's file format, 4, "The Write-Ahead Log"."""

from collections.abc import Iterator
from struct import Struct as Layout

_HEADER, _FRAME = Layout(">IIIIIIII"), Layout(">IIIIII")
_LITTLE, _BIG = 0x377F0682, 0x377F0683  # magic numbers, by the order of the bytes in checksums
_SIZES = frozenset(512 << shift for shift in range(8))


def with_log(database: bytes, log: bytes) -> bytes:
    """The database as its reader sees it: each committed page of the log in its place."""
    pages: dict[int, bytes] = {}
    committed: dict[int, bytes] = {}
    count = page_size = 0
    for number, after, page in _frames(log):
        pages[number] = page
        if after:  # the frame ends a transaction, after which the database has so many pages
            committed, count, page_size = dict(pages), after, len(page)
    if not committed:
        return database
    size = count * page_size
    if size > len(database) + len(log):
        return database  # pages that neither has
    image = bytearray(database[:size].ljust(size, b"\0"))
    for number, page in committed.items():
        if number <= count:
            image[(number - 1) * page_size : number * page_size] = page
    return bytes(image)


def _frames(log: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The number of the page, the pages after the commit (0 for none), and the page of each frame that is valid."""
    if len(log) < _HEADER.size:
        return
    magic, _, page_size, _, *salt, first, second = _HEADER.unpack_from(log)
    order = {_LITTLE: "<", _BIG: ">"}.get(magic)
    if order is None or page_size not in _SIZES:
        return
    sums = _checksum(log[:24], (0, 0), order)
    if sums != (first, second):
        return
    for start in range(_HEADER.size, len(log) - _FRAME.size - page_size + 1, _FRAME.size + page_size):
        number, after, *frame_salt, first, second = _FRAME.unpack_from(log, start)
        page = log[start + _FRAME.size : start + _FRAME.size + page_size]
        sums = _checksum(log[start : start + 8] + page, sums, order)
        if frame_salt != salt or sums != (first, second) or not number:
            return  # left over from before the log was begun anew
        yield number, after, page


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = sums
    words = Layout(f"{order}{len(data) // 4}I").unpack(data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return one, two
