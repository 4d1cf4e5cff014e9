"""The versions of symbols that an object needs and those that it provides.

Follows the Linux Standard Base, Core - Generic, section "Symbol Versioning". Everything is found through the
dynamic section, and the lists are followed by their links as the loader of GLIBC follows them: it reads
neither section headers nor the counts beside the lists.
"""

from struct import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DAMAGED, DT_VERDEF, DT_VERNEED, Elf, Read, strings
from fromscratch.named_tuple import NamedTuple

VER_FLG_WEAK = 2

_FIRST = 1024  # holds the whole table of almost every object
_MAX_TABLE = 1 << 20
_MAX_VERSIONS = 1 << 15  # a symbol names its version by fifteen bits
_NEED = {order: Struct(f"{order}HHIII") for order in "<>"}  # Elfxx_Verneed: version, count, file, aux, next
_NEED_AUX = {order: Struct(f"{order}IHHII") for order in "<>"}  # Elfxx_Vernaux: hash, flags, other, name, next
_DEFINITION = {order: Struct(f"{order}HHHHIII") for order in "<>"}  # Elfxx_Verdef: …, hash, aux, next
_DEFINITION_AUX = {order: Struct(f"{order}II") for order in "<>"}  # Elfxx_Verdaux: name, next


class Need(NamedTuple):
    """`file` is the soname of the object that must provide `version`; without it a `weak` one is only warned of."""

    file: str
    version: str
    weak: bool


def needs(elf: Elf, read: Read) -> tuple[Need, ...]:
    """What the object asks of others, in its own order; empty without version needs. Raises FormatError."""
    address = elf.tag(DT_VERNEED)
    if address is None:
        return ()
    table, need, auxiliary = _Table(elf, read, address), _NEED[elf.order], _NEED_AUX[elf.order]
    found: list[tuple[int, int, int]] = []
    place, following = 0, 1
    while following:
        version, _, file, aux, following = table.row(need, place)
        _supported(version)
        here, next_aux = place + aux, 1
        while next_aux:
            _, flags, _, name, next_aux = table.row(auxiliary, here)
            found.append((file, name, flags))
            here += next_aux
        place += following
    names = strings(elf, read, {offset for file, name, _ in found for offset in (file, name)})
    return tuple([Need(names[file], names[name], bool(flags & VER_FLG_WEAK)) for file, name, flags in found])


def provides(elf: Elf, read: Read) -> frozenset[str] | None:
    """The versions that the object defines, its base among them; None if it defines none at all.

    Of such an object the loader only says that it has no version information, and takes it. Raises FormatError.
    """
    address = elf.tag(DT_VERDEF)
    if address is None:
        return None
    table, definition, auxiliary = _Table(elf, read, address), _DEFINITION[elf.order], _DEFINITION_AUX[elf.order]
    found: list[int] = []
    place, following = 0, 1
    while following:
        version, _, _, _, _, aux, following = table.row(definition, place)
        _supported(version)
        found.append(table.row(auxiliary, place + aux)[0])  # those behind the first are its parents
        place += following
    return frozenset(strings(elf, read, set(found)).values())


def _supported(version: int) -> None:
    if version != 1:
        raise FormatError(f"its table of symbol versions has the unknown revision {version}", DAMAGED)


class _Table:
    """The table at an address, of which no more is read than is asked for; its size stands nowhere."""

    def __init__(self, elf: Elf, read: Read, address: int) -> None:
        self.read, self.offset = read, elf.offset(address)
        self.block = read(self.offset, _FIRST)
        self.rows = 0

    def row(self, form: Struct, place: int) -> tuple[int, ...]:
        self.rows += 1
        end = place + form.size
        if end > len(self.block):
            size = max(end, 2 * len(self.block))
            self.block = self.read(self.offset, size) if end <= _MAX_TABLE else b""
        if end > len(self.block) or self.rows > 2 * _MAX_VERSIONS:
            raise FormatError("its table of symbol versions leads beyond its end", DAMAGED)
        return form.unpack_from(self.block, place)
