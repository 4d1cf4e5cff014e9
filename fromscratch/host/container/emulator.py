"""Running programs of another architecture: what the kernel does by itself, and qemu's user emulation for the rest."""

import struct
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import MissingTool
from fromscratch.host.process import run
from fromscratch.model.image import Platform

# Architecture -> qemu's name, and class, data and machine of its ELF header (elf(5), e_ident and e_machine).
_TARGETS = {
    "386": ("i386", 1, 1, 3),
    "amd64": ("x86_64", 2, 1, 62),
    "arm": ("arm", 1, 1, 40),
    "arm64": ("aarch64", 2, 1, 183),
    "loong64": ("loongarch64", 2, 1, 258),
    "mips64le": ("mips64el", 2, 1, 8),
    "mipsle": ("mipsel", 1, 1, 8),
    "ppc64le": ("ppc64le", 2, 1, 21),
    "riscv64": ("riscv64", 2, 1, 243),
    "s390x": ("s390x", 2, 2, 22),
}
_ALSO_RUN = {("amd64", "386"), ("arm64", "arm"), ("mips64le", "mipsle")}


class Emulator(Struct, frozen=True):
    """`program` is a static qemu; `handler` the line that tells the kernel to use it for such programs."""

    program: Path
    handler: bytes


def emulator(platform: Platform) -> Emulator | None:
    """What runs programs of this platform here; None if the kernel does. Raises MissingTool."""
    here = Platform.of_this_machine().architecture
    there = platform.architecture
    if there == here or (here, there) in _ALSO_RUN or there not in _TARGETS or _is_registered(there):
        return None
    qemu = _TARGETS[there][0]
    for name in (f"qemu-{qemu}-static", f"qemu-{qemu}"):
        found = run.find(name)
        if found and is_static(Path(found)):
            return Emulator(Path(found).resolve(), _handler(there, Path(found).resolve()))
    raise MissingTool(
        f"this machine cannot run programs of {platform}, and has no qemu-{qemu}-static to do it",
        "install it, on Debian for example with: apt-get install qemu-user-static",
    )


def _handler(architecture: str, program: Path) -> bytes:
    """A line for binfmt_misc/register: Documentation/admin-guide/binfmt-misc.rst of the kernel.

    It matches executables and shared objects of the machine under any operating system ABI. F makes the
    kernel open the program now, so that it need not be in the image.
    """
    qemu, width, order, machine = _TARGETS[architecture]
    numbers = struct.Struct("<HH" if order == 1 else ">HH")
    magic = b"\x7fELF" + bytes((width, order, 1)) + bytes(9) + numbers.pack(2, machine)
    mask = b"\xff" * 7 + bytes(1) + b"\xff" * 8 + numbers.pack(0xFFFE, 0xFFFF)
    return b":".join((b"", b"qemu-" + qemu.encode(), b"M", b"", _escaped(magic), _escaped(mask), bytes(program), b"F"))


def _escaped(data: bytes) -> bytes:
    return "".join(f"\\x{byte:02x}" for byte in data).encode()


def _is_registered(architecture: str) -> bool:
    """Whether the machine has a handler of its own that also works inside another root (flag F)."""
    entry = Path("/proc/sys/fs/binfmt_misc", f"qemu-{_TARGETS[architecture][0]}")
    try:
        lines = entry.read_text().splitlines()
    except OSError:
        return False
    return "enabled" in lines and any(line.startswith("flags:") and "F" in line for line in lines)


def is_static(program: Path) -> bool:
    """Whether an ELF program asks for no interpreter, so that it runs in any root."""
    with open(program, "rb") as stream:
        head = stream.read(64)
        if head[:5] != b"\x7fELF\x02":
            return False
        order = "<" if head[5] == 1 else ">"
        (offset,) = struct.unpack_from(f"{order}Q", head, 32)
        size, count = struct.unpack_from(f"{order}HH", head, 54)
        stream.seek(offset)
        table = stream.read(size * count)
    return all(struct.unpack_from(f"{order}I", table, index * size)[0] != 3 for index in range(count))
