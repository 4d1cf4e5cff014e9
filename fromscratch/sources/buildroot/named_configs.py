"""What `config:` names: fragments, defconfigs of external trees and of Buildroot itself, and files by their path."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.machine import lookup
from fromscratch.host.machine.package_data import shipped
from fromscratch.nearest import nearest
from fromscratch.regular_file import read_text
from fromscratch.sources.buildroot.platforms import merged_platform

DEFCONFIG = "_defconfig"
BASES = ("base.config", "over-defconfig.config")
"""The shipped files that lie beneath the user's own configuration; they are not named in a recipe."""
SHIPPED = ("busybox-glibc", "app-glibc")  # fragments for any platform
_SHOWN = 40
# A file whose settings have one of these at their start is a whole configuration, whatever its name is.
_DECIDES_TOOLCHAIN = ("BR2_TOOLCHAIN_BUILDROOT_", "BR2_TOOLCHAIN_EXTERNAL")


class NamedConfig(Struct, frozen=True):
    """One file that `config:` names. A defconfig is a configuration of its own, a fragment goes over another one."""

    path: Path
    settings: tuple[Setting, ...]
    is_defconfig: bool


class Places(Struct, frozen=True):
    """Where names are looked for: the recipe's folder, external trees, and Buildroot (None while it is not there)."""

    folder: Path
    externals: tuple[Path, ...] = ()
    tree: Path | None = None

    @property
    def fragments(self) -> tuple[Path, ...]:
        return self.folder / "buildroot-configs", shipped("buildroot-configs")

    @property
    def defconfigs(self) -> tuple[Path, ...]:
        """Later external trees override earlier ones, as Buildroot has it."""
        tops = [*reversed(self.externals), *([self.tree] if self.tree else [])]
        return tuple(top / "configs" for top in tops)


def find(names: Sequence[str], places: Places) -> tuple[NamedConfig, ...]:
    """The files of all names, in their order. Raises UsageError with the nearest names, FormatError, ImageError."""
    return tuple(_read(find_file(name, places)) for name in names)


def find_file(name: str, places: Places) -> Path:
    """The file that a name means: a fragment, a defconfig, or a path from the recipe's folder. Raises UsageError."""
    found = next((path for path in _candidates(name, places) if path.is_file()), None)
    if found is not None:
        return found
    known = known_names(places)
    near = nearest(name, known) or nearest(name + DEFCONFIG, known)
    looked = [*places.fragments, *places.defconfigs, places.folder]
    raise UsageError(
        f"config: there is no fragment, defconfig or file {name}" + (f"; did you mean {near[0]}?" if near else ""),
        f"looked for in {', '.join(map(str, looked))}; {_listed(known)}",
    )


def known_names(places: Places) -> list[str]:
    """Every fragment and defconfig that can be named, those of Buildroot itself last."""
    fragments = {path.stem for place in places.fragments if place.is_dir() for path in place.glob("*.config")}
    defconfigs = [path.name for place in places.defconfigs for path in sorted(place.glob(f"*{DEFCONFIG}"))]
    return list(dict.fromkeys([*sorted(fragments - {name.removesuffix(".config") for name in BASES}), *defconfigs]))


def _listed(known: Sequence[str]) -> str:
    more = f", and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"known are {', '.join(known[:_SHOWN])}{more}"


def _candidates(name: str, places: Places) -> Iterator[Path]:
    if "/" not in name:
        for place in places.fragments:
            yield place / f"{name}.config"
            yield place / name
        for place in places.defconfigs:
            yield place / (name if name.endswith(DEFCONFIG) else f"{name}{DEFCONFIG}")
    else:
        for place in places.fragments:
            yield place / f"{name}.config"
    yield places.folder / lookup.expanded(name)


def _read(path: Path) -> NamedConfig:
    settings = tuple(kconfig.parse(_text(path), path.name))
    return NamedConfig(path, settings, _is_defconfig(path, settings))


def _is_defconfig(path: Path, settings: Sequence[Setting]) -> bool:
    if path.name.endswith("defconfig"):
        return True
    if path.is_relative_to(shipped("buildroot-configs")):
        return False
    names = (one.name for one in settings if one.value == "y")
    return merged_platform(settings) is not None and any(name.startswith(_DECIDES_TOOLCHAIN) for name in names)


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"cannot read {path}: {error}", "make it a readable text file") from error
