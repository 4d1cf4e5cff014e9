"""The dynamic loader that a program names, and where it looks when nothing says otherwise.

GLIBC's loader has its directories compiled in (elf/dl-load.c, `system_dirs`): Debian's begin with the
multiarch ones and have no /lib64, others have /lib64 first. They are read off the loader's own data,
so that no table of distributions is needed. musl's are in ldso/dynlink.c and /etc/ld-musl-ARCH.path.
"""

import re
from typing import Literal, NamedTuple

from fromscratch.formats.elf import Elf
from fromscratch.linker.ground import Ground, whole
from fromscratch.paths import decode

Kind = Literal["glibc", "musl"]

_MAX_LOADER = 8 << 20
# Compiled-in directories lie one behind the other, each with a slash and a NUL at its end.
_DIRECTORIES = re.compile(rb"(?:/[A-Za-z0-9_.+-]+(?:/[A-Za-z0-9_.+-]+)*/\0){2,}")
_MUSL = re.compile(r"(?:^|/)ld-musl-([^/]+?)\.so\.1$")
_MUSL_DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")
_WIDE = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_NARROW = ("/lib", "/usr/lib")

# (machine, bits) -> what PT_INTERP of a program would be, for a library that names no loader of its own.
_USUAL = {
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
    """`path` is as PT_INTERP spells it; `directories` are searched last, in order; `lib` is what $LIB stands for.

    `found` is False for a loader that the root does not have: its directories are then those of its kind.
    `path_file` is where musl's reads its directories from; empty for GLIBC's.
    """

    path: str
    kind: Kind
    directories: tuple[str, ...]
    lib: str
    found: bool
    path_file: str = ""


def usual_interpreter(ground: Ground, elf: Elf) -> str | None:
    """The loader that a program like this library would name, of those that the root has; None if it has none."""
    for path in _USUAL.get((elf.machine, elf.bits), ()):
        if ground.opened(path) is not None:
            return path
    return None


def loader(ground: Ground, path: str, elf: Elf) -> Loader:
    """What the loader at `path` would do for a program like `elf`. Executes nothing."""
    opened = ground.opened(path) if path else None
    if musl := _MUSL.search(path):
        above = path.rpartition("/")[0].rpartition("/")[0]
        path_file = f"{above}/etc/ld-musl-{musl[1]}.path"
        return Loader(path, "musl", _musl_directories(ground, path_file), "lib", opened is not None, path_file)
    found = _compiled_in(ground, path) if opened else ()
    directories = found or (_WIDE if elf.bits == 64 else _NARROW)
    return Loader(path, "glibc", directories, directories[0].lstrip("/"), opened is not None)


def _compiled_in(ground: Ground, path: str) -> tuple[str, ...]:
    data = whole(ground, path, _MAX_LOADER)
    for run in _DIRECTORIES.finditer(data or b""):
        names = [decode(name).rstrip("/") for name in run[0].split(b"\0") if name]
        if any("lib" in name for name in names):
            return tuple(dict.fromkeys(names))
    return ()


def _musl_directories(ground: Ground, path_file: str) -> tuple[str, ...]:
    """Those of the path file, one a line or with colons between; the built-in ones without it."""
    data = whole(ground, path_file, _MAX_LOADER)
    if data is None:
        return _MUSL_DEFAULT
    words = re.split(r"[:\n]", decode(data))
    return tuple(dict.fromkeys(word.rstrip("/") or "/" for word in words if word.startswith("/")))
