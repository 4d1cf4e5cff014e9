"""The files and folders that a configuration names, as parts of a build: each by what it is for."""

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.machine.package_data import shipped
from fromscratch.host.storage.own_folders import OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.lazy_regex import lazy_regex
from fromscratch.sources.buildroot.config import CONFIGS_VARIABLE, FOLDER_VARIABLE
from fromscratch.sources.buildroot.content import content_digest
from fromscratch.sources.buildroot.lists import OVERLAYS
from fromscratch.sources.buildroot.make_paths import Folders
from fromscratch.sources.buildroot.parts import hash_of, part

# The symbols by which Buildroot takes files and folders of the user.
_NAMES_FILES = lazy_regex(r"_(?:OVERLAY|SCRIPT|TABLES?|PATCH_DIR|FILES?|CONFIG|CUSTOM_PATH)")
_REFERENCE = lazy_regex(rf"\$\(({FOLDER_VARIABLE}|{CONFIGS_VARIABLE})\)(/[^\s\"]*)?")
POST_BUILD = "BR2_ROOTFS_POST_BUILD_SCRIPT"
_PATCHES = "BR2_GLOBAL_PATCH_DIR"
# Read when the image is packed, from a copy of the target folder.
OF_LAST_STEPS = (
    "BR2_ROOTFS_DEVICE_TABLE",
    "BR2_ROOTFS_STATIC_DEVICE_TABLE",
    "BR2_ROOTFS_USERS_TABLES",
    "BR2_ROOTFS_POST_FAKEROOT_SCRIPT",
    "BR2_ROOTFS_POST_IMAGE_SCRIPT",
)
_ELSEWHERE = ("BR2_PACKAGE_OVERRIDE_FILE", "BR2_DL_DIR", "BR2_EXTERNAL", "BR2_DEFCONFIG")


class Reading(Struct, frozen=True):
    """Where paths start, and what is not read of folders."""

    folder: Path
    folders: Folders
    store: Store
    own: OwnFolders

    def digest(self, path: Path) -> str:
        """The digest of a file or folder."""
        return content_digest(path, self.store, besides=self.own.names(path))


def of_settings(settings: Iterable[Setting], where: Reading) -> dict[str, str]:
    """The parts that settings name.

    They are named by $(FROMSCRATCH_FOLDER)/… and $(FROMSCRATCH_CONFIGS)/…, and in symbols that are known to name files
    also by paths as make has them. Raises UsageError for one of the former that is not there.
    """
    found: dict[str, list[str]] = {}
    for setting in settings:
        if setting.name in _ELSEWHERE:
            continue
        for path in _paths(setting, where):
            for name, digest in _parts(setting.name, path, where):
                found.setdefault(name, []).append(digest)
    return {name: hash_of(*digests) for name, digests in found.items()}


def _paths(setting: Setting, where: Reading) -> list[Path]:
    tops = {FOLDER_VARIABLE: where.folder, CONFIGS_VARIABLE: shipped("buildroot-configs")}
    paths = []
    for variable, below in _REFERENCE.findall(setting.value):
        path = Path(os.path.normpath(f"{tops[variable]}{below}"))
        if not path.exists():
            raise UsageError(f"{setting.line}: there is no {path}", f"fix {setting.asked_by}")
        paths.append(path)
    if _NAMES_FILES.search(setting.name):
        words = (where.folders.expanded(word) for word in kconfig.unquoted(setting.value).split())
        paths += [path for path in words if path is not None and path.exists()]
    return list(dict.fromkeys(paths))


def _parts(symbol: str, path: Path, where: Reading) -> list[tuple[str, str]]:
    if symbol == OVERLAYS:
        # A file that is gone stays in the target folder; one that is only written anew is copied over the old one.
        names = sorted(f"{os.path.relpath(place, path)} {sorted(files)}" for place, _, files in os.walk(path))
        return [(part("image", OVERLAYS), hash_of(*names)), (part("last", OVERLAYS), where.digest(path))]
    if symbol == POST_BUILD:
        return [(part("image", symbol), where.digest(_with_neighbours(path, where)))]
    if symbol in OF_LAST_STEPS:
        is_script = symbol.endswith("_SCRIPT")
        return [(part("last", symbol), where.digest(_with_neighbours(path, where) if is_script else path))]
    if symbol == _PATCHES and path.is_dir():
        below = sorted(path.iterdir())
        return [(part("package", f"{symbol}/{each.name}"), where.digest(each)) for each in below if each.is_dir()]
    return [(part("symbol", symbol), where.digest(path))]


def _with_neighbours(script: Path, where: Reading) -> Path:
    """A script, with what lies beside it and may be read by it, unless it lies beside the recipe itself."""
    above = script.parent
    is_small = above != where.folder and not where.folder.is_relative_to(above)
    return above if script.is_file() and is_small and above not in where.folders.externals else script
