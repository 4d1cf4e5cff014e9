"""locale-archive: one file with the compiled locales of glibc, read to take single ones out.

Follows locale/locarchive.h of glibc: a header of fourteen 32-bit words, a magic number first, in the byte order of
the machine; a hash table that leads from a name to a record; a record with the place of each category.
"""

import struct
from collections.abc import Iterator

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import Read

MAGIC = 0xDE020109

# LC_* by their numbers: locale/bits/locale.h. LC_ALL, the seventh, has no data of its own.
CATEGORIES = (
    *("LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES", "LC_ALL"),
    *("LC_PAPER", "LC_NAME", "LC_ADDRESS", "LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION"),
)
_HEADER, _ENTRY, _RECORD = 56, 12, 4 + 8 * len(CATEGORIES)
_MAX_TABLE = 4 << 20  # there are some 1000 names, in a table of 4000 places
_MAX_NAME = 256
_MAX_CATEGORY = 64 << 20
_HINT = "build it anew with localedef, or install the locales package again"


def names(read: Read) -> dict[str, int]:
    """The names of all locales, each with the place of its record, for `locale`. Raises FormatError."""
    order = _order(read)
    header = struct.unpack(f"{order}14I", _piece(read, 0, _HEADER))
    table, _, places, strings, used = header[2:7]
    if places * _ENTRY > _MAX_TABLE or used > _MAX_TABLE:
        raise FormatError(f"its table of {places} names is larger than any", _HINT)
    texts = _piece(read, strings, used)
    found: dict[str, int] = {}
    for _, name, record in struct.iter_unpack(f"{order}III", _piece(read, table, places * _ENTRY)):
        if name and record:
            start = name - strings
            end = texts.find(b"\0", start, start + _MAX_NAME) if 0 <= start < used else -1
            if end < 0:
                raise FormatError("one of its names has no end", _HINT)
            found[texts[start:end].decode("utf-8", "surrogateescape")] = record
    return found


def locale(read: Read, record: int) -> Iterator[tuple[str, bytes]]:
    """The files of a locale, as they would stand in its folder below /usr/lib/locale. Raises FormatError."""
    words = struct.unpack(f"{_order(read)}{_RECORD // 4}I", _piece(read, record, _RECORD))
    for number, category in enumerate(CATEGORIES):
        offset, size = words[1 + 2 * number : 3 + 2 * number]
        if category == "LC_ALL" or not size:
            continue
        if size > _MAX_CATEGORY:
            raise FormatError(f"its {category} of {size} bytes is larger than any", _HINT)
        file = "LC_MESSAGES/SYS_LC_MESSAGES" if category == "LC_MESSAGES" else category
        yield file, _piece(read, offset, size)


def _order(read: Read) -> str:
    start = _piece(read, 0, 4)
    for order in "<>":
        if struct.pack(f"{order}I", MAGIC) == start:
            return order
    raise FormatError("it does not start as a locale archive", _HINT)


def _piece(read: Read, offset: int, size: int) -> bytes:
    piece = read(offset, size)
    if len(piece) != size:
        raise FormatError(f"it ends before byte {offset + size}", _HINT)
    return piece
