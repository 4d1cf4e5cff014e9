"""What Buildroot is to be configured with: fragments and options put into one list of settings."""

import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig import menus as kconfig_menus
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.machine import lookup
from fromscratch.host.machine.package_data import shipped
from fromscratch.host.storage.own_folders import NONE, OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.image import Platform
from fromscratch.nearest import nearest
from fromscratch.regular_file import read_text
from fromscratch.sources.buildroot.content import content_digest
from fromscratch.sources.buildroot.options import BuildrootOptions
from fromscratch.sources.buildroot.tree import Tree

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
_SHOWN_LOST = 12
FOLDER_VARIABLE = "FROMSCRATCH_FOLDER"
CONFIGS_VARIABLE = "FROMSCRATCH_CONFIGS"
# The symbols by which Buildroot takes files and folders of the user.
_NAMES_FILES = lazy_regex(r"_(?:OVERLAY|SCRIPT|TABLES?|PATCH_DIR|FILES?|CONFIG|CUSTOM_PATH)")
_REFERENCE = lazy_regex(rf"\$\(({FOLDER_VARIABLE}|{CONFIGS_VARIABLE})\)(/[^\s\"]*)?")
DRIVER = "the driver"
_BASE = "base.config"
# Without the latter, which our base has, root is locked and the former is not a setting at all.
_PASSWORD, _LOGIN = "BR2_TARGET_GENERIC_ROOT_PASSWD", "BR2_TARGET_ENABLE_ROOT_LOGIN"


class Wish(Struct, frozen=True):
    """A whole configuration: the settings in order, and BusyBox's fragments as texts."""

    settings: tuple[Setting, ...]
    busybox: tuple[str, ...]

    @property
    def text(self) -> str:
        """The defconfig."""
        return kconfig.render(self.settings)


def architecture(platform: Platform) -> str:
    """What Buildroot's side calls a platform. Raises UsageError for one without a fragment."""
    try:
        return _ARCHITECTURES[str(platform)]
    except KeyError:
        raise UsageError(
            f"there is no Buildroot fragment for the platform {platform}",
            f"build for one of {', '.join(_ARCHITECTURES)}",
        ) from None


def wish(options: BuildrootOptions, folder: Path, platform: Platform, toolchain: Iterable[Setting]) -> Wish:
    """The fragments and options of a recipe as one configuration; what comes later wins.

    Raises UsageError for a fragment that is nowhere, FormatError for one that is malformed.
    """
    settings = [*_shipped("base"), *_shipped(f"arch/{architecture(platform)}"), *toolchain]
    for name in options.configs:
        path = find_fragment(name, folder)
        settings += kconfig.parse(_text(path), path.name)
    settings += [Setting(symbol_of(name), "y", f"packages: {name}") for name in options.packages]
    settings += [Setting(name, kconfig.value_of(value), f"set: {name}") for name, value in options.set.items()]
    merged = kconfig.merge(settings)
    if kconfig.unquoted(merged[_PASSWORD].value if _PASSWORD in merged else "") and merged[_LOGIN].asked_by == _BASE:
        settings.append(Setting(_LOGIN, "y", merged[_PASSWORD].asked_by))
    settings += [Setting(name, "y", DRIVER) for name in ("BR2_REPRODUCIBLE", "BR2_TARGET_ROOTFS_TAR")]
    if options.mirror:
        settings.append(Setting("BR2_PRIMARY_SITE", kconfig.quoted(mirror_url(options.mirror, folder)), "mirror:"))
    if options.offline:
        settings.append(Setting("BR2_PRIMARY_SITE_ONLY", "y", "offline:"))
    return Wish(tuple(kconfig.merge(settings).values()), tuple(_busybox(one, folder) for one in options.busybox))


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


def find_fragment(name: str, folder: Path) -> Path:
    """The file of a defconfig fragment: of the recipe, else a shipped one. Raises UsageError with the nearest name."""
    places = [folder / "buildroot-configs", shipped("buildroot-configs")]
    for place in places:
        for candidate in (place / f"{name}.config", place / name):
            if candidate.is_file():
                return candidate
    known = sorted({path.stem for place in places if place.is_dir() for path in place.glob("*.config")} - {"base"})
    near = nearest(name, known)
    raise UsageError(
        f"config: there is no fragment {name}" + (f"; did you mean {near[0]}?" if near else ""),
        f"known are {', '.join(known)}; one of your own is {places[0] / f'{name}.config'}",
    )


def referenced(settings: Iterable[Setting], folder: Path, store: Store, own: OwnFolders = NONE) -> str:
    """A text that changes with the files and folders that settings name.

    They are named by $(FROMSCRATCH_FOLDER)/… and $(FROMSCRATCH_CONFIGS)/…, and by absolute paths in symbols that
    are known to name files. Raises UsageError for one of the former that is not there.
    """
    tops = {FOLDER_VARIABLE: folder, CONFIGS_VARIABLE: shipped("buildroot-configs")}
    lines = []
    for setting in settings:
        for variable, below in _REFERENCE.findall(setting.value):
            path = Path(f"{tops[variable]}{below}")
            if not path.exists():
                raise UsageError(f"{setting.line}: there is no {path}", f"fix {setting.asked_by}")
            lines.append(f"{below} {content_digest(path, store, besides=own.names(path))}")
        if _NAMES_FILES.search(setting.name):
            paths = (Path(word) for word in kconfig.unquoted(setting.value).split() if word.startswith("/"))
            there = [path for path in paths if path.exists()]
            lines += [f"{path} {content_digest(path, store, besides=own.names(path))}" for path in there]
    return "\n".join(sorted(lines))


def check_accepted(wish: Wish, config_text: str, tree: Tree, output: Path, host_architecture: str) -> None:
    """Raise ImageError, naming each setting that Kconfig did not take and why, unless all are in `config_text`.

    A choice of the shipped fragments that the recipe decides otherwise is not a loss.
    """
    config = kconfig.read_config(config_text)
    missing = kconfig.lost(wish.settings, config)
    if not missing:
        return
    menus = kconfig_menus.read("Config.in", _reader(tree.path), {"BR2_BASE_DIR": str(output)})
    known = {**config, "BR2_HOSTARCH": f'"{host_architecture}"'}
    later = {setting.name for setting in wish.settings}
    lines = []
    for setting in missing:
        rival = kconfig_menus.rival_choice(setting, menus, known)
        if rival in later and setting.asked_by == _BASE:
            continue
        lines.append(f"{setting.line} ({setting.asked_by}): {kconfig_menus.explain(setting, menus, known)}")
    if lines:
        more = [f"and {len(lines) - _SHOWN_LOST} more"] if len(lines) > _SHOWN_LOST else []
        raise ImageError(
            "Buildroot's configuration did not take what was asked for:\n  "
            + "\n  ".join([*lines[:_SHOWN_LOST], *more]),
            "ask for what is missing too (under packages: or set:), or leave the setting out",
        )


def check_busybox_accepted(wish: Wish, config_text: str) -> None:
    """The same for BusyBox's own configuration."""
    asked = kconfig.merge(setting for text in wish.busybox for setting in kconfig.parse(text, "busybox:"))
    if missing := kconfig.lost(asked.values(), kconfig.read_config(config_text)):
        raise ImageError(
            "BusyBox's configuration did not take what was asked for: " + ", ".join(one.line for one in missing),
            "see whether the names are right; Buildroot itself decides on some, such as the init and mdev applets",
        )


def _reader(top: Path):  # type: ignore[no-untyped-def]
    def read(name: str) -> str | None:
        path = top / name
        return path.read_text(errors="replace") if path.is_file() else None

    return read


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
