"""What Buildroot is to be configured with: fragments and options put into one list of settings."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.machine import lookup
from fromscratch.host.machine.package_data import shipped
from fromscratch.model.image import Platform
from fromscratch.regular_file import read_text
from fromscratch.sources.buildroot import defconfigs, lists
from fromscratch.sources.buildroot.named_configs import BASES, NamedConfig
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.platforms import check_platform, merged_platform

# The names that this driver's configuration uses for an architecture.
_ARCHITECTURES = {
    "linux/amd64": "x86_64",
    "linux/arm64": "aarch64",
    "linux/arm/v7": "arm",
    "linux/arm/v6": "armv6",
    "linux/arm/v5": "armv5",
    "linux/386": "i686",
    "linux/riscv64": "riscv64",
    "linux/ppc64le": "ppc64le",
    "linux/s390x": "s390x",
}
FOLDER_VARIABLE = "FROMSCRATCH_FOLDER"
CONFIGS_VARIABLE = "FROMSCRATCH_CONFIGS"
DRIVER = "the driver"
_SITE, _DEVICE_TABLE = "BR2_PRIMARY_SITE", "BR2_ROOTFS_DEVICE_TABLE"
# Without the latter, which our base has, root is locked and the former is not a setting at all.
_PASSWORD, _LOGIN = "BR2_TARGET_GENERIC_ROOT_PASSWD", "BR2_TARGET_ENABLE_ROOT_LOGIN"


class Wish(Struct, frozen=True):
    """A whole configuration: the settings in order, and BusyBox's fragments as texts.

    `notes` say what of the user's own configuration it does not follow; `defconfigs` are the names of the files of
    `config:` that are whole configurations, and `defconfig` is the last of them.
    """

    settings: tuple[Setting, ...]
    busybox: tuple[str, ...]
    platform: Platform
    notes: tuple[str, ...] = ()
    defconfigs: frozenset[str] = frozenset()
    defconfig: Path | None = None

    @property
    def text(self) -> str:
        """The defconfig."""
        return kconfig.render(self.settings)

    def value(self, name: str) -> str:
        """The text of a symbol that is asked for; empty if it is not."""
        return next((kconfig.unquoted(one.value) for one in self.settings if one.name == name), "")


def architecture(platform: Platform) -> str:
    """What Buildroot's side calls a platform. Raises UsageError for one without a fragment."""
    try:
        return _ARCHITECTURES[str(platform)]
    except KeyError:
        raise UsageError(
            f"there is no Buildroot fragment for the platform {platform}",
            f"build for one of {', '.join(_ARCHITECTURES)}",
        ) from None


def wish(
    options: BuildrootOptions,
    folder: Path,
    platform: Platform,
    toolchain: Iterable[Setting],
    config_files: Sequence[NamedConfig],
) -> Wish:
    """The files of `config:` and the options of a recipe as one configuration; what comes later wins.

    Raises UsageError for one that is built for another platform, FormatError for one that is malformed.
    """
    whole, fragments = defconfigs.separated(config_files)
    asked = [Setting(symbol_of(name), "y", f"packages: {name}") for name in options.packages]
    asked += set_by(options)
    notes: list[str] = []
    if whole:
        own, notes = defconfigs.rootfs_only(whole, [*fragments, *asked])
        if options.toolchain is not None:
            own, more = defconfigs.with_toolchain(own, toolchain, whole[-1].path.name, options.toolchain)
            notes += more
        settings = [*_shipped("over-defconfig"), *own]
        if merged_platform(own) is None:
            settings += _shipped(f"arch/{architecture(platform)}")
    else:
        settings = [*_shipped("base"), *_shipped(f"arch/{architecture(platform)}"), *toolchain]
    settings = lists.joined([*settings, *fragments, *asked])
    if whole:
        settings.append(_without_setuid_busybox(settings))
    settings += _of_driver(options, folder, settings, notes)
    merged = tuple(kconfig.merge(settings).values())
    check_platform(merged, platform)
    busybox = tuple(_busybox(one, folder) for one in options.busybox)
    names = frozenset(one.path.name for one in whole)
    return Wish(merged, busybox, platform, tuple(notes), names, whole[-1].path if whole else None)


