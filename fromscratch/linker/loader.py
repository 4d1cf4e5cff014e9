"""The dynamic loader that a program names, and its default directories.

GLIBC's loader has its directories compiled in (elf/dl-load.c, `system_dirs`): Debian's begin with the
multiarch ones and have no /lib64, others have /lib64 first. They are read from the loader's own data,
so that no table of distributions is needed. musl's are in ldso/dynlink.c and /etc/ld-musl-ARCH.path.
"""

from itertools import takewhile

from fromscratch.formats.elf.headers import Elf
from fromscratch.formats.elf.platform import EM_X86_64
from fromscratch.linker.root import Root, read_small_file
from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple
from fromscratch.paths import decode

if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["glibc", "musl"]


_LIKE_GLIBC = b"GLIBC_2."
_VERSION = b"stable release version 2."
_MAX_LOADER = 8 << 20
_LONGEST_LIST = 4096
_MUSL_DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")
_WIDE = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_NARROW = ("/lib", "/usr/lib")

# (machine, bits) -> what PT_INTERP of a program would be, for a library that names no loader of its own.
_INTERPRETERS = {
    (62, 64): ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
    (62, 32): ("/libx32/ld-linux-x32.so.2",),
    (3, 32): ("/lib/ld-linux.so.2", "/lib/ld-musl-i386.so.1"),
    (183, 64): ("/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"),
    (40, 32): ("/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3", "/lib/ld-musl-armhf.so.1", "/lib/ld-musl-arm.so.1"),
    (243, 64): ("/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-musl-riscv64.so.1"),
    (21, 64): ("/lib64/ld64.so.2", "/lib64/ld64.so.1", "/lib/ld-musl-powerpc64le.so.1"),
    (22, 64): ("/lib/ld64.so.1", "/lib/ld-musl-s390x.so.1"),
    (8, 64): ("/lib64/ld.so.1", "/lib/ld-musl-mips64el.so.1"),
    (8, 32): ("/lib/ld.so.1", "/lib/ld-musl-mipsel.so.1"),
    (258, 64): ("/lib64/ld-linux-loongarch-lp64d.so.1", "/lib/ld-musl-loongarch64.so.1"),
}


class Loader(NamedTuple):
    """A dynamic loader: its path as PT_INTERP spells it, and its default `directories`, which are searched last.

    `lib` is the value of $LIB. `found` is False for a loader that the root does not have: its directories are then the
    usual ones of its kind. `path_file` is the file that musl's loader reads its directories from; empty for GLIBC's.
    `subdirectories` are those that a GLIBC before 2.37 searches first in every folder, whatever the processor.
    """

    path: str
    kind: "Kind"
    directories: tuple[str, ...]
    lib: str
    found: bool
    path_file: str = ""
    subdirectories: tuple[str, ...] = ()


def usual_interpreter(root: Root, elf: Elf) -> str | None:
    """The path of the loader that programs of a library's ABI usually name, if the root has it; else None."""
    for path in _INTERPRETERS.get((elf.machine, elf.bits), ()):
        if root.file(path) is not None:
            return path
    return None


def read_loader(root: Root, path: str, elf: Elf) -> Loader:
    """The loader at `path`, for programs of the ABI of `elf`. Executes nothing."""
    file = root.file(path) if path else None
    folder, _, name = path.rpartition("/")
    if name.startswith("ld-musl-") and name.endswith(".so.1"):
        architecture = name.removeprefix("ld-musl-").removesuffix(".so.1")
        path_file = f"{folder.rpartition('/')[0]}/etc/ld-musl-{architecture}.path"
        return Loader(path, "musl", _musl_directories(root, path_file), "lib", file is not None, path_file)
    data = read_small_file(root, path, _MAX_LOADER) or b"" if file else b""
    directories = _built_in_directories(data) or (_WIDE if elf.bits == 64 else _NARROW)
    lib = directories[0].lstrip("/")
    return Loader(path, "glibc", directories, lib, file is not None, "", _legacy_subdirectories(data, elf))


def _legacy_subdirectories(data: bytes, elf: Elf) -> tuple[str, ...]:
    """The legacy hwcaps that every processor has (elf/dl-hwcaps.c before GLIBC 2.37). A loader says its version since
    2.33."""
    if _LIKE_GLIBC not in data:
        return ()
    after = data.partition(_VERSION)[2]
    minor = after[:3].partition(b".")[0]
    if minor.isdigit() and int(minor) >= 37:
        return ()
    return ("tls/x86_64", "tls", "x86_64") if elf.machine == EM_X86_64 else ("tls",)


def _built_in_directories(data: bytes) -> tuple[str, ...]:
    """The directories in a GLIBC loader's data: one after the other, each with a slash and a NUL at its end."""
    joint = data.find(b"/\0/")  # where one ends and the next begins: rare in other data
    while joint >= 0:
        start = data.rfind(b"\0", 0, joint) + 1
        pieces = data[start : start + _LONGEST_LIST].split(b"\0") if joint - start < _LONGEST_LIST else []
        found = list(takewhile(_is_directory, pieces))
        if len(found) > 1 and any(b"lib" in each for each in found):
            return tuple(dict.fromkeys(decode(each).rstrip("/") for each in found))
        joint = data.find(b"/\0/", joint + 2)
    return ()


def _is_directory(piece: bytes) -> bool:
    return len(piece) > 2 and piece[:1] == b"/" == piece[-1:] and piece.isascii() and piece.decode().isprintable()


def _musl_directories(root: Root, path_file: str) -> tuple[str, ...]:
    """The directories of musl's path file, separated by line breaks or colons; the built-in ones without the file."""
    data = read_small_file(root, path_file, _MAX_LOADER)
    if data is None:
        return _MUSL_DEFAULT
    words = decode(data).replace("\n", ":").split(":")
    return tuple(dict.fromkeys(word.rstrip("/") or "/" for word in words if word.startswith("/")))
