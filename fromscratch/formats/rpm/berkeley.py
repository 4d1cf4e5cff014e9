"""The database of RPM in the form of Berkeley DB, Packages, as releases before 2020 have it: a hash table in pages.

Berkeley DB 4.8's dbinc/db_page.h, access method "hash". Numbers have the order of bytes of the machine that wrote them.
"""

from collections.abc import Iterator
from struct import Struct as Layout
from typing import Any

from fromscratch.errors import FormatError

_MAGIC = 0x061561
_MAGIC_AT = 12
_SIZES = frozenset(512 << shift for shift in range(8))
_HASH, _OVERFLOW = (2, 13), 7  # types of pages
_IN_PAGE, _OFF_PAGE = 1, 3  # kinds of items
_HEADER_SIZE = 26
_COUNTER = 0  # the key under which the number of the last package stands


class _Pages:
    """The pages of a database, each number checked before it leads anywhere."""

    def __init__(self, raw: bytes) -> None:
        order = next((order for order in "<>" if _number(raw, _MAGIC_AT, order) == _MAGIC), "")
        if not order:
            raise _damaged("it does not begin as a hash table")
        self._raw, self.order = raw, order
        self.size: int = _number(raw, 20, order) or 0
        if self.size not in _SIZES:
            raise _damaged(f"its pages would have {self.size} bytes")
        self._header = Layout(f"{order}8xIIIHHBB")  # number, previous, next, entries, offset, level, type
        self._item = Layout(f"{order}B3xII")  # kind, page, bytes
        self.count = len(raw) // self.size

    def page(self, number: int) -> tuple[bytes, int, int, int, int]:
        """A page, the next one of its chain, its count of entries, its offset of free space, and its type."""
        if number >= self.count:
            raise _damaged(f"it has no page {number}")
        page = self._raw[number * self.size : (number + 1) * self.size]
        _, _, following, entries, offset, _, kind = self._header.unpack_from(page)
        return page, following, entries, offset, kind

    def items(self, page: bytes, entries: int) -> Iterator[bytes]:
        """The keys and values of a hash page in turn; the later lie before the earlier ones."""
        if _HEADER_SIZE + 2 * entries > self.size:
            raise _damaged("a page has more entries than fit")
        end = self.size
        for offset in Layout(f"{self.order}{entries}H").unpack_from(page, _HEADER_SIZE):
            if not _HEADER_SIZE <= offset < end:
                raise _damaged("an entry leads outside its page")
            yield page[offset:end]
            end = offset

    def value(self, item: bytes) -> bytes:
        """What an item holds, or leads to."""
        if item[0] == _IN_PAGE:
            return item[1:]
        if item[0] != _OFF_PAGE or len(item) < self._item.size:
            return b""  # duplicates, which rpm has none of
        _, number, size = self._item.unpack_from(item)
        parts: list[bytes] = []
        seen: set[int] = set()
        while number:
            page, following, _, length, kind = self.page(number)
            if kind != _OVERFLOW or number in seen or _HEADER_SIZE + length > self.size:
                raise _damaged(f"page {number} is not a part of a package")
            seen.add(number)
            parts.append(page[_HEADER_SIZE : _HEADER_SIZE + length])
            number = following
        whole = b"".join(parts)
        if len(whole) < size:
            raise _damaged("it is cut")
        return whole[:size]


def blobs(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the header of each package. Raises FormatError."""
    pages = _Pages(raw)
    left = len(raw)  # of what all packages can have together: no part belongs to two
    for number in range(1, pages.count):
        page, _, entries, _, kind = pages.page(number)
        if kind not in _HASH:
            continue
        items = list(pages.items(page, entries))
        for key_item, value_item in zip(items[::2], items[1::2], strict=False):
            key = _number(pages.value(key_item), 0, pages.order)
            value = pages.value(value_item)
            left -= len(value)
            if left < 0:
                raise _damaged("packages share their parts")
            if key and key != _COUNTER and value:
                yield key, value


def _number(raw: bytes, offset: int, order: str) -> Any:
    layout = Layout(f"{order}I")
    return layout.unpack_from(raw, offset)[0] if offset + layout.size <= len(raw) else None


def _damaged(problem: str) -> FormatError:
    return FormatError(f"the database of RPM is damaged: {problem}", "rebuild it: rpmdb --rebuilddb")
