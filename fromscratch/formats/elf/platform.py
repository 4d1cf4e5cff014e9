"""The machine that an ELF file is for: its platform, and whether an object can be loaded with another one."""

from fromscratch.formats.elf.attributes import cpu_arch
from fromscratch.formats.elf.headers import Elf, Read
from fromscratch.named_tuple import TYPE_CHECKING

if TYPE_CHECKING:  # the hot path of closures asks for ABIs alone
    from fromscratch.model.image import Platform

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


def platform_of(elf: Elf, read: Read | None = None) -> "Platform | None":
    """The platform of an image in which this object runs; None for one that no image can be for.

    See `architecture_of`.
    """
    from fromscratch.model.image import Platform

    found = architecture_of(elf, read)
    return None if found is None else Platform("linux", *found)


def architecture_of(elf: Elf, read: Read | None = None) -> tuple[str, str] | None:
    """The same as an architecture and its variant, in the names of Go.

    The version of an ARM processor is Tag_CPU_arch of the file's build attributes, which need `read` and section
    headers. Without them a program for soft floats is for v5, and any other for v7, as linux/arm means it.
    x32, ILP32 and MIPS n32 have no name of their own among platforms.
    """
    if elf.os_abi not in (_SYSV, _GNU) and (elf.machine, elf.os_abi) != (EM_ARM, _ARM_AEABI):
        return None
    architecture = _ARCHITECTURES.get((elf.machine, elf.bits, elf.big_endian))
    if architecture is None or (elf.machine == EM_MIPS and elf.bits == 32 and elf.flags & EF_MIPS_ABI2):
        return None
    if architecture != "arm":
        return architecture, ""
    version = cpu_arch(elf, read) if read is not None else None
    if version is None or version not in _ARM_VARIANTS:
        return "arm", "v5" if elf.flags & EF_ARM_SOFT_FLOAT else "v7"
    return "arm", _ARM_VARIANTS[version]


def platform_word(elf: Elf) -> str | None:
    """What $PLATFORM stands for in a search path of this object: AT_PLATFORM of getauxval(3), as Linux sets it.

    None where Linux gives none (RISC-V, MIPS), or one that differs by processor (Power, z): the loader drops or cannot
    be told which folder. The word is that of the machine which runs the program; here it is the usual one: an ARM of
    version 8 says v8l, and GLIBC 2.26 to 2.36 replaced x86_64 by haswell or xeon_phi on Intel's processors.
    """
    return _WORDS.get((elf.machine, elf.bits, elf.big_endian))


_ARCHITECTURES = {
    (EM_386, 32, False): "386",
    (EM_X86_64, 64, False): "amd64",
    (EM_ARM, 32, False): "arm",
    (EM_AARCH64, 64, False): "arm64",
    (EM_LOONGARCH, 64, False): "loong64",
    (EM_MIPS, 64, False): "mips64le",
    (EM_MIPS, 32, False): "mipsle",
    (EM_PPC64, 64, False): "ppc64le",
    (EM_RISCV, 64, False): "riscv64",
    (EM_S390, 64, True): "s390x",
}
# Tag_CPU_arch, ABI for the Arm Architecture, "Addenda", 3.3.5: up to v5TEJ, the kinds of v6, of v7, then v8-A and v9-A.
_ARM_VARIANTS = dict.fromkeys(range(6), "v5") | dict.fromkeys((6, 7, 8, 9, 11, 12), "v6")
_ARM_VARIANTS |= {10: "v7", 13: "v7", 14: "v8", 22: "v8"}
_WORDS = {
    (EM_X86_64, 64, False): "x86_64",
    (EM_X86_64, 32, False): "x86_64",
    (EM_386, 32, False): "i686",
    (EM_AARCH64, 64, False): "aarch64",
    (EM_AARCH64, 64, True): "aarch64_be",
    (EM_ARM, 32, False): "v7l",
    (EM_LOONGARCH, 64, False): "loongarch",
}
