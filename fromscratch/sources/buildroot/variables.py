"""Make's variables for a build: those of the driver joined with what the user's configuration and recipe say.

A variable on make's command line beats the same symbol of a configuration, without a word. So none is put there that
would: lists are joined, files of overrides include each other, and what cannot be joined is refused.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.errors import UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.host.storage import disk
from fromscratch.sources.buildroot import lists
from fromscratch.sources.buildroot.config import DRIVER, Wish
from fromscratch.sources.buildroot.make_paths import Folders

OVERRIDES = "BR2_PACKAGE_OVERRIDE_FILE"
DOWNLOADS, JOBS = "BR2_DL_DIR", "BR2_JLEVEL"
BUSYBOX_FRAGMENTS = "BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES"
# What the driver itself says with these, and the key of a recipe that they belong under.
_OF_DRIVER = {
    "O": "the store's own folder is built in",
    "BR2_EXTERNAL": "name the folders under external:",
    "BR2_DEFCONFIG": "name the defconfig under config:",
    "BR2_CONFIG": "name the configuration under config:",
}
_LOCAL_MK = "local.mk"


def of_recipe(make: Mapping[str, str], wish: Wish) -> dict[str, str]:
    """The variables that `make:` of a recipe adds, lists of files joined with those of the configuration.

    Raises UsageError for one that belongs under another key, or that would beat a symbol of the configuration.
    """
    asked = {one.name: one for one in wish.settings if one.asked_by != DRIVER}
    joined = {}
    for name, value in make.items():
        if name in _OF_DRIVER:
            raise UsageError(f"make: {name} is not for a recipe to set", _OF_DRIVER[name])
        if name in (OVERRIDES, DOWNLOADS):
            continue  # see `downloads` and `override_file`
        setting = asked.get(name)
        if lists.is_list(name):
            value = lists.join(kconfig.unquoted(setting.value) if setting else "", value)
        elif setting is not None and kconfig.unquoted(setting.value) != value:
            raise UsageError(
                f"make: {name}={value} would beat {setting.line} ({setting.asked_by})",
                f"say {name} under set:, which Buildroot's configuration sees, or leave one of them out",
            )
        joined[name] = value
    return joined


def downloads(make: Mapping[str, str], wish: Wish, folders: Folders) -> Path:
    """The folder of sources: the user's own if the configuration names one, else the store's.

    Raises UsageError for one that only make could work out.
    """
    given = make.get(DOWNLOADS) or wish.value(DOWNLOADS)
    if not given:
        return folders.downloads
    path = folders.expanded(given)
    if path is None:
        raise UsageError(
            f"{DOWNLOADS}={given}: which folder that is is known to make only",
            "write its path, with $(TOPDIR), $(HOME) or $(BR2_EXTERNAL_NAME_PATH) at most, or leave it out",
        )
    if path.is_relative_to(folders.tree) and not folders.is_users:
        return folders.downloads  # what was unpacked in the store stays as it was
    return path


def busybox_fragments(wish: Wish, ours: Sequence[Path], joined: Mapping[str, str]) -> dict[str, str]:
    """BusyBox's fragments: those of the configuration, and over them the recipe's."""
    if not ours:
        return {}
    of_user = joined.get(BUSYBOX_FRAGMENTS) or wish.value(BUSYBOX_FRAGMENTS)
    return {BUSYBOX_FRAGMENTS: lists.join(of_user, *map(str, ours))}


def users_overrides(make: Mapping[str, str], wish: Wish, folders: Folders) -> str:
    """The file of overrides that the user's configuration has, as make reads it; empty if there is none.

    Buildroot's default is local.mk where its configuration lies, which is its own folder for whoever builds there.
    """
    given = make.get(OVERRIDES) or wish.value(OVERRIDES)
    if not given and folders.is_users and (folders.tree / _LOCAL_MK).is_file():
        return str(folders.tree / _LOCAL_MK)
    return given


def override_file(ours: str, users: str, place: Path) -> dict[str, str]:
    """Write one file of overrides: ours, and after it the user's, which so has the last word."""
    path = place / "overrides.mk"
    # Where Buildroot includes it, the variables of external trees still have the quotes of .config; it strips them too.
    text = f"# Written by fromscratch.\n{ours}" + (f"\n-include $(call qstrip,{users})\n" if users else "")
    if not path.is_file() or path.read_text() != text:
        disk.write_atomically(path, text.encode())
    return {OVERRIDES: str(path)}
