"""The headers and the dynamic section of ELF files. Nothing is loaded, mapped or executed.

Follows the System V ABI, chapters 4 (object files) and 5 (program loading), for both classes and byte
orders. Only program headers are read: section headers are for linkers, and may be missing or wrong.
The reader is the hot path of the loader model, so it reads no more than two or three pieces of a file;
`elf.versions`, `elf.notes` and `elf.symbols` read the rest, on demand.
"""

import struct
from collections.abc import Callable, Collection
from struct import Struct, unpack_from

from fromscratch.errors import FormatError
from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    Order = Literal["<", ">"]

Read = Callable[[int, int], bytes]
"""At most `size` bytes at `offset` of a file, fewer only where it ends: pread(2)."""

MAGIC = b"\x7fELF"
ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
DT_NEEDED, DT_HASH, DT_STRTAB, DT_SYMTAB = 1, 4, 5, 6
DT_SONAME, DT_RPATH, DT_RUNPATH = 14, 15, 29
DT_FLAGS_1, DT_VERDEF, DT_VERNEED = 0x6FFFFFFB, 0x6FFFFFFC, 0x6FFFFFFE
DT_AUXILIARY, DT_FILTER = 0x7FFFFFFD, 0x7FFFFFFF
DF_1_NODEFLIB, DF_1_PIE = 0x800, 0x08000000

MAX_OFFSET = 1 << 62  # no file system has a byte there, and a read from twice that is no call that can be made

_HEAD = 4096
_MAX_DYNAMIC = 1 << 20
_MAX_PATH = 4096  # PATH_MAX: the kernel takes no longer interpreter
_MAX_STRING = 1 << 16  # what is read of a table of strings at a time; compilers make names of some thousand bytes

_MAX_TEXT = 32 << 20


class NotElf(FormatError):
    """The file does not start with ELF's magic number: a script, a linker script, anything else."""


class Segment(NamedTuple):
    """A program header, but for its physical address and memory size."""

    type: int
    flags: int
    offset: int
    address: int
    size: int
    alignment: int


class Elf(NamedTuple):
    """The facts of an ELF file that a loader uses.

    `dynamic` holds the tags and values of the dynamic section in turn, to its DT_NULL; empty without
    one. `names` are in the bytes of the file with surrogates for what is not UTF-8, as in `paths`.
    """

    bits: int
    big_endian: bool
    machine: int
    flags: int
    type: int
    os_abi: int
    interpreter: str | None
    soname: str | None
    needed: tuple[str, ...]
    rpath: str | None
    runpath: str | None
    filters: tuple[str, ...]
    auxiliaries: tuple[str, ...]
    flags_1: int
    segments: tuple[Segment, ...]
    dynamic: tuple[int, ...]

    @property
    def order(self) -> "Order":
        """The byte order as `struct` spells it."""
        return ">" if self.big_endian else "<"

    @property
    def is_static(self) -> bool:
        """Whether it is a program that no loader starts: static, or static and position-independent."""
        if self.interpreter is not None or self.needed or self.type not in (ET_EXEC, ET_DYN):
            return False
        return self.type == ET_EXEC or bool(self.flags_1 & DF_1_PIE)

    @property
    def is_program(self) -> bool:
        """Whether execve(2) would start it. Libraries with an entry point of their own (libc.so.6) count too."""
        return self.interpreter is not None or self.is_static or self.type == ET_EXEC

    def tag(self, tag: int) -> int | None:
        """The value of the dynamic entry with this tag; of several, the last, as the loaders have it."""
        tags = self.dynamic[-2::-2]
        return self.dynamic[-1 - 2 * tags.index(tag)] if tag in tags else None

    def offset(self, address: int) -> int:
        """Where in the file the byte lies that is loaded to this address. Raises FormatError if none is."""
        for segment in self.segments:
            if segment.type == PT_LOAD and segment.address <= address < segment.address + segment.size:
                place = segment.offset + address - segment.address
                if place < MAX_OFFSET:
                    return place
        raise FormatError(f"the address {address:#x} lies in none of its segments", DAMAGED)


DAMAGED = "the file is damaged or cut short; build or install it again"
_HEADERS = {
    (64, False): (Struct("<HHIQQQIHHHHHH"), Struct("<IIQQQQQQ"), "<%dQ"),
    (64, True): (Struct(">HHIQQQIHHHHHH"), Struct(">IIQQQQQQ"), ">%dQ"),
    (32, False): (Struct("<HHIIIIIHHHHHH"), Struct("<IIIIIIII"), "<%dI"),
    (32, True): (Struct(">HHIIIIIHHHHHH"), Struct(">IIIIIIII"), ">%dI"),
}
_NAMES = frozenset({DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH, DT_AUXILIARY, DT_FILTER})


def read_elf(read: Read) -> Elf:
    """The facts of one file. Raises NotElf for what is none, and FormatError for one that is damaged."""
    head = read(0, _HEAD)
    if head[:4] != MAGIC:
        raise NotElf("it is not an ELF file", "name a program or a shared library")
    if len(head) < 52:
        raise FormatError(f"it ends after {len(head)} bytes, within the header", DAMAGED)
    bits, big = {1: 32, 2: 64}.get(head[4], 0), head[5] == 2
    if not bits or head[5] not in (1, 2):
        raise FormatError(f"its class {head[4]} and byte order {head[5]} are none that ELF knows", DAMAGED)
    try:
        return _read(read, head, bits, big)
    except struct.error as error:
        raise FormatError("its headers lead beyond its end", DAMAGED) from error


