"""The Debian packages that a host toolchain is made of: which they are for a platform, their versions and files."""

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import MissingTool, UsageError
from fromscratch.host.process import run
from fromscratch.model.image import Platform

# Platform -> the triplet of Debian's cross compiler, and Debian's name of the architecture.
_TARGETS = {
    "linux/386": ("i686-linux-gnu", "i386"),
    "linux/amd64": ("x86_64-linux-gnu", "amd64"),
    "linux/arm/v5": ("arm-linux-gnueabi", "armel"),
    "linux/arm/v6": ("arm-linux-gnueabi", "armel"),
    "linux/arm/v7": ("arm-linux-gnueabihf", "armhf"),
    "linux/arm64": ("aarch64-linux-gnu", "arm64"),
    "linux/ppc64le": ("powerpc64le-linux-gnu", "ppc64el"),
    "linux/riscv64": ("riscv64-linux-gnu", "riscv64"),
    "linux/s390x": ("s390x-linux-gnu", "s390x"),
}


class DebianTarget(Struct, frozen=True):
    """Whom a compiler compiles for. `triple` stands before -gcc in its name, and is empty for the machine's own."""

    triple: str
    architecture: str

    @property
    def prefix(self) -> str:
        """What stands before the names of its programs."""
        return f"{self.triple}-" if self.triple else ""

    @property
    def required(self) -> tuple[str, ...]:
        """The packages of the C library, its headers, and the compiler's run-time library."""
        return tuple(self._of_library(name) for name in ("libc6", "libc6-dev", "linux-libc-dev", "libgcc-s1"))

    def optional(self, gcc: str) -> tuple[str, ...]:
        """What belongs into the sysroot if it is installed: run-time libraries, and those of C++."""
        names = [] if self.triple else ["libcrypt1"]
        libraries = ("libstdc++6", f"libstdc++-{gcc}-dev", "libatomic1")
        return (*names, *(self._of_library(name) for name in libraries))

    def of_compiler(self, gcc: str) -> tuple[str, ...]:
        """The packages of the compiler and binutils, whose versions tell one toolchain from another."""
        after = f"-{self.triple.replace('_', '-')}" if self.triple else ""
        programs = [f"{name}-{gcc}{after}" for name in ("gcc", "cpp", "g++")]
        return (*programs, self._of_library(f"libgcc-{gcc}-dev"), f"binutils{after}")

    @property
    def install(self) -> str:
        """What to do where any of it is missing."""
        after = f"-{self.triple.replace('_', '-')}" if self.triple else ""
        names = [f"gcc{after}", f"g++{after}", *self.required[1:3], f"binutils{after}"]
        return f"on Debian or Ubuntu: apt-get install {' '.join(names)}"

    def _of_library(self, name: str) -> str:
        return f"{name}-{self.architecture}-cross" if self.triple else name


def target_of(platform: Platform) -> DebianTarget:
    """Raises UsageError for a platform that Debian has no cross compiler for."""
    triple, architecture = _TARGETS.get(str(platform), ("", ""))
    if platform.architecture == Platform.of_this_machine().architecture and platform.architecture != "arm":
        return DebianTarget("", architecture)
    if not triple:
        raise UsageError(
            f"toolchain: host makes no programs for {platform}, since Debian has no cross compiler for it",
            f"build for one of {', '.join(_TARGETS)}",
        )
    return DebianTarget(triple, architecture)


def versions(target: DebianTarget, gcc: str) -> tuple[str, ...]:
    """`name version` of everything that is installed of a toolchain. Raises MissingTool for what is needed."""
    run.need("dpkg-query", "toolchain: host", target.install)
    queried = [*target.required, *target.optional(gcc), *target.of_compiler(gcc), f"libc6:{target.architecture}"]
    shown = run.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${binary:Package} ${Version}\\n", *queried],
        check=False,
    ).stdout.decode()
    found = tuple(sorted(line.partition(" ")[2] for line in shown.splitlines() if line.startswith("installed ")))
    names = {line.partition(" ")[0].partition(":")[0] for line in found}
    if missing := [package for package in target.required if package not in names]:
        raise MissingTool(
            f"toolchain: host needs the packages {' '.join(missing)}, which are not on this machine",
            f"on Debian or Ubuntu: apt-get install {' '.join(missing)}",
        )
    return found


def files(target: DebianTarget, gcc: str) -> list[Path]:
    """The files of the installed packages that belong into a sysroot, as the package manager lists them."""
    packages = [*target.required, *_present(target.optional(gcc))]
    found = _listed(packages)
    if target.triple:
        # The packages for cross compilers are without gconv; the architecture's own library has it, if it is there.
        found += [path for path in _listed([f"libc6:{target.architecture}"]) if "/gconv/" in str(path)]
    return [path for path in found if path.is_symlink() or path.is_file()]


def _listed(packages: Sequence[str]) -> list[Path]:
    listed = run.run(["dpkg-query", "--listfiles", *packages], check=False).stdout
    return [Path(line) for line in dict.fromkeys(os.fsdecode(listed).splitlines())]


def _present(packages: Sequence[str]) -> list[str]:
    shown = run.run(["dpkg-query", "--show", "--showformat=${Package}\\n", *packages], check=False).stdout.decode()
    return sorted(set(shown.split()) & set(packages))
