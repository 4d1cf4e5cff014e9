"""The maps of sparse files in tar archives: which parts of a file the archive holds; the rest is zeros.

The forms are those of GNU tar's manual, "Storing Sparse Files": the old GNU format (typeflag S) and the pax
formats 0.0, 0.1 and 1.0. Every failure is a FormatError without the archive's name, which the reader adds.
"""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.tar import fields
from fromscratch.formats.tar.header import BLOCK

HINT = "make the archive again with GNU tar, or without --sparse"
_DAMAGED = "the archive is damaged; fetch or make it again"
_MAX_MAP = 1 << 20  # bytes; a map of regions in no honest archive comes near
_MAX_SIZE = (1 << 63) - 1
_PREFIX = b"GNU.sparse."
_MAP = _PREFIX + b"map"

# Old GNU format: four regions in the header and 21 in each block behind it, each two numbers of twelve bytes.
_REGION = 24
_IN_HEADER, _HEADER_GOES_ON, _REAL_SIZE = slice(386, 482), 482, slice(483, 495)
_IN_BLOCK, _BLOCK_GOES_ON = slice(0, 504), 504

Parts = tuple[tuple[int, int], ...]
Read = Callable[[int], bytes]
"""Gives the next so many bytes of the archive."""


class Sparse(Struct, frozen=True):
    """A map: the size of the whole file, and the `parts` that the archive holds, each as offset and length."""

    size: int
    parts: Parts


def old_gnu(block: bytes, stored: int, read: Read) -> Sparse:
    """The map of a header of typeflag S, and of the blocks that go on with it; `stored` is the header's size."""
    if block[257:265] != b"ustar  \0":
        raise FormatError("the entry is stored as a sparse file of star, which we do not read", HINT)
    regions = list(_regions(block[_IN_HEADER]))
    goes_on = block[_HEADER_GOES_ON]
    blocks = 0
    while goes_on:
        blocks += 1
        if blocks * BLOCK > _MAX_MAP:
            raise FormatError("the map of a sparse file is larger than any needs to be", _DAMAGED)
        more = read(BLOCK)
        regions.extend(_regions(more[_IN_BLOCK]))
        goes_on = more[_BLOCK_GOES_ON]
    return _checked(fields.number(block[_REAL_SIZE], "real size"), regions, stored)


def pax(found: Mapping[bytes, bytes], stored: int, read: Read) -> tuple[Sparse, int]:
    """The map that the records of an extended header tell, or that begins the content; and what is left of `stored`."""
    version = found.get(_PREFIX + b"major", b""), found.get(_PREFIX + b"minor", b"")
    if version == (b"1", b"0"):
        numbers, map_size = _leading_map(read)
        stored -= map_size
    elif version in ((b"0", b"0"), (b"0", b"1")) or (version == (b"", b"") and found.get(_MAP)):
        numbers = _listed(found)
    else:
        # Engines take it for a plain file, whose content is what the archive holds.
        raise FormatError(
            f"the entry is a sparse file of the version {b'.'.join(version)[:20]!r}, which we do not read",
            HINT,
        )
    size = _number(found, b"size" if found.get(_PREFIX + b"size") else b"realsize")
    return _checked(size, list(zip(numbers[::2], numbers[1::2], strict=True)), stored), stored


def is_sparse(found: Mapping[bytes, bytes]) -> bool:
    return any(key.startswith(_PREFIX) for key in found)


def name(found: Mapping[bytes, bytes]) -> bytes:
    """The name of the file itself, where that of the entry is one for readers who know no sparse files."""
    return found.get(_PREFIX + b"name", b"")


def _regions(raw: bytes) -> Iterable[tuple[int, int]]:
    for start in range(0, len(raw), _REGION):
        offset, length = raw[start : start + 12], raw[start + 12 : start + _REGION]
        if not offset[0]:
            if length.strip(b"\0"):
                raise FormatError("a region of a sparse file has no offset", _DAMAGED)
            return  # what is left of the table is not used
        yield fields.number(offset, "offset of a region"), fields.number(length, "size of a region")


def _listed(found: Mapping[bytes, bytes]) -> list[int]:
    """The list of offsets and sizes in turn, whose length is given too."""
    text = found.get(_MAP, b"")
    numbers = [fields.integer(item, "map") for item in text.split(b",")] if text else []
    if len(numbers) != 2 * _number(found, b"numblocks"):
        raise FormatError("the map of a sparse file has another length than it says", _DAMAGED)
    return numbers


def _leading_map(read: Read) -> tuple[list[int], int]:
    """The numbers at the start of the content, a line each, the first their count; and the bytes of their blocks."""
    blocks = [read(BLOCK)]
    count = 1 + 2 * fields.integer(blocks[0].partition(b"\n")[0], "count of regions")
    lines = blocks[0].count(b"\n")
    while lines < count:
        if len(blocks) * BLOCK >= _MAX_MAP:
            raise FormatError("the map of a sparse file is larger than any needs to be", _DAMAGED)
        blocks.append(read(BLOCK))
        lines += blocks[-1].count(b"\n")
    text = b"".join(blocks)
    return [fields.integer(line, "map") for line in text.split(b"\n", count)[1:count]], len(text)


def _number(found: Mapping[bytes, bytes], key: bytes) -> int:
    return fields.integer(found.get(_PREFIX + key, b""), f"GNU.sparse.{key.decode()}")


def _checked(size: int, regions: list[tuple[int, int]], stored: int) -> Sparse:
    """The map, if its regions follow each other within the file and make up what the archive holds."""
    parts = tuple(region for region in regions if region[1])
    end = 0
    for offset, length in regions:
        if offset < end or length < 0 or offset + length > size:
            raise FormatError(f"a region of {length} bytes at {offset} does not fit into its sparse file", _DAMAGED)
        end = offset + length
    if not 0 <= size <= _MAX_SIZE or sum(length for _, length in parts) != stored:
        raise FormatError("the map of a sparse file does not fit the content that the archive holds", _DAMAGED)
    if any(length % BLOCK for _, length in parts[:-1]):
        # Programs disagree on whether the next region follows at once, or in the next block of the archive.
        raise FormatError("a region of a sparse file ends within a block", HINT)
    return Sparse(size, parts)
