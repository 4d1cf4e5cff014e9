"""What machine a file is for, and which objects go together."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.elf.attributes import cpu_arch
from fromscratch.formats.elf.headers import Elf, read_elf
from fromscratch.formats.elf.platform import platform_of, platform_word, same_abi
from fromscratch.model.image import ARCHITECTURES, Platform
from tests.engines import missing
from tests.formats.elf.files import built, machine_files, opened, workshop  # noqa: F401
from tests.formats.elf.made import AARCH64, ARM, I386, LOONGARCH, MIPS, PPC64, RISCV, S390, X86_64, Bits, elf, reader

HARD, SOFT, EABI5 = 0x400, 0x200, 0x05000000


def facts(bits: Bits, big: bool, machine: int, flags: int = 0, os_abi: int = 0) -> Elf:
    return read_elf(reader(elf(bits=bits, big=big, machine=machine, flags=flags, os_abi=os_abi)))


@pytest.mark.parametrize(
    ("bits", "big", "machine", "flags", "platform", "word"),
    [
        (32, False, I386, 0, "linux/386", "i686"),
        (64, False, X86_64, 0, "linux/amd64", "x86_64"),
        (32, False, ARM, EABI5 | SOFT, "linux/arm/v5", "v7l"),
        (32, False, ARM, EABI5 | HARD, "linux/arm/v7", "v7l"),
        (32, False, ARM, EABI5, "linux/arm/v7", "v7l"),
        (64, False, AARCH64, 0, "linux/arm64", "aarch64"),
        (64, False, RISCV, 5, "linux/riscv64", None),
        (64, False, PPC64, 2, "linux/ppc64le", None),
        (64, True, S390, 0, "linux/s390x", None),
        (64, False, MIPS, 0x80000005, "linux/mips64le", None),
        (32, False, MIPS, 0x70001005, "linux/mipsle", None),
        (64, False, LOONGARCH, 0x43, "linux/loong64", "loongarch"),
    ],
)
def test_the_header_tells_the_platform(
    bits: Bits, big: bool, machine: int, flags: int, platform: str, word: str | None
) -> None:
    found = platform_of(facts(bits, big, machine, flags))
    assert found == Platform.parse(platform)
    assert found.architecture in ARCHITECTURES
    assert platform_word(facts(bits, big, machine, flags)) == word


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("x32", facts(32, False, X86_64)),
        ("MIPS n32", facts(32, False, MIPS, 0x20)),
        ("big-endian ARM", facts(32, True, ARM, EABI5)),
        ("big-endian AArch64", facts(64, True, AARCH64)),
        ("big-endian Power", facts(64, True, PPC64, 1)),
        ("31-bit z", facts(32, True, S390)),
        ("32-bit RISC-V", facts(32, False, RISCV)),
        ("FreeBSD", facts(64, False, X86_64, os_abi=9)),
        ("SPARC", facts(64, True, 43)),
    ],
)
def test_no_image_can_be_for_other_machines(what: str, other: Elf) -> None:
    assert platform_of(other) is None, what


# Pairs of one machine, and whether the loader of the first takes the second.
PAIRS = [
    ("another class", facts(64, False, X86_64), facts(32, False, I386), False),
    ("x32 in amd64", facts(64, False, X86_64), facts(32, False, X86_64), False),
    ("386 in x32", facts(32, False, X86_64), facts(32, False, I386), False),
    ("another byte order", facts(64, False, PPC64, 2), facts(64, True, PPC64, 2), False),
    ("GNU extensions", facts(64, False, X86_64), facts(64, False, X86_64, os_abi=3), True),
    ("FreeBSD", facts(64, False, X86_64), facts(64, False, X86_64, os_abi=9), False),
    ("ARM's own number of the system", facts(32, False, ARM), facts(32, False, ARM, EABI5, os_abi=64), True),
    ("ARM's number elsewhere", facts(64, False, X86_64), facts(64, False, X86_64, os_abi=64), False),
    ("soft floats in hard", facts(32, False, ARM, EABI5 | HARD), facts(32, False, ARM, EABI5 | SOFT), False),
    ("hard floats in soft", facts(32, False, ARM, EABI5 | SOFT), facts(32, False, ARM, EABI5 | HARD), False),
    ("floats unsaid", facts(32, False, ARM, EABI5 | HARD), facts(32, False, ARM, EABI5), True),
    ("RISC-V, doubles and none", facts(64, False, RISCV, 5), facts(64, False, RISCV, 1), False),
    ("RISC-V, compressed and not", facts(64, False, RISCV, 5), facts(64, False, RISCV, 4), True),
    ("Power, second ABI unsaid", facts(64, False, PPC64, 2), facts(64, False, PPC64, 0), True),
    ("Power, first ABI in second", facts(64, False, PPC64, 0), facts(64, False, PPC64, 1), False),
    ("Power, first ABI", facts(64, True, PPC64, 0), facts(64, True, PPC64, 1), True),
    ("MIPS, n32 in o32", facts(32, False, MIPS, 0x70001005), facts(32, False, MIPS, 0x20), False),
    ("MIPS, other instructions", facts(32, False, MIPS, 0x70001005), facts(32, False, MIPS, 0x50001005), True),
    ("MIPS, NaN of 2008", facts(64, True, MIPS, 0x400), facts(64, True, MIPS, 0), False),
    ("MIPS, old 64-bit floats", facts(32, False, MIPS, 0x200), facts(32, False, MIPS, 0x200), False),
    ("LoongArch, soft floats", facts(64, False, LOONGARCH, 0x43), facts(64, False, LOONGARCH, 0x41), False),
    ("LoongArch, older objects", facts(64, False, LOONGARCH, 0x43), facts(64, False, LOONGARCH, 0x03), True),
    ("z, the number of old", facts(64, True, S390), facts(64, True, 0xA390), True),
]


@pytest.mark.parametrize(("what", "program", "library", "accepted"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_a_loader_accepts_what_its_machine_can_mix(what: str, program: Elf, library: Elf, accepted: bool) -> None:
    assert same_abi(program, library) is accepted


def test_the_loader_of_this_machine_agrees(tmp_path: Path) -> None:
    """The real loader looks on, past a library of another ABI in the first folder, to the right one in the second."""
    loader = next((path for path in machine_files() if path.name.startswith("ld-linux-")), None)
    if loader is None or platform_of(_facts_of(loader)) != Platform("linux", "amd64"):
        missing("GLIBC's loader for amd64 is not on this machine")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    program = tmp_path / "program"
    program.write_bytes(elf(needed=["libx.so"], rpath=f"{tmp_path}/a:{tmp_path}/b", interpreter=str(loader)))
    (tmp_path / "b" / "libx.so").write_bytes(elf(soname="libx.so"))
    others: list[tuple[int, Bits, str]] = [(X86_64, 64, "a"), (X86_64, 32, "b"), (I386, 32, "b"), (AARCH64, 64, "b")]
    for machine, bits, found in others:
        other = elf(soname="libx.so", machine=machine, bits=bits)
        (tmp_path / "a" / "libx.so").write_bytes(other)
        done = subprocess.run([loader, "--list", program], capture_output=True, text=True, check=True)
        assert f"=> {tmp_path}/{found}/libx.so" in done.stdout
        assert same_abi(read_elf(reader(program.read_bytes())), read_elf(reader(other))) is (found == "a")


def _facts_of(path: Path) -> Elf:
    with opened(path) as (found, _):
        return found


# ARM's build attributes.


def attributes(*tags: bytes, vendor: bytes = b"aeabi\0") -> bytes:
    """An ARM file with such attributes behind it, and the section headers that lead to them."""
    inner = b"\1" + (5 + len(b"".join(tags))).to_bytes(4, "little") + b"".join(tags)
    section = b"A" + (4 + len(vendor + inner)).to_bytes(4, "little") + vendor + inner
    return with_section(section, len(section))


def with_section(section: bytes, size: int) -> bytes:
    raw = bytearray(elf(bits=32, machine=ARM, flags=EABI5 | SOFT, needed=["libc.so.6"]))
    start = len(raw)
    row = b"".join(word.to_bytes(4, "little") for word in (0, 0x70000003, 0, 0, start, size, 0, 0, 1, 0))
    raw += section + bytes(40) + row
    raw[32:36] = (start + len(section)).to_bytes(4, "little")
    raw[46:50] = (40).to_bytes(2, "little") + (2).to_bytes(2, "little")
    return bytes(raw)


@pytest.mark.parametrize(
    ("arch", "variant"),
    [(0, "v5"), (4, "v5"), (5, "v5"), (6, "v6"), (7, "v6"), (9, "v6"), (10, "v7"), (13, "v7"), (14, "v8"), (99, "v5")],
)
def test_build_attributes_tell_the_version_of_an_arm_processor(arch: int, variant: str) -> None:
    raw = attributes(b"\x05ARM1176\0", b"\x20\1gnu\0", b"\x43" + b"2.09\0", bytes([6, arch]), b"\x44\x80\1")
    found = read_elf(reader(raw))
    assert cpu_arch(found, reader(raw)) == arch
    assert platform_of(found, reader(raw)) == Platform("linux", "arm", variant)
    assert platform_of(found) == Platform("linux", "arm", "v5")


def test_attributes_of_another_vendor_or_without_the_tag_say_nothing() -> None:
    for raw in (attributes(b"\x06\x0a", vendor=b"acme\0"), attributes(b"\x08\1"), with_section(b"B", 1)):
        assert cpu_arch(read_elf(reader(raw)), reader(raw)) is None


def test_attributes_that_lead_beyond_their_end_are_refused() -> None:
    for section in (b"A\xff\xff\xff\xffaeabi\0\1\x20", b"A\xff\0\0\0aeabi\0\1\x40\0\0\0\x06\xff"):
        raw = with_section(section, len(section))
        with pytest.raises(FormatError, match="beyond their end"):
            cpu_arch(read_elf(reader(raw)), reader(raw))


ZIG_TARGETS = [
    ("x86_64-linux-musl", "linux/amd64"),
    ("x86-linux-musl", "linux/386"),
    ("aarch64-linux-musl", "linux/arm64"),
    ("arm-linux-musleabi -mcpu=arm926ej_s", "linux/arm/v5"),
    ("arm-linux-musleabihf -mcpu=arm1176jzf_s", "linux/arm/v6"),
    ("arm-linux-musleabihf -mcpu=cortex_a7", "linux/arm/v7"),
    ("riscv64-linux-musl", "linux/riscv64"),
    ("powerpc64le-linux-musl", "linux/ppc64le"),
    ("s390x-linux-musl", "linux/s390x"),
    ("mips64el-linux-muslabi64", "linux/mips64le"),
    ("mipsel-linux-musleabi", "linux/mipsle"),
    ("loongarch64-linux-musl", "linux/loong64"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "platform"), ZIG_TARGETS, ids=[target for target, _ in ZIG_TARGETS])
def test_what_a_compiler_makes_for_a_platform_is_for_that_platform(
    workshop: Path,  # noqa: F811
    target: str,
    platform: str,
) -> None:
    triple, *more = target.split()
    program = built(workshop, target, "int main(void) { return 0; }", "-Os", "-target", triple, *more, compiler=zig())
    with opened(program) as (found, read):
        assert platform_of(found, read) == Platform.parse(platform)


def zig() -> list[str]:
    """The compiler of the ziglang wheel, if it is installed beside us; it has a libc for every machine."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed beside us")
    return [sys.executable, "-m", "ziglang", "cc"]


def test_this_interpreter_is_for_this_machine() -> None:
    with opened(Path(sys.executable).resolve()) as (found, read):
        assert platform_of(found, read) == Platform.of_this_machine()
