"""The flags by which an ld.so.cache tells libraries of one ABI from those of another.

They are GLIBC's FLAG_* of sysdeps/generic/ldconfig.h, given as the readelflib.c of each architecture gives them.
"""

import struct

from fromscratch.formats.elf.headers import Elf, Read

_LIBC6 = 0x0003
_FIXED = {
    (2, 32): _LIBC6,  # SPARC
    (18, 32): _LIBC6,  # SPARC v8+
    (43, 64): 0x0103,  # SPARC v9
    (50, 64): 0x0203,  # IA-64
    (3, 32): _LIBC6,  # i386
    (62, 64): 0x0303,  # x86-64
    (62, 32): 0x0803,  # x32
    (22, 32): _LIBC6,  # S/390
    (22, 64): 0x0403,  # s390x
    (20, 32): _LIBC6,  # PowerPC
    (21, 64): 0x0503,  # ppc64 of both byte orders
    (183, 64): 0x0A03,  # AArch64
}
_WHOLE = frozenset(machine for machine, _ in _FIXED)
_MIPS, _MIPS_LE, _ARM, _RISCV, _LOONGARCH = 8, 10, 40, 243, 258
_X86 = frozenset({3, 62})
_NT_GNU_PROPERTY_TYPE_0, _X86_ISA_1_NEEDED = 5, 0xC0008002


def flags_of(elf: Elf) -> int | None:
    """The flags of a library of this machine, class and float ABI; None for one that no GLIBC loads."""
    if elf.machine == _ARM:
        return _arm(elf.flags)
    if elf.machine in (_MIPS, _MIPS_LE):
        return _mips(elf.bits, elf.flags)
    if elf.machine == _RISCV:
        # Float ABI in bits 1 and 2: none or double; compressed instructions make no difference, all else does.
        return {0: 0x0F03, 4: 0x1003}.get(elf.flags & ~1)
    if elf.machine == _LOONGARCH:
        return {1: 0x1103, 3: 0x1203}.get(elf.flags & ~0x40)
    return _FIXED.get((elf.machine, elf.bits), None if elf.machine in _WHOLE else _LIBC6)


def also_accepted(flags: int) -> tuple[int, ...]:
    """The flags of libraries that a loader of this ABI takes besides those of its own."""
    if flags in (0x0903, 0x0B03):
        return (_LIBC6,)  # those of before ARM objects recorded their float ABI
    return (0x0001,) if flags in (_LIBC6, 0x0303, 0x0803) else ()  # linked with no C library, said ldconfig to 2.36


def isa_level(elf: Elf, read: Read) -> int:
    """The highest bit of GNU_PROPERTY_X86_ISA_1_NEEDED: 1 for x86-64-v2 and so on, 0 for all that say nothing.

    Raises FormatError for notes that are damaged.
    """
    if elf.machine not in _X86:
        return 0
    from fromscratch.formats.elf.notes import notes

    for note in notes(elf, read):
        if note.owner == "GNU" and note.type == _NT_GNU_PROPERTY_TYPE_0:
            return _isa_needed(note.description, elf.bits // 8)
    return 0


def _isa_needed(properties: bytes, alignment: int) -> int:
    place = 0
    while place + 12 <= len(properties):
        kind, size, needed = struct.unpack_from("<III", properties, place)
        if kind >= _X86_ISA_1_NEEDED:  # they are sorted
            return max(needed.bit_length() - 1, 0) if (kind, size) == (_X86_ISA_1_NEEDED, 4) else 0
        place += 8 + size + -size % alignment
    return 0


def _arm(flags: int) -> int:
    if flags >> 24 != 5:
        return _LIBC6
    return 0x0903 if flags & 0x400 else 0x0B03 if flags & 0x200 else _LIBC6


def _mips(bits: int, flags: int) -> int:
    """NaNs as IEEE 754-2008 has them make an ABI of their own of each: o32, n32 and n64."""
    nan2008 = bool(flags & 0x400)
    if bits == 64:
        return 0x0E03 if nan2008 else 0x0703
    if flags & 0x20:
        return 0x0D03 if nan2008 else 0x0603
    return 0x0C03 if nan2008 else _LIBC6
