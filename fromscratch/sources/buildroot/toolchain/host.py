"""A GLIBC cross toolchain for Buildroot, made in seconds out of a compiler that is installed: for this machine, or
for another platform by Debian's gcc-TRIPLET.

Buildroot refuses a distribution's compiler because its prefix is /usr, and would copy all of /usr
into the image. What it accepts is laid out here:

    bin/TUPLE-gcc …       wrappers that name the sysroot, and the binutils
    driver/bin/           copies of the gcc, g++ and cpp drivers: gcc derives its prefix from where it lies
    driver/lib/gcc/ …     links to the compiler's own files, less what Buildroot would take for OpenMP
    driver/…/c++/12       links to the headers of C++
    driver/tools/         the assembler and linkers
    sysroot/              the files of the C library's packages, as the package manager lists them

The libraries of C++ stand in the sysroot: one outside makes Buildroot copy the compiler's whole library folder.
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
from fromscratch.sources.buildroot.toolchain import debian_packages, sysroot
from fromscratch.sources.buildroot.toolchain.debian_packages import DebianTarget

_LAYOUT = "6"  # of the folder this module makes: a change makes every toolchain anew
_DRIVERS = ("gcc", "cpp", "g++")
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


class HostCompiler(Struct, frozen=True, kw_only=True):
    """A gcc of this machine. `version` is what Buildroot compares (12); `packages` are its parts with versions.

    `cplusplus` is the driver of C++, where that is installed.
    """

    target: DebianTarget
    driver: Path
    preprocessor: Path
    cplusplus: Path | None
    machine: str
    multiarch: str
    version: str
    library_folder: Path
    program_folder: Path
    packages: tuple[str, ...]

    @property
    def identity(self) -> str:
        """A text that changes whenever another toolchain would come out."""
        # A compiler that is of no package is known by its file.
        state = self.driver.stat()
        file = f"{self.driver} {state.st_size} {state.st_mtime_ns} {self.cplusplus}"
        return "\n".join((_LAYOUT, self.machine, self.version, file, *self.packages))

    @property
    def tuple_(self) -> str:
        """The prefix of the cross tools."""
        return f"{self.machine.partition('-')[0]}-buildroot-linux-gnu"


class HostToolchain(Struct, frozen=True, kw_only=True):
    """A finished one. `headers` are the kernel headers' version, (6, 1)."""

    path: Path
    prefix: str
    cplusplus: bool
    gcc: str
    headers: tuple[int, int]
    identity: str


def identify(platform: Platform) -> HostCompiler:
    """Look at this machine's compiler for a platform.

    Raises UsageError for a platform that has none in Debian, MissingTool without the compiler, dpkg or the C library's
    files.
    """
    target = debian_packages.target_of(platform)
    driver = _real_program("gcc", target)
    asked = [_said([str(driver), option]) for option in ("-dumpmachine", "-dumpversion", "-print-multiarch")]
    libgcc = Path(_said([str(driver), "-print-libgcc-file-name"]))
    backend = Path(_said([str(driver), "-print-prog-name=cc1"]))
    if not libgcc.is_absolute() or not backend.is_absolute():
        raise MissingTool(f"the compiler {driver} is not complete on this machine", target.install)
    folders = [path.resolve().parent for path in (libgcc, backend)]
    if not all(one.is_relative_to("/usr") for one in folders):
        raise UsageError(
            f"toolchain: host is made of a compiler that is installed under /usr, and {driver} is not",
            "put the system's own gcc first in PATH, or use toolchain: {external: FOLDER}",
        )
    version = asked[1].partition(".")[0]
    return HostCompiler(
        target=target,
        driver=driver,
        preprocessor=_real_program("cpp", target),
        cplusplus=_cplusplus(target, folders[1], version),
        machine=asked[0],
        multiarch=asked[2],
        version=version,
        library_folder=folders[0],
        program_folder=folders[1],
        packages=debian_packages.versions(target, version),
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
            progress.note(f"making a toolchain out of {compiler.driver.name} of this machine")
            fresh = place / "new"
            disk.discard(fresh)
            _lay_out(compiler, fresh, finished, launcher)
            os.replace(fresh, finished)
    return HostToolchain(
        path=finished,
        prefix=compiler.tuple_,
        cplusplus=compiler.cplusplus is not None,
        gcc=compiler.version,
        headers=headers_version(finished / "sysroot/usr/include/linux/version.h"),
        identity=compiler.identity,
    )


def _lay_out(compiler: HostCompiler, top: Path, final: Path, launcher: str | None) -> None:
    try:
        files = debian_packages.files(compiler.target, compiler.version)
        sysroot.lay_out(compiler.target, compiler.multiarch, files, compiler.library_folder, top / "sysroot")
        _lay_out_driver(compiler, top / "driver")
        _write_wrappers(compiler, top, final, launcher)
    except OSError as error:
        raise ImageError(
            f"cannot make a toolchain out of {compiler.driver}: {error.filename or top}: {error.strerror}",
            compiler.target.install,
        ) from error


def _lay_out_driver(compiler: HostCompiler, driver: Path) -> None:
    (driver / "bin").mkdir(parents=True)
    for name, program in _drivers(compiler).items():
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
    for folder in _cplusplus_headers(compiler):
        place = driver / folder.relative_to("/usr")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder)
    tools = driver / "tools"
    tools.mkdir()
    for name in _LINKED_BY_DRIVER:
        if found := _binutil(compiler.machine, name):
            (tools / name).symlink_to(found)


