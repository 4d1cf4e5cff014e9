"""The dynamic symbols of an object: those that it takes from others, by name, and what its own are worth.

Follows the System V ABI, chapter 5, "Symbol Table" and "Hash Table", and for DT_GNU_HASH what linkers
write and loaders read. No section header is read, so that files without them have their symbols too.
"""

from struct import Struct, error, unpack_from

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DAMAGED, DT_HASH, DT_STRTAB, DT_SYMTAB, Elf, Read, strings
from fromscratch.named_tuple import NamedTuple

DT_RELA, DT_REL, DT_GNU_HASH, DT_JMPREL, DT_VERSYM = 7, 17, 0x6FFFFEF5, 23, 0x6FFFFFF0
DT_VERDEF, DT_VERNEED, DT_MIPS_SYMTABNO = 0x6FFFFFFC, 0x6FFFFFFE, 0x70000011

_MAX_TABLE = 24 << 20  # a million symbols; the largest libraries have a tenth of that
_MAX_BUCKETS = 1 << 20
_PIECE = 256
_EM_MIPS, _EM_S390, _EM_ALPHA = 8, 22, 0x9026
_ROWS = {  # Elfxx_Sym: of each, the name, the info and the section
    (64, "<"): Struct("<IBxH16x"),
    (64, ">"): Struct(">IBxH16x"),
    (32, "<"): Struct("<I8xBxH"),
    (32, ">"): Struct(">I8xBxH"),
}
_VALUES = {  # the same rows: of each, the name, the section and the value
    (64, "<"): Struct("<IxxHQ8x"),
    (64, ">"): Struct(">IxxHQ8x"),
    (32, "<"): Struct("<II4xxxH"),
    (32, ">"): Struct(">II4xxxH"),
}
_FOREIGN = frozenset({0x10, 0x20})  # STB_GLOBAL and STB_WEAK, in the upper four bits of info


def imported(elf: Elf, read: Read) -> frozenset[str]:
    """The names, without versions, of the dynamic symbols that the object leaves undefined; weak ones too.

    Raises FormatError for tables that lead beyond the file or are absurdly long.
    """
    rows = _ROWS[elf.bits, elf.order].iter_unpack(_table(elf, read))
    names = {name for name, info, section in rows if not section and name and info & 0xF0 in _FOREIGN}
    return frozenset(strings(elf, read, names).values())


class Symbol(NamedTuple):
    """A dynamic symbol: where its name stands in the table of strings, its section, 0 if undefined, and its value."""

    name: int
    section: int
    value: int


def symbols(elf: Elf, read: Read) -> list[Symbol]:
    """All dynamic symbols, in the order by which relocations number them. Raises FormatError as `imported` does."""
    rows = _VALUES[elf.bits, elf.order].iter_unpack(_table(elf, read))
    if elf.bits == 64:
        return [Symbol(name, section, value) for name, section, value in rows]
    return [Symbol(name, section, value) for name, value, section in rows]


def _table(elf: Elf, read: Read) -> bytes:
    address = elf.tag(DT_SYMTAB)
    if address is None:
        return b""
    row = _ROWS[elf.bits, elf.order].size
    try:
        size = _count(elf, read, address, row) * row
    except error as short:
        raise FormatError("its hash table of symbols leads beyond its end", DAMAGED) from short
    table = read(elf.offset(address), size) if size <= _MAX_TABLE else b""
    if len(table) < size:
        raise FormatError("its table of symbols leads beyond its end", DAMAGED)
    return table


def _count(elf: Elf, read: Read, table: int, size: int) -> int:
    """How many symbols there are, as far as undefined ones go: no entry of the dynamic section says it."""
    if elf.machine == _EM_MIPS and (count := elf.tag(DT_MIPS_SYMTABNO)) is not None:
        return count
    if (address := elf.tag(DT_GNU_HASH)) is not None:
        return _hashed(elf, read, elf.offset(address)) or _room(elf, table) // size
    if (address := elf.tag(DT_HASH)) is not None:
        wide = elf.bits == 64 and elf.machine in (_EM_S390, _EM_ALPHA)  # the two with words of eight bytes here
        return int(unpack_from(f"{elf.order}{'2Q' if wide else '2I'}", read(elf.offset(address), 16))[1])
    return _room(elf, table) // size


def _hashed(elf: Elf, read: Read, place: int) -> int:
    """The end of a GNU hash table's last chain. Zero for ld's empty one: it says 1 however many symbols there are."""
    buckets, first, blooms, _ = unpack_from(f"{elf.order}4I", read(place, 16))
    place += 16 + blooms * elf.bits // 8
    raw = read(place, buckets * 4) if buckets <= _MAX_BUCKETS else b""
    last = max(unpack_from(f"{elf.order}{buckets}I", raw), default=0)
    if last < first:
        return first if first > 1 else 0
    place += buckets * 4 + (last - first) * 4
    while last < _MAX_TABLE:  # a chain ends at an odd number; those of real tables have a few
        chain = read(place, _PIECE)
        for number in unpack_from(f"{elf.order}{len(chain) // 4 or 1}I", chain):
            last += 1
            if number & 1:
                return last
        place += _PIECE
    return last


def _room(elf: Elf, table: int) -> int:
    """The bytes from the table to the next one that the dynamic section knows."""
    tags = (DT_STRTAB, DT_HASH, DT_GNU_HASH, DT_VERSYM, DT_VERNEED, DT_VERDEF, DT_RELA, DT_REL, DT_JMPREL)
    behind = [address - table for tag in tags if (address := elf.tag(tag)) is not None and address > table]
    return min(behind, default=0)
