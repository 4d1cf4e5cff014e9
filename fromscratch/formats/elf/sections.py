"""Section headers, which linkers and debuggers need and loaders do not, so that a file may lack them.

Follows the System V ABI, chapter 4, "Sections". Headers that are missing or cut short are none.
"""

from collections.abc import Collection, Iterator
from struct import Struct

from fromscratch.formats.elf.headers import MAX_OFFSET, Elf, Read
from fromscratch.named_tuple import NamedTuple

SHT_SYMTAB = 2

_FORMS = {  # what the file's header says of them, and each of them
    (64, "<"): (Struct("<40xQ10xHH"), Struct("<4xI16xQQI20x")),
    (64, ">"): (Struct(">40xQ10xHH"), Struct(">4xI16xQQI20x")),
    (32, "<"): (Struct("<32xI10xHH"), Struct("<4xI8xIII12x")),
    (32, ">"): (Struct(">32xI10xHH"), Struct(">4xI8xIII12x")),
}
_MAX_TABLE = 24 << 20


class Section(NamedTuple):
    """`link` is the index of another section: of a symbol table, that of its strings."""

    type: int
    offset: int
    size: int
    link: int


def sections(elf: Elf, read: Read) -> list[Section]:
    """The section headers; empty without them."""
    header, form = _FORMS[elf.bits, elf.order]
    head = read(0, header.size)
    if len(head) < header.size:
        return []
    offset, size, count = header.unpack(head)
    raw = read(offset, size * count) if size == form.size and offset < MAX_OFFSET else b""
    return [Section(*each) for each in form.iter_unpack(raw[: len(raw) // form.size * form.size])]


def symbols_among(candidates: Collection[str], elf: Elf, read: Read) -> frozenset[str] | None:
    """Which of these names the symbol table for linkers has; None without a whole table: it is stripped."""
    headers = sections(elf, read)
    table = next((each for each in headers if each.type == SHT_SYMTAB), None)
    if table is None or table.link >= len(headers):
        return None
    rows, strings = _content(table, read), _content(headers[table.link], read)
    form = Struct(f"{elf.order}I20x" if elf.bits == 64 else f"{elf.order}I12x")
    if rows is None or strings is None:
        return None
    names = {place for (place,) in form.iter_unpack(rows[: len(rows) // form.size * form.size])}
    return frozenset(name for name in candidates if names & set(_places(strings, b"%b\0" % name.encode())))


def _places(strings: bytes, name: bytes) -> Iterator[int]:
    """Where the name ends a string of the table: the ends of longer names serve as names too."""
    place = strings.find(name)
    while place >= 0:
        yield place
        place = strings.find(name, place + 1)


def _content(section: Section, read: Read) -> bytes | None:
    if section.size > _MAX_TABLE or section.offset >= MAX_OFFSET:
        return None
    raw = read(section.offset, section.size)
    return raw if len(raw) == section.size else None
