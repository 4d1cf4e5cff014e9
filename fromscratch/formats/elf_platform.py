"""What machine an ELF file is for: whether one object can be loaded with another, and the platform of an image."""

from fromscratch.formats.elf import Elf

EM_SPARC, EM_386, EM_MIPS, EM_MIPS_RS3_LE, EM_SPARC32PLUS, EM_PPC64, EM_S390, EM_ARM = 2, 3, 8, 10, 18, 21, 22, 40
EM_X86_64, EM_AARCH64, EM_RISCV, EM_LOONGARCH, EM_S390_OLD = 62, 183, 243, 258, 0xA390

EF_ARM_SOFT_FLOAT, EF_ARM_HARD_FLOAT = 0x200, 0x400
EF_MIPS_ABI2, EF_MIPS_FP64, EF_MIPS_NAN2008 = 0x20, 0x200, 0x400
EF_RISCV_FLOAT_ABI, EF_PPC64_ABI, EF_LOONGARCH_ABI = 0x6, 0x3, 0x7

_SYSV, _GNU, _ARM_AEABI = 0, 3, 64  # the systems of EI_OSABI that the loader knows
_SAME_MACHINE = {EM_MIPS_RS3_LE: EM_MIPS, EM_S390_OLD: EM_S390, EM_SPARC32PLUS: EM_SPARC}


def same_abi(a: Elf, b: Elf) -> bool:
    """Whether the loader that `a` runs with accepts `b` as a library, by the tests of GLIBC for each machine.

    It passes over a `b` of another class, machine or floating-point ABI and looks on; at one of another byte
    order or operating system it gives up. LoongArch is compared as ldconfig does it, since its loader tests
    nothing but the machine. For MIPS the header is compared, and not the segment of ABI flags.
    """
    if a.bits != b.bits or a.big_endian != b.big_endian:
        return False
    if b.os_abi not in (_SYSV, _GNU) and (b.machine, b.os_abi) != (EM_ARM, _ARM_AEABI):
        return False
    machine = _SAME_MACHINE.get(a.machine, a.machine)
    if machine != _SAME_MACHINE.get(b.machine, b.machine):
        return False
    if a.flags == b.flags and machine != EM_MIPS:
        return True
    if machine == EM_ARM:
        return not (_arm_floats(a) and _arm_floats(b) and _arm_floats(a) != _arm_floats(b))
    if machine == EM_MIPS:
        same = EF_MIPS_NAN2008 | (EF_MIPS_ABI2 if a.bits == 32 else 0)
        return not (a.flags ^ b.flags) & same and not b.flags & EF_MIPS_FP64
    if machine == EM_RISCV:
        return not (a.flags ^ b.flags) & EF_RISCV_FLOAT_ABI
    if machine == EM_PPC64:
        return b.flags & EF_PPC64_ABI in (0, _ppc64_abi(a))
    if machine == EM_LOONGARCH:
        return not (a.flags ^ b.flags) & EF_LOONGARCH_ABI
    return True


def _arm_floats(elf: Elf) -> int:
    """How floats are passed; 0 for an object that says nothing, or that passes none."""
    return elf.flags & (EF_ARM_SOFT_FLOAT | EF_ARM_HARD_FLOAT)


def _ppc64_abi(elf: Elf) -> int:
    """The version of the ABI; where an object leaves it open, the one that its byte order goes with."""
    return elf.flags & EF_PPC64_ABI or (1 if elf.big_endian else 2)


def platform_word(elf: Elf) -> str | None:
    """What $PLATFORM stands for in a search path of this object: AT_PLATFORM of getauxval(3), as Linux sets it.

    None where Linux gives none (RISC-V, MIPS), or one that differs by processor (Power, z): the loader drops or cannot
    be told which folder. The word is that of the machine which runs the program; here it is the usual one: an ARM of
    version 8 says v8l, and GLIBC 2.26 to 2.36 replaced x86_64 by haswell or xeon_phi on Intel's processors.
    """
    return _WORDS.get((elf.machine, elf.bits, elf.big_endian))


_WORDS = {
    (EM_X86_64, 64, False): "x86_64",
    (EM_X86_64, 32, False): "x86_64",
    (EM_386, 32, False): "i686",
    (EM_AARCH64, 64, False): "aarch64",
    (EM_AARCH64, 64, True): "aarch64_be",
    (EM_ARM, 32, False): "v7l",
    (EM_LOONGARCH, 64, False): "loongarch",
}
