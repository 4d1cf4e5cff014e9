"""The database of RPM in its own form, Packages.db, as SUSE has it: rpm's lib/backend/ndb/rpmpkg.c.

A header, slots of 16 bytes in pages of 4096, and blobs at multiples of 16. All numbers are little-endian.
"""

import zlib
from collections.abc import Iterator, Mapping
from struct import Struct as Layout
from typing import Any

from fromscratch.errors import FormatError

_PAGE, _BLOCK = 4096, 16
_HEADER = Layout("<4sIIIII8x")  # magic, version, generation, pages of slots, the next number of a package
_SLOT = Layout("<4sIII")  # magic, number of the package, offset and length of its blob in blocks
_BLOB = Layout("<4sIII")  # magic, number of the package, generation, bytes
_TAIL = Layout("<II4s")  # checksum, bytes, magic
_GENERATION = 1


def blobs(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the header of each package. Raises FormatError."""
    magic, version, _, pages, _, _ = _unpacked(_HEADER, raw, 0)
    if magic != b"RpmP" or version != 0 or pages * _PAGE > len(raw):
        raise _damaged("it does not begin as one")
    seen: set[int] = set()
    for position in range(_HEADER.size, pages * _PAGE, _SLOT.size):
        magic, number, offset, blocks = _unpacked(_SLOT, raw, position)
        if magic != b"Slot":
            raise _damaged(f"there is no slot at byte {position}")
        if not number or not offset:
            continue
        magic, owner, _, size = _unpacked(_BLOB, raw, offset * _BLOCK)
        start = offset * _BLOCK + _BLOB.size
        is_sound = magic == b"BlbS" and owner == number and size <= blocks * _BLOCK and start + size <= len(raw)
        if not is_sound or offset in seen:
            raise _damaged(f"the slot at byte {position} leads to no package of its own")
        seen.add(offset)
        yield number, raw[start : start + size]


def database(headers: Mapping[int, bytes]) -> bytes:
    """A database of these headers, by their numbers."""
    pages = -(-(_HEADER.size + len(headers) * _SLOT.size) // _PAGE)
    slots, stored = [], []
    offset = pages * _PAGE // _BLOCK
    for number, header in sorted(headers.items()):
        body = _BLOB.pack(b"BlbS", number, _GENERATION, len(header)) + header
        body += bytes(-(len(body) + _TAIL.size) % _BLOCK)
        blob = body + _TAIL.pack(zlib.adler32(body), len(header), b"BlbE")
        slots.append(_SLOT.pack(b"Slot", number, offset, len(blob) // _BLOCK))
        stored.append(blob)
        offset += len(blob) // _BLOCK
    slots += [_SLOT.pack(b"Slot", 0, 0, 0)] * ((pages * _PAGE - _HEADER.size) // _SLOT.size - len(slots))
    start = _HEADER.pack(b"RpmP", 0, _GENERATION, pages, max(headers, default=0) + 1, 0)
    return b"".join((start, *slots, *stored))


def _unpacked(layout: Layout, raw: bytes, offset: int) -> tuple[Any, ...]:
    if offset + layout.size > len(raw):
        raise _damaged("it is cut")
    return layout.unpack_from(raw, offset)


def _damaged(problem: str) -> FormatError:
    return FormatError(f"the database of RPM is damaged: {problem}", "rebuild it: rpmdb --rebuilddb")