def set_by(options: BuildrootOptions) -> list[Setting]:
    """What `set:` of a recipe asks for."""
    return [Setting(name, kconfig.value_of(value), f"set: {name}") for name, value in options.set.items()]


def _of_driver(
    options: BuildrootOptions, folder: Path, settings: Sequence[Setting], notes: list[str]
) -> Iterator[Setting]:
    """What the other keys of a recipe come to, and what every build has."""
    merged = kconfig.merge(settings)
    if kconfig.unquoted(merged[_PASSWORD].value if _PASSWORD in merged else "") and merged[_LOGIN].asked_by in BASES:
        yield Setting(_LOGIN, "y", merged[_PASSWORD].asked_by)
    for name in ("BR2_REPRODUCIBLE", "BR2_TARGET_ROOTFS_TAR"):
        yield Setting(name, "y", DRIVER)
    if options.mirror:
        if (site := merged.get(_SITE)) and kconfig.unquoted(site.value):
            notes.append(f"mirror: {options.mirror} is used instead of {site.line} ({site.asked_by})")
        yield Setting(_SITE, kconfig.quoted(mirror_url(options.mirror, folder)), "mirror:")
    if options.offline:
        yield Setting("BR2_PRIMARY_SITE_ONLY", "y", "offline:")
    if options.ccache is False and "BR2_CCACHE" in merged:
        yield Setting("BR2_CCACHE", kconfig.NOT_SET, "ccache:")


def _without_setuid_busybox(settings: Iterable[Setting]) -> Setting:
    """The device tables, with one of ours before those of the user, which so have the last word."""
    merged = kconfig.merge(settings)
    given = merged.get(_DEVICE_TABLE, Setting(_DEVICE_TABLE, '"system/device_table.txt"', DRIVER))
    tables = f"$({CONFIGS_VARIABLE})/busybox-modes.txt {kconfig.unquoted(given.value)}".strip()
    return Setting(_DEVICE_TABLE, kconfig.quoted(tables), given.asked_by)


def fragment(name: str) -> list[Setting]:
    """The settings of a fragment that is shipped."""
    return _shipped(name)


def symbol_of(package: str) -> str:
    """The symbol that turns a package on: jq -> BR2_PACKAGE_JQ. Raises UsageError."""
    symbol = package if package.startswith("BR2_") else "BR2_PACKAGE_" + re.sub(r"[-.+]", "_", package).upper()
    if not kconfig.is_symbol(symbol):
        raise UsageError(f"packages: {package!r} is not a name of a package", "write it as Buildroot does, such as jq")
    return symbol


def mirror_url(mirror: str, folder: Path) -> str:
    """A mirror as BR2_PRIMARY_SITE has it: a path becomes a file:// URL."""
    if re.match(r"[a-z+|]+://", mirror):
        return mirror
    path = (folder / lookup.expanded(mirror)).absolute()
    if not path.is_dir():
        raise UsageError(f"mirror: {mirror} is neither a URL nor a folder", "scripts/buildroot-mirror fills one")
    return path.as_uri()


def _busybox(given: str, folder: Path) -> str:
    """A file's text, or the lines themselves."""
    if "\n" in given or "=" in given or given.lstrip().startswith("#"):
        kconfig.parse(given, "busybox:")
        return given.strip() + "\n"
    path = folder / lookup.expanded(given)
    if not path.is_file():
        raise UsageError(
            f"busybox: {given} is neither a file nor a setting", "name a fragment, or write lines such as CONFIG_VI=y"
        )
    text = _text(path)
    kconfig.parse(text, path.name)
    return text


def _shipped(name: str) -> list[Setting]:
    path = shipped("buildroot-configs") / f"{name}.config"
    return kconfig.parse(_text(path), path.name)


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"cannot read {path}: {error}", "make it a readable text file") from error
