"""What of an earlier build is still good when the configuration has changed.

Buildroot itself only goes on from its stamps: a package that was left out stays in the image, and
one that was built before an optional library of its own appeared stays without it. Here the two
configurations are compared, so that what is built further equals what would be built afresh.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from msgspec import Struct, field

from fromscratch.formats.kconfig.config import Value, difference, read_config, unquoted
from fromscratch.host.storage import disk
from fromscratch.sources.buildroot.named_files import OF_LAST_STEPS, POST_BUILD
from fromscratch.sources.buildroot.parts import symbolic
from fromscratch.sources.buildroot.progress import Package

# Symbols that are read when the target folder is finished.
_IMAGE_ONLY = (
    *(
        "BR2_TARGET_GENERIC_",
        "BR2_TARGET_ENABLE_ROOT_LOGIN",
        "BR2_ROOTFS_POST_BUILD_SCRIPT",
        "BR2_ROOTFS_POST_SCRIPT_ARGS",
    ),
    *("BR2_ROOTFS_OVERLAY", "BR2_SYSTEM_BIN_SH", "BR2_SYSTEM_DHCP", "BR2_ENABLE_LOCALE_", "BR2_GENERATE_LOCALE"),
)
# Symbols that are read when the image is packed, from a copy of the target folder.
_LAST_STEPS = ("BR2_TARGET_ROOTFS_", *OF_LAST_STEPS)
# Symbols that only steer downloads and speed, or whose effect is seen elsewhere: in packages and the parts of a build.
_NO_EFFECT = (
    "BR2_PRIMARY_SITE",
    "BR2_BACKUP_SITE",
    "BR2_JLEVEL",
    "BR2_CCACHE",
    "BR2_DL_DIR",
    "BR2_WGET",
    "BR2_DEFCONFIG",
    "BR2_GLOBAL_PATCH_DIR",
    "BR2_PACKAGE_OVERRIDE_FILE",
    "BR2_PACKAGE_HAS_",
    "BR2_PACKAGE_PROVIDES_",
)
# Symbols of packages whose names do not begin as those of packages do.
_ELSEWHERE_NAMED = {"BR2_LINUX_KERNEL": "linux", "BR2_TARGET_UBOOT": "uboot", "BR2_TARGET_BAREBOX": "barebox"}
_TOOLCHAIN = ("toolchain", "host-gcc-", "gcc-final", "host-binutils", "glibc", "musl", "uclibc", "linux-headers")
_OVERRIDDEN = ("_OVERRIDE_SRCDIR", "_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS")
_PACKAGE = "BR2_PACKAGE_"
PARALLEL = "BR2_PER_PACKAGE_DIRECTORIES"
"""The symbol under which packages can be built side by side, each with copies of what it needs."""

_CONFIGURE_STAMPS = ("dotconfig", "kconfig_fixup_done", "configured", "built")
_INSTALL_STAMPS = ("staging_installed", "target_installed", "images_installed", "host_installed", "installed")


class Inputs(Struct, frozen=True):
    """All that a build depends on besides the toolchain.

    `config_text` is the whole .config; `busybox` identifies BusyBox's fragments; `parts` has a digest for each of what
    `parts.py` distinguishes.
    """

    config_text: str
    packages: Mapping[str, Package]
    busybox: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Value]:
        """The symbols that are set."""
        return read_config(self.config_text)


class Stale(Struct, frozen=True):
    """`all` says why nothing can be kept; `packages` are to be built anew, `reconfigured` from their configuration on.

    `image` means that the target folder must be filled again.
    """

    all: str = ""
    packages: frozenset[str] = frozenset()
    reconfigured: frozenset[str] = frozenset()
    image: bool = False


def compare(before: Inputs, now: Inputs) -> Stale:
    """What a build of `before` has to give up for `now`."""
    changes = _Changes(before, now)
    for name in difference(before.config, now.config):
        changes.symbol(name)
    for key in sorted({*before.parts, *now.parts}):
        if before.parts.get(key) != now.parts.get(key):
            changes.part(key.partition("\t")[0])
    if before.busybox != now.busybox:
        changes.reconfigured.add("busybox")
    changes.records()
    return changes.stale()


class _Changes:
    """Collects what is stale."""

    def __init__(self, before: Inputs, now: Inputs) -> None:
        self._before, self._now = before.packages, now.packages
        self._parts = {*before.parts, *now.parts}
        self._config = now.config
        self._all, self._image, self._any = "", False, before != now
        self._packages: set[str] = set()
        self.reconfigured: set[str] = set()

    def symbol(self, name: str) -> None:
        """A symbol of the configuration has another value."""
        if name.startswith((*_NO_EFFECT, *_LAST_STEPS)):
            return
        if name.startswith(_IMAGE_ONLY):
            self._image = True
        elif owner := self._owner(name):
            self._packages.add(owner)
        else:
            self._all = self._all or f"{name} changed"

    def part(self, key: str) -> None:
        """A part of the build has another content."""
        effect, _, name = key.partition(" ")
        match effect:
            case "last":
                return
            case "image":
                self._image = True
            case "skeleton":
                self._packages |= {one for one in self._known() if one.startswith("skeleton")}
            case "package":
                self._folder(name)
            case "symbol":
                self._file_of_symbol(name)
            case "variable":
                self._variable(name)
            case _:
                self._all = self._all or f"{name} changed"

    def records(self) -> None:
        """What Buildroot itself says of packages: versions, dependencies, and which there are."""
        self._packages |= set(self._before) - set(self._now)
        for name in set(self._before) & set(self._now):
            if self._before[name] != self._now[name] and not self._now[name].is_image:
                self._packages.add(name)

    def stale(self) -> Stale:
        """The result."""
        packages = _with_dependents(self._packages, self._now)
        if made := sorted(name for name in packages if name.startswith(_TOOLCHAIN)):
            self._all = self._all or f"{made[0]} changed"
        if PARALLEL in self._config and (packages or self.reconfigured):
            self._all = self._all or "packages changed, and every package has a folder of its own"
        if self._all:
            return Stale(all=self._all)
        reconfigured = self.reconfigured - packages
        # A script that changes the target folder may do so once only.
        scripted = self._any and bool(unquoted(self._config.get(POST_BUILD, "")))
        return Stale(
            packages=frozenset(packages),
            reconfigured=frozenset(reconfigured),
            image=self._image or scripted or bool(packages or reconfigured),
        )

    def _known(self) -> set[str]:
        return {*self._before, *self._now}

    def _owner(self, symbol: str) -> str | None:
        for start, package in _ELSEWHERE_NAMED.items():
            if symbol.startswith(start) and package in self._known():
                return package
        return _owner(symbol.removeprefix(_PACKAGE), self._known()) if symbol.startswith(_PACKAGE) else None

    def _folder(self, folder: str) -> None:
        """The folder of a package, or one that has several in it and what they share."""
        base = folder.rpartition("/")[2]
        found = {base, f"host-{base}", *(("linux-headers",) if base == "linux" else ())} & self._known()
        for other in self._parts:
            effect, _, name = other.partition("\t")[0].partition(" ")
            if effect == "package" and name.startswith(f"{folder}/"):
                below = name.rpartition("/")[2]
                found |= {below, f"host-{below}"} & self._known()
        self._packages |= found

    def _file_of_symbol(self, symbol: str) -> None:
        owner = self._owner(symbol)
        if owner is None:
            self._all = self._all or f"a file of {symbol} changed"
        elif owner == "busybox":
            self.reconfigured.add(owner)
        else:
            self._packages.add(owner)

    def _variable(self, name: str) -> None:
        """A variable of make: one of a package counts for the same package of the machine that builds, too."""
        if name.startswith("BR2_"):
            self.symbol(name)
            return
        owner = _owner(name.removeprefix("HOST_"), self._known())
        if owner is not None:
            self._packages |= {owner, f"host-{owner.removeprefix('host-')}"} & self._known()
        elif host := _owner(name, self._known()):
            self._packages.add(host)
        elif not name.endswith(_OVERRIDDEN):
            self._all = self._all or f"{name} changed"


def clear(stale: Stale, before: Inputs, output: Path) -> None:
    """Take away what is stale, so that make builds it again."""
    if stale.all:
        disk.discard(output)
        return
    build = output / "build"
    folders = {
        name: build.parent / one.folder for name, one in before.packages.items() if one.folder.startswith("build/")
    }
    _remove_installed([folders[name] for name in stale.packages if name in folders], folders.values(), output)
    for name in stale.packages:
        if name in folders:
            disk.discard(folders[name])
    for name in stale.reconfigured:
        if name in folders:
            _unstamp(folders[name], (*_CONFIGURE_STAMPS, *_INSTALL_STAMPS))
    if stale.image:
        # Buildroot's manual, "How to rebuild packages", knows no way to empty target/ but this one of its developers.
        disk.discard(output / "target")
        if PARALLEL in before.config:
            return  # it is put together anew out of every package's own
        for stamp in build.glob("*/.stamp_target_installed"):
            stamp.unlink()
        for stamp in build.glob("host-gcc-final-*/.stamp_host_installed"):
            stamp.unlink()


def _remove_installed(gone: Collection[Path], packages: Iterable[Path], output: Path) -> None:
    """Remove what packages have installed for others to be built with, as others would still find it."""
    tops = {".files-list-staging.txt": output / "staging", ".files-list-host.txt": output / "host"}
    remaining = [folder for folder in packages if folder not in gone]
    for name, top in tops.items():
        used = {path for folder in remaining for path in _listed(folder / name)}
        for path in {path for folder in gone for path in _listed(folder / name)} - used:
            place = top / path
            if ".." not in path.split("/") and (place.is_symlink() or place.is_file()):
                place.unlink()


def _listed(path: Path) -> list[str]:
    """The files in a list of Buildroot's: `package,./path`."""
    try:
        text = os.fsdecode(path.read_bytes())
    except OSError:
        return []
    return [line.partition(",")[2].removeprefix("./") for line in text.splitlines()]


def _unstamp(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / f".stamp_{name}").unlink(missing_ok=True)


def _owner(name: str, known: Iterable[str]) -> str | None:
    """The package that a symbol or variable belongs to, by its name: the longest one that fits."""
    fitting = [one for one in known if one != "" and f"{name}_".startswith(f"{symbolic(one)}_")]
    return max(fitting, key=len) if fitting else None


def _with_dependents(names: set[str], packages: Mapping[str, Package]) -> set[str]:
    """The packages and all that are built with them: with what they put into staging, or with their programs."""
    found = set(names)
    front = set(names)
    while front:
        shared = {
            name
            for name in front
            if not name.startswith("skeleton") and (name not in packages or _is_built_with(packages[name]))
        }
        front = {
            one.name
            for one in packages.values()
            if not one.is_image and one.name not in found and shared.intersection(one.dependencies)
        }
        found |= front
    return found


def _is_built_with(package: Package) -> bool:
    return package.in_staging or package.name.startswith("host-")
