"""The data of a shared library as programs see it: after relocation, as if it were loaded to the address 0.

A word of data that holds an address stands in the file without it: the loader fills it in by a relocation, which adds
the value of a symbol, or of none, to an addend. That is all that data needs, on every machine: other relocations are
of code, of thread-local storage, or of symbols of other objects, which are worth 0 here.
"""

from struct import error, iter_unpack

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DAMAGED, Elf, Read, strings
from fromscratch.formats.elf.symbols import DT_REL, DT_RELA, Symbol, symbols

_DT_RELASZ, _DT_RELSZ = 8, 18
_EM_MIPS = 8
_MOST_BYTES = 32 << 20
_LONGEST_TEXT = 4096


class RelocatedData:
    """Words and texts at addresses of one library. Every method raises FormatError for what the file does not have."""

    def __init__(self, elf: Elf, read: Read) -> None:
        self.elf, self._read = elf, read
        self.word = elf.bits // 8
        self._symbols = symbols(elf, read)
        self._filled: dict[int, int] = {}
        try:
            self._apply_rela(self._table(DT_RELA, _DT_RELASZ))
            self._apply_rel(self._table(DT_REL, _DT_RELSZ))
        except error as short:
            raise FormatError("its table of relocations is cut short", DAMAGED) from short

    def symbol(self, name: str) -> int | None:
        """The address of a symbol that the library defines."""
        own: list[Symbol] = [one for one in self._symbols if one.section and one.name]
        names = strings(self.elf, self._read, {one.name for one in own})
        return next((one.value for one in own if names[one.name] == name), None)

    def pointer(self, address: int) -> int:
        """The address that stands at an address; 0 for none. A relocation of DT_RELR leaves the word as it is."""
        filled = self._filled.get(address)
        return filled if filled is not None else self._number(address, self.word)

    def integer(self, address: int) -> int:
        """The C `int` at an address."""
        value = self._number(address, 4)
        return value - (1 << 32) if value >> 31 else value

    def text(self, address: int) -> str:
        """The C string at an address."""
        raw, end, _ = self._read(self.elf.offset(address), _LONGEST_TEXT).partition(b"\0")
        if not end:
            raise FormatError(f"the text at {address:#x} has no end", DAMAGED)
        return raw.decode("utf-8", "surrogateescape")

    def _number(self, address: int, size: int) -> int:
        raw = self._read(self.elf.offset(address), size)
        if len(raw) < size:
            raise FormatError(f"it ends before the address {address:#x}", DAMAGED)
        return int.from_bytes(raw, "big" if self.elf.big_endian else "little")

    def _table(self, tag: int, size_tag: int) -> bytes:
        address, size = self.elf.tag(tag), self.elf.tag(size_tag) or 0
        if address is None or not size:
            return b""
        if size > _MOST_BYTES:
            raise FormatError(f"its relocations have {size} bytes", DAMAGED)
        return self._read(self.elf.offset(address), size)

    def _apply_rela(self, table: bytes) -> None:
        layout = f"{self.elf.order}{'QQq' if self.word == 8 else 'IIi'}"
        for place, info, addend in iter_unpack(layout, table):
            self._filled[place] = (self._value(info) + addend) & ((1 << self.elf.bits) - 1)

    def _apply_rel(self, table: bytes) -> None:
        layout = f"{self.elf.order}{'QQ' if self.word == 8 else 'II'}"
        for place, info in iter_unpack(layout, table):
            try:
                addend = self._number(place, self.word)
            except FormatError:
                continue  # of memory that the file does not fill, which no table of constants is in
            self._filled[place] = (self._value(info) + addend) & ((1 << self.elf.bits) - 1)

    def _value(self, info: int) -> int:
        """What the symbol of a relocation is worth."""
        if self.elf.bits == 32:
            number = info >> 8
        elif self.elf.machine == _EM_MIPS and not self.elf.big_endian:
            number = info & 0xFFFFFFFF  # its r_info is made of fields of their own
        else:
            number = info >> 32
        if not number:
            return 0
        if number >= len(self._symbols):
            raise FormatError(f"a relocation names symbol {number} of {len(self._symbols)}", DAMAGED)
        return self._symbols[number].value if self._symbols[number].section else 0
