"""Small sysroots on disk: a loader, a libc and a few programs made of `elfs`, laid out as a merged-usr Debian."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.formats.elf.made import elf

LOADER = "/lib64/ld-linux-x86-64.so.2"
MULTIARCH = "/usr/lib/x86_64-linux-gnu"
# What Debian's loader has compiled in, in the form in which it lies there.
_SYSTEM_DIRS = b"/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0"
VERSIONS = ("GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.36")


def program(*needed: str, **more: Any) -> bytes:
    """A program that GLIBC's loader of the sysroot starts."""
    return elf(needed=[*needed, "libc.so.6"], interpreter=more.pop("interpreter", LOADER), **more)


def library(soname: str, *needed: str, **more: Any) -> bytes:
    return elf(soname=soname, needed=needed, **more)


def libc(versions: Sequence[str] = VERSIONS) -> bytes:
    return library("libc.so.6", "ld-linux-x86-64.so.2", provides_versions=versions)


def loader() -> bytes:
    return library("ld-linux-x86-64.so.2", data=_SYSTEM_DIRS)


def sysroot(folder: Path, files: Mapping[str, bytes | str] | None = None) -> Path:
    """A folder with the loader and libc, and these files besides."""
    for name in ("bin", "lib", "lib64"):
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"usr/{name}")
    return written(
        folder,
        {
            f"{MULTIARCH}/ld-linux-x86-64.so.2": loader(),
            f"/usr{LOADER}": "-> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            f"{MULTIARCH}/libc.so.6": libc(),
            **(files or {}),
        },
    )


def written(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """The files of this folder, by their paths in it: 0755 with those bytes, symlinks where they are "-> TARGET"."""
    for name, piece in files.items():
        path = Path(f"{folder}{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(piece, str) and piece.startswith("-> "):
            path.symlink_to(piece[3:])
        else:
            path.write_bytes(piece if isinstance(piece, bytes) else os.fsencode(piece))
            path.chmod(0o755)
    for directory in [folder, *(each for each in folder.rglob("*") if each.is_dir() and not each.is_symlink())]:
        directory.chmod(0o755)
    return folder
