"""RPM's names for platforms: rpmrc.in of rpm, and $basearch of repositories."""

from fromscratch.errors import UsageError
from fromscratch.model.image import Platform

_ARCHITECTURES = {  # the architecture, and what repositories call it
    "linux/386": ("i686", "i386"),
    "linux/amd64": ("x86_64", "x86_64"),
    "linux/arm/v7": ("armv7hl", "armhfp"),
    "linux/arm64": ("aarch64", "aarch64"),
    "linux/loong64": ("loongarch64", "loongarch64"),
    "linux/ppc64le": ("ppc64le", "ppc64le"),
    "linux/riscv64": ("riscv64", "riscv64"),
    "linux/s390x": ("s390x", "s390x"),
}


ARCHITECTURES = tuple(name for name, _ in _ARCHITECTURES.values())


def rpm_architecture(platform: Platform) -> str:
    """RPM's name for the platform. Raises UsageError."""
    return _names(platform)[0]


def base_architecture(platform: Platform) -> str:
    """What $basearch stands for in the address of a repository. Raises UsageError."""
    return _names(platform)[1]


def _names(platform: Platform) -> tuple[str, str]:
    plain = Platform(platform.os, platform.architecture, platform.variant if platform.architecture == "arm" else "")
    if str(plain) not in _ARCHITECTURES:
        raise UsageError(f"RPM has no name for {platform}", f"build for {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[str(plain)]
