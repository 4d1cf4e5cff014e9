"""A GLIBC cross toolchain for Buildroot, made in seconds out of this machine's own compiler.

Buildroot refuses a distribution's compiler because its prefix is /usr, and would copy all of /usr
into the image. What it accepts is laid out here:

    bin/TUPLE-gcc …       wrappers that name the sysroot, and the binutils
    driver/bin/           copies of the gcc and cpp drivers: gcc derives its prefix from where it lies
    driver/lib/gcc/ …     links to the compiler's own files, less what Buildroot would take for OpenMP or C++
    driver/tools/         the assembler and linkers
    sysroot/              the files of the C library's packages, as the package manager lists them

C only: a C++ library outside the sysroot makes Buildroot copy the compiler's whole library folder.
"""

import os
import shlex
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import ImageError, MissingTool, UsageError
from fromscratch.host.process import run
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Platform
from fromscratch.progress import SILENT, Progress

_LAYOUT = "3"  # of the folder this module makes: a change makes every toolchain anew
_SYSROOT_PACKAGES = ("libc6", "libc6-dev", "linux-libc-dev", "libgcc-s1")
_OPTIONAL_PACKAGES = ("libcrypt1",)
_DRIVERS = ("gcc", "cpp")
_BINUTILS = [
    "addr2line",
    "ar",
    "as",
    "c++filt",
    "elfedit",
    "gprof",
    "ld",
    "ld.bfd",
    "ld.gold",
    "nm",
    "objcopy",
    "objdump",
    "ranlib",
    "readelf",
    "size",
    "strings",
    "strip",
]
_LINKED_BY_DRIVER = ("as", "ld", "ld.bfd", "ld.gold", "nm", "objcopy", "ranlib", "ar", "strip")
_NOT_OF_THE_COMPILER = ("libgomp", "libstdc++", "libsupc++", "omp.h", "openacc.h", "acc_prof.h")
_NOT_OF_THE_SYSROOT = ("/gconv/", "/audit/", "/locale/")
_SYSROOT_TOPS = ("lib", "lib32", "lib64", "libx32", "usr")
_INSTALL = "on Debian or Ubuntu: apt-get install gcc libc6-dev linux-libc-dev binutils; or use toolchain: bootlin"


class HostCompiler(Struct, frozen=True, kw_only=True):
    """This machine's gcc. `version` is what Buildroot compares (12); `packages` are its parts with versions."""

    driver: Path
    preprocessor: Path
    machine: str
    version: str
    library_folder: Path
    program_folder: Path
    packages: tuple[str, ...]

    @property
    def identity(self) -> str:
        """A text that changes whenever another toolchain would come out."""
        # A compiler that is of no package is known by its file.
        state = self.driver.stat()
        file = f"{self.driver} {state.st_size} {state.st_mtime_ns}"
        return "\n".join((_LAYOUT, self.machine, self.version, file, *self.packages))

    @property
    def tuple_(self) -> str:
        """The prefix of the cross tools."""
        return f"{self.machine.partition('-')[0]}-buildroot-linux-gnu"


class HostToolchain(Struct, frozen=True, kw_only=True):
    """A finished one. `headers` are the kernel headers' version, (6, 1)."""

    path: Path
    prefix: str
    gcc: str
    headers: tuple[int, int]
    identity: str


