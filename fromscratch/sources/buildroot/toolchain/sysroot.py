"""The sysroot of a host toolchain: the C library, its headers, and gcc's libraries, in folders as Buildroot reads them.

Debian has the files of a cross compiler below /usr/TRIPLET. Here they stand where the machine's own do:
the libraries in usr/lib/MULTIARCH, the headers in usr/include.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from fromscratch.sources.buildroot.toolchain.debian_packages import DebianTarget

_TOPS = ("lib", "lib32", "lib64", "libx32", "usr")
_LEFT_OUT = ("/audit/", "/locale/", "/gcc/", "/gcc-cross/", "/include/c++/")
_OF_CPLUSPLUS = ("libstdc++.a", "libsupc++.a", "libstdc++fs.a")
_SCRIPT = b"/* GNU ld script"


def lay_out(target: DebianTarget, multiarch: str, files: Iterable[Path], gcc_libraries: Path, sysroot: Path) -> None:
    """Copy what belongs there. `gcc_libraries` is the compiler's own folder, which has the libraries of C++ too."""
    for path in files:
        place = destination(target, multiarch, str(path))
        if place is not None:
            copy = sysroot / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy, follow_symlinks=False)
            if target.triple and path.suffix in (".so", ".a"):
                _relocate_script(target, copy)
    libraries = sysroot / "usr" / "lib" / multiarch
    for name in _OF_CPLUSPLUS:
        if (gcc_libraries / name).is_file():
            shutil.copy2(gcc_libraries / name, libraries / name)
    if (libraries / "libstdc++.so.6").exists() and (gcc_libraries / "libstdc++.so").exists():
        (libraries / "libstdc++.so").symlink_to("libstdc++.so.6")
    for loader in libraries.glob("ld*.so.*"):  # programs name it below /lib, and Buildroot looks for it there
        if not (libraries.parent / loader.name).exists():
            (libraries.parent / loader.name).symlink_to(f"{multiarch}/{loader.name}")
    for top in ("lib", "lib64"):
        # Where packages ship /usr/lib only, linker scripts and programs still say /lib.
        if not (sysroot / top).exists():
            (sysroot / top).symlink_to(f"usr/{top}" if (sysroot / "usr" / top).exists() else "usr/lib")


def destination(target: DebianTarget, multiarch: str, path: str) -> str | None:
    """Where a file of a package belongs in the sysroot; None if it does not.

    /lib itself is a directory of the package and a symlink of the machine: only what lies below counts.
    """
    parts = PurePosixPath(path).parts
    if target.triple and path.startswith(f"/usr/lib/{multiarch}/gconv/"):
        return path[1:]
    if any(part in f"{path}/" for part in _LEFT_OUT) or path.startswith("/usr/share/"):
        return None
    if not target.triple:
        return path[1:] if len(parts) > 2 and parts[1] in _TOPS else None
    if parts[1:3] != ("usr", target.triple) or len(parts) < 5 or parts[3] == "lib64":
        return None  # lib64 has a link to the loader of ppc64le; Buildroot makes lib64 itself a link to lib
    if parts[3] not in _TOPS:
        return "/".join(("usr", *parts[3:]))
    return "/".join(("usr", "lib", multiarch, *parts[4:]))


def _relocate_script(target: DebianTarget, path: Path) -> None:
    """Let a linker script name files that the linker then looks for in the sysroot's folders."""
    if path.is_symlink():
        return
    with open(path, "rb") as stream:
        if stream.read(len(_SCRIPT)) != _SCRIPT:
            return
    text = path.read_bytes()
    for folder in ("lib", "lib64"):
        text = text.replace(f"/usr/{target.triple}/{folder}/".encode(), b"")
    path.write_bytes(text)
