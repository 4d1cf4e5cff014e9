"""Debian's names for platforms: Policy 11.1."""

from collections.abc import Iterable

from fromscratch.errors import UsageError
from fromscratch.model.image import Platform

_ARCHITECTURES = {
    "linux/386": "i386",
    "linux/amd64": "amd64",
    "linux/arm/v5": "armel",
    "linux/arm/v6": "armel",
    "linux/arm/v7": "armhf",
    "linux/arm64": "arm64",
    "linux/loong64": "loong64",
    "linux/mips64le": "mips64el",
    "linux/mipsle": "mipsel",
    "linux/ppc64le": "ppc64el",
    "linux/riscv64": "riscv64",
    "linux/s390x": "s390x",
}


def debian_architecture(platform: Platform) -> str:
    """Debian's name for the platform. Raises UsageError."""
    plain = Platform(platform.os, platform.architecture, platform.variant if platform.architecture == "arm" else "")
    if str(plain) not in _ARCHITECTURES:
        raise UsageError(f"Debian has no packages for {platform}", f"build for {', '.join(_ARCHITECTURES)}")
    return _ARCHITECTURES[str(plain)]


def architecture_named(word: str) -> str:
    """Debian's name for what a recipe calls by it or as a platform. Raises UsageError."""
    if word in _ARCHITECTURES.values():
        return word
    known_as = word if word.startswith("linux/") else f"linux/{word}"
    if known_as not in _ARCHITECTURES:
        names = ", ".join(dict.fromkeys(_ARCHITECTURES.values()))
        raise UsageError(f"{word!r} is not an architecture of Debian", f"write one of {names}, or a platform")
    return _ARCHITECTURES[known_as]


def shown(architecture: str) -> str:
    """An architecture as a recipe writes the platform, and as Debian calls it."""
    platform = next((name for name, known in _ARCHITECTURES.items() if known == architecture), "")
    return f"{platform} ({architecture})" if platform else architecture


def known(architectures: Iterable[str]) -> list[str]:
    """The Debian architectures that are platforms; "all" is not one."""
    return [each for each in architectures if each != "all"] or ["none"]