def identify(platform: Platform) -> HostCompiler:
    """Look at this machine's compiler.

    Raises UsageError for another machine's platform, MissingTool without gcc, dpkg or the C library's files.
    """
    if platform.architecture != Platform.of_this_machine().architecture:
        raise UsageError(
            f"toolchain: host makes programs for {Platform.of_this_machine()} only, and the image is for {platform}",
            "use toolchain: bootlin, which has a compiler for every platform",
        )
    driver = _real_program("gcc")
    asked = [_said([str(driver), option]) for option in ("-dumpmachine", "-dumpversion")]
    libgcc = Path(_said([str(driver), "-print-libgcc-file-name"]))
    backend = Path(_said([str(driver), "-print-prog-name=cc1"]))
    if not libgcc.is_absolute() or not backend.is_absolute():
        raise MissingTool(f"the compiler {driver} is not complete on this machine", _INSTALL)
    folders = [path.resolve().parent for path in (libgcc, backend)]
    if not all(one.is_relative_to("/usr") for one in folders):
        raise UsageError(
            f"toolchain: host is made of a compiler that is installed under /usr, and {driver} is not",
            "put the system's own gcc first in PATH, or use toolchain: {external: FOLDER}",
        )
    return HostCompiler(
        driver=driver,
        preprocessor=_real_program("cpp"),
        machine=asked[0],
        version=asked[1].partition(".")[0],
        library_folder=folders[0],
        program_folder=folders[1],
        packages=_package_versions(asked[1].partition(".")[0]),
    )


def make(
    store: Store, compiler: HostCompiler, progress: Progress = SILENT, *, launcher: str | None = None
) -> HostToolchain:
    """The toolchain in the store's workspace; made once for each state of the compiler.

    `launcher` is a program that the compiler is called through, such as ccache.
    """
    place = store.workspace("buildroot-host-toolchain", f"{compiler.identity}\n{launcher}")
    finished = place / "toolchain"
    with store.lock(f"buildroot-host-toolchain-{compiler.identity}"):
        if not finished.exists():
            progress.note(f"making a toolchain out of gcc {compiler.version} of this machine")
            fresh = place / "new"
            disk.discard(fresh)
            _lay_out(compiler, fresh, finished, launcher)
            os.replace(fresh, finished)
    return HostToolchain(
        path=finished,
        prefix=compiler.tuple_,
        gcc=compiler.version,
        headers=headers_version(finished / "sysroot/usr/include/linux/version.h"),
        identity=compiler.identity,
    )


def _lay_out(compiler: HostCompiler, top: Path, final: Path, launcher: str | None) -> None:
    try:
        _copy_sysroot(_listed_files(), top / "sysroot")
        _lay_out_driver(compiler, top / "driver")
        _write_wrappers(compiler, top, final, launcher)
    except OSError as error:
        raise ImageError(
            f"cannot make a toolchain out of {compiler.driver}: {error.filename or top}: {error.strerror}", _INSTALL
        ) from error


def _lay_out_driver(compiler: HostCompiler, driver: Path) -> None:
    (driver / "bin").mkdir(parents=True)
    for name, program in zip(_DRIVERS, (compiler.driver, compiler.preprocessor), strict=True):
        shutil.copy2(program, driver / "bin" / name)
    for folder in {compiler.library_folder, compiler.program_folder}:
        # /usr/lib/gcc/… or /usr/libexec/gcc/…: the driver looks for the same place below its own prefix.
        place = driver / folder.relative_to("/usr")
        place.mkdir(parents=True, exist_ok=True)
        for entry in sorted(folder.iterdir()):
            if entry.name == "include":
                (place / "include").mkdir()
                _link_all(sorted(entry.iterdir()), place / "include")
            else:
                _link_all([entry], place)
    tools = driver / "tools"
    tools.mkdir()
    for name in _LINKED_BY_DRIVER:
        if found := _binutil(compiler.machine, name):
            (tools / name).symlink_to(found)


def _link_all(entries: Iterable[Path], folder: Path) -> None:
    for entry in entries:
        if not entry.name.startswith(_NOT_OF_THE_COMPILER):
            (folder / entry.name).symlink_to(entry)


def _write_wrappers(compiler: HostCompiler, top: Path, final: Path, launcher: str | None) -> None:
    folder = top / "bin"
    folder.mkdir()
    sysroot, tools = final / "sysroot", final / "driver" / "tools"
    for name in _DRIVERS:
        words = [str(final / "driver" / "bin" / name), f"--sysroot={sysroot}", f"-B{tools}/"]
        before = [launcher] if launcher and name == "gcc" else []
        _script(folder / f"{compiler.tuple_}-{name}", shlex.join(before + words))
    for name in _BINUTILS:
        if found := _binutil(compiler.machine, name):
            (folder / f"{compiler.tuple_}-{name}").symlink_to(found)
    for name in ("ar", "nm", "ranlib"):
        # gcc-ar and its kin only add a plugin for link-time optimisation to the plain tools.
        (folder / f"{compiler.tuple_}-gcc-{name}").symlink_to(f"{compiler.tuple_}-{name}")


