"""Symbols of Buildroot that list files of the user's: a recipe adds to such a list, and does not replace it."""

from collections.abc import Iterable

from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.sources.buildroot.named_configs import BASES

OVERLAYS = "BR2_ROOTFS_OVERLAY"
_LISTS = frozenset(
    {
        OVERLAYS,
        "BR2_ROOTFS_DEVICE_TABLE",
        "BR2_ROOTFS_STATIC_DEVICE_TABLE",
        "BR2_ROOTFS_USERS_TABLES",
        "BR2_ROOTFS_PRE_BUILD_SCRIPT",
        "BR2_ROOTFS_POST_BUILD_SCRIPT",
        "BR2_ROOTFS_POST_FAKEROOT_SCRIPT",
        "BR2_GLOBAL_PATCH_DIR",
    }
)
_FRAGMENTS = "_CONFIG_FRAGMENT_FILES"


def is_list(symbol: str) -> bool:
    """Whether the value of a symbol is a list of files or folders, in the order in which they are used."""
    return symbol in _LISTS or (symbol.startswith("BR2_") and symbol.endswith(_FRAGMENTS))


def join(*values: str) -> str:
    """One list out of several, each path once."""
    return " ".join(dict.fromkeys(word for value in values for word in value.split()))


def joined(settings: Iterable[Setting]) -> list[Setting]:
    """The settings, where `set:` of a recipe adds to the list that a file of `config:` gives; fragments replace it."""
    found: dict[str, Setting] = {}
    result = []
    for setting in settings:
        before = found.get(setting.name)
        if before is not None and setting.asked_by.startswith("set: ") and is_list(setting.name):
            if before.asked_by in BASES:  # a device table of the recipe stands in the place of ours
                before = Setting(setting.name, '""', "")
            whole = join(kconfig.unquoted(before.value), kconfig.unquoted(setting.value))
            setting = Setting(setting.name, kconfig.quoted(whole), setting.asked_by)
        found[setting.name] = setting
        result.append(setting)
    return result