def _read(read: Read, head: bytes, bits: int, big: bool) -> Elf:
    header, entry, words = _HEADERS[bits, big]
    kind, machine, _, _, table, _, flags, _, entry_size, count, _, _, _ = header.unpack_from(head, 16)
    if count and entry_size != entry.size:
        raise FormatError(f"its program headers have {entry_size} bytes each, not {entry.size}", DAMAGED)

    def piece(offset: int, size: int) -> bytes:
        if offset + size <= len(head):
            return head[offset : offset + size]
        return read(offset, size) if offset < MAX_OFFSET else b""

    raw = piece(table, count * entry.size)
    if len(raw) != count * entry.size:
        raise FormatError("its program headers lead beyond its end", DAMAGED)
    segments = []
    interpreter, dynamic = None, ()
    for row in entry.iter_unpack(raw):
        if bits == 64:
            what, permits, offset, address, _, size, _, alignment = row
        else:
            what, offset, address, _, size, _, permits, alignment = row
        segments.append(Segment(what, permits, offset, address, size, alignment))
        if what == PT_INTERP and interpreter is None:
            interpreter = _interpreter(piece(offset, min(size, _MAX_PATH + 1)))
        elif what == PT_DYNAMIC and not dynamic:
            bytes_ = piece(offset, min(size, _MAX_DYNAMIC))
            dynamic = unpack_from(words % (len(bytes_) // (bits // 8) & ~1), bytes_)
    if not dynamic:
        return Elf(
            bits, big, machine, flags, kind, head[7], interpreter, None, (), None, None, (), (), 0, tuple(segments), ()
        )
    return _with_dynamic(piece, (bits, big, machine, flags, kind, head[7], interpreter), tuple(segments), dynamic)


def _with_dynamic(
    piece: Read,
    identity: tuple[int, bool, int, int, int, int, str | None],
    segments: tuple[Segment, ...],
    dynamic: tuple[int, ...],
) -> Elf:
    """The facts that stand in the dynamic section, its names looked up in its string table."""
    strings, flags_1, end = 0, 0, len(dynamic)
    name_offsets: list[tuple[int, int]] = []
    for place in range(0, len(dynamic), 2):
        tag, value = dynamic[place], dynamic[place + 1]
        if tag == 0:
            end = place
            break
        if tag in _NAMES:
            name_offsets.append((tag, value))
        elif tag == DT_STRTAB:
            strings = value
        elif tag == DT_FLAGS_1:
            flags_1 = value
    found: dict[int, list[str]] = {}
    if name_offsets:
        texts = _strings(piece, segments, strings, [offset for _, offset in name_offsets])
        for tag, offset in name_offsets:
            found.setdefault(tag, []).append(texts[offset])
    one = {tag: texts[-1] for tag, texts in found.items()}
    return Elf(
        *identity,
        one.get(DT_SONAME),
        tuple(found.get(DT_NEEDED, ())),
        one.get(DT_RPATH),
        one.get(DT_RUNPATH),
        tuple(found.get(DT_FILTER, ())),
        tuple(found.get(DT_AUXILIARY, ())),
        flags_1,
        segments,
        dynamic[:end],
    )


def strings(elf: Elf, read: Read, offsets: Collection[int]) -> dict[int, str]:
    """The strings at these offsets of the table of dynamic strings. Raises FormatError."""
    if not offsets:
        return {}
    address = elf.tag(DT_STRTAB)
    if address is None:
        raise FormatError("it has no table of dynamic strings", DAMAGED)
    return _strings(read, elf.segments, address, offsets)


def _strings(piece: Read, segments: tuple[Segment, ...], address: int, offsets: Collection[int]) -> dict[int, str]:
    """The strings at these offsets of the table at `address`, read at once where they lie together."""
    for segment in segments:
        if segment.type == PT_LOAD and segment.address <= address < segment.address + segment.size:
            table = segment.offset + address - segment.address
            if table < MAX_OFFSET:
                break
    else:
        raise FormatError("its string table lies in none of its segments", DAMAGED)
    found: dict[int, str] = {}
    start, block, last, total = 0, b"", max(offsets), 0
    for offset in sorted(offsets):
        end = block.find(b"\0", offset - start)
        if end < 0:
            start, block = offset, piece(table + offset, min(last - offset + 256, _MAX_STRING))
            end = block.find(b"\0")
            if end < 0:
                block = piece(table + offset, _MAX_STRING)
                end = block.find(b"\0")
                if end < 0:
                    raise FormatError("a name in its table of strings has no end", DAMAGED)
        found[offset] = block[offset - start : end].decode("utf-8", "surrogateescape")
        total += len(found[offset])
        if total > _MAX_TEXT:  # strings may share their ends, so a small table could hold any amount
            raise FormatError("its names are longer than any that a program has", DAMAGED)
    return found


def _interpreter(raw: bytes) -> str:
    text, nul, _ = raw.partition(b"\0")
    if not nul or not text:
        raise FormatError("the name of its interpreter has no end", DAMAGED)
    return text.decode("utf-8", "surrogateescape")