def _script(path: Path, command: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)


def _copy_sysroot(files: Sequence[Path], sysroot: Path) -> None:
    for path in files:
        target = sysroot / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.is_file():
            shutil.copy2(path, target, follow_symlinks=False)
    for top in ("lib", "lib64"):
        # Where packages ship /usr/lib only, linker scripts still say /lib.
        if not (sysroot / top).exists() and (sysroot / "usr" / top).exists():
            (sysroot / top).symlink_to(f"usr/{top}")


def _listed_files() -> list[Path]:
    """The files of the C library, its headers and the compiler's run-time library."""
    run.need("dpkg-query", "toolchain: host", _INSTALL)
    listed = run.run(["dpkg-query", "--listfiles", *_SYSROOT_PACKAGES, *_present(_OPTIONAL_PACKAGES)]).stdout
    return [
        Path(line) for line in dict.fromkeys(os.fsdecode(listed).splitlines()) if _belongs_to_sysroot(Path(line), line)
    ]


def _belongs_to_sysroot(path: Path, text: str) -> bool:
    """/lib itself is a directory of the package and a symlink of the machine: only what lies below counts."""
    return (
        len(path.parts) > 2
        and path.parts[1] in _SYSROOT_TOPS
        and not text.startswith("/usr/share/")
        and not any(part in f"{text}/" for part in _NOT_OF_THE_SYSROOT)
        and (path.is_symlink() or not path.is_dir())
    )


def _package_versions(gcc: str) -> tuple[str, ...]:
    """`name version` of everything the toolchain is made of."""
    run.need("dpkg-query", "toolchain: host", _INSTALL)
    queried = [*_SYSROOT_PACKAGES, *_OPTIONAL_PACKAGES, f"gcc-{gcc}", f"cpp-{gcc}", f"libgcc-{gcc}-dev", "binutils"]
    shown = run.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${binary:Package} ${Version}\\n", *queried],
        check=False,
    ).stdout.decode()
    found = tuple(sorted(line.partition(" ")[2] for line in shown.splitlines() if line.startswith("installed ")))
    names = {line.partition(" ")[0].partition(":")[0] for line in found}
    if missing := [package for package in _SYSROOT_PACKAGES if package not in names]:
        raise MissingTool(
            f"toolchain: host needs the packages {' '.join(missing)}, which are not on this machine",
            f"on Debian or Ubuntu: apt-get install {' '.join(missing)}; or use toolchain: bootlin",
        )
    return found


def _present(packages: Sequence[str]) -> list[str]:
    shown = run.run(["dpkg-query", "--show", "--showformat=${Package}\\n", *packages], check=False).stdout.decode()
    return sorted(set(shown.split()) & set(packages))


def headers_version(header: Path) -> tuple[int, int]:
    """The version of the kernel's headers, (6, 1), by its linux/version.h."""
    text = header.read_text()
    code = next(int(line.split()[2]) for line in text.splitlines() if line.startswith("#define LINUX_VERSION_CODE"))
    return code >> 16, code >> 8 & 0xFF


def _binutil(machine: str, name: str) -> Path | None:
    found = run.find(f"{machine}-{name}") or run.find(name)
    return Path(found).resolve() if found else None


def _real_program(name: str) -> Path:
    """The compiler itself, past links and past a ccache that stands before it in PATH."""
    path = Path(run.need(name, "toolchain: host", _INSTALL)).resolve()
    if path.name == "ccache" and not (path := Path("/usr/bin", name).resolve()).is_file():
        raise MissingTool(f"there is no {path}, which ccache would call", _INSTALL)
    return path


def _said(argv: Sequence[str]) -> str:
    return run.run(argv).stdout.decode().strip()
