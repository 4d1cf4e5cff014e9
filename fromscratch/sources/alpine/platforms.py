"""Alpine's names for platforms, as folders of its repositories have them."""

from fromscratch.errors import UsageError
from fromscratch.model.image import Platform

_ARCHITECTURES = {
    "linux/386": "x86",
    "linux/amd64": "x86_64",
    "linux/arm/v6": "armhf",
    "linux/arm/v7": "armv7",
    "linux/arm64": "aarch64",
    "linux/loong64": "loongarch64",
    "linux/ppc64le": "ppc64le",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}


def alpine_architecture(platform: Platform) -> str:
    """Alpine's name for the platform. Raises UsageError."""
    plain = Platform(platform.os, platform.architecture, platform.variant if platform.architecture == "arm" else "")
    if str(plain) not in _ARCHITECTURES:
        raise UsageError(f"Alpine has no packages for {platform}", f"build for {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[str(plain)]