def _drivers(compiler: HostCompiler) -> dict[str, Path]:
    found = zip(_DRIVERS, (compiler.driver, compiler.preprocessor, compiler.cplusplus), strict=True)
    return {name: program for name, program in found if program is not None}


def _cplusplus_headers(compiler: HostCompiler) -> list[Path]:
    """The folders .../c++/12 that hold headers of C++: those of all machines, and those of this one."""
    if compiler.cplusplus is None:
        return []
    include, below = Path("/usr", compiler.target.triple, "include"), Path("c++", compiler.version)
    return [folder for folder in (include / below, include / compiler.machine / below) if folder.is_dir()]


def _link_all(entries: Iterable[Path], folder: Path) -> None:
    for entry in entries:
        if not entry.name.startswith(_NOT_OF_THE_COMPILER):
            (folder / entry.name).symlink_to(entry)


def _write_wrappers(compiler: HostCompiler, top: Path, final: Path, launcher: str | None) -> None:
    folder = top / "bin"
    folder.mkdir()
    root, tools = final / "sysroot", final / "driver" / "tools"
    for name in _drivers(compiler):
        words = [str(final / "driver" / "bin" / name), f"--sysroot={root}", f"-B{tools}/"]
        before = [launcher] if launcher and name != "cpp" else []
        _script(folder / f"{compiler.tuple_}-{name}", _call(words, before, root))
    for name in _BINUTILS:
        if found := _binutil(compiler.machine, name):
            (folder / f"{compiler.tuple_}-{name}").symlink_to(found)
    for name in ("ar", "nm", "ranlib"):
        # gcc-ar and its kin only add a plugin for link-time optimisation to the plain tools.
        (folder / f"{compiler.tuple_}-gcc-{name}").symlink_to(f"{compiler.tuple_}-{name}")


def _call(words: Sequence[str], before: Sequence[str], root: Path) -> str:
    """What a driver's wrapper does. Debian's cross compilers say that they were configured with the sysroot /, by
    which Buildroot knows a distribution's compiler; called like this they have one of their own."""
    said = shlex.quote(f"s|--with-sysroot=/ |--with-sysroot={root} |")
    return (
        f'if [ "$*" = -v ]; then {shlex.join(words)} -v 2>&1 | sed {said} >&2; exit; fi\n'
        f'exec {shlex.join([*before, *words])} "$@"'
    )


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def headers_version(header: Path) -> tuple[int, int]:
    """The version of the kernel's headers, (6, 1), by its linux/version.h."""
    text = header.read_text()
    code = next(int(line.split()[2]) for line in text.splitlines() if line.startswith("#define LINUX_VERSION_CODE"))
    return code >> 16, code >> 8 & 0xFF


def _binutil(machine: str, name: str) -> Path | None:
    native = machine.partition("-")[0] == os.uname().machine
    found = run.find(f"{machine}-{name}") or (run.find(name) if native else None)
    return Path(found).resolve() if found else None


def _real_program(name: str, target: DebianTarget) -> Path:
    """The compiler itself, past links and past a ccache that stands before it in PATH."""
    name = f"{target.prefix}{name}"
    path = Path(run.need(name, "toolchain: host", target.install)).resolve()
    if path.name == "ccache" and not (path := Path("/usr/bin", name).resolve()).is_file():
        raise MissingTool(f"there is no {path}, which ccache would call", target.install)
    return path


def _cplusplus(target: DebianTarget, programs: Path, version: str) -> Path | None:
    """The driver of C++, if it and what it calls are there in the version of the C compiler."""
    if run.find(f"{target.prefix}g++") is None or not (programs / "cc1plus").exists():
        return None
    driver = _real_program("g++", target)
    return driver if _said([str(driver), "-dumpversion"]).partition(".")[0] == version else None


def _said(argv: Sequence[str]) -> str:
    return run.run(argv).stdout.decode().strip()
