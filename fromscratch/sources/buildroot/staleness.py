"""What of an earlier build is still good when the configuration has changed.

Buildroot itself only goes on from its stamps: a package that was left out stays in the image, and
one that was built before an optional library of its own appeared stays without it. Here the two
configurations are compared, so that what is built further equals what would be built afresh.
"""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from fromscratch.formats.kconfig.config import Value, difference, read_config
from fromscratch.host.storage import disk
from fromscratch.sources.buildroot.progress import Package

# Symbols that are read only when the packages are built and the image is put together.
_IMAGE_ONLY = (
    *(
        "BR2_TARGET_ROOTFS_",
        "BR2_TARGET_GENERIC_HOSTNAME",
        "BR2_TARGET_GENERIC_ISSUE",
        "BR2_TARGET_GENERIC_ROOT_PASSWD",
    ),
    *("BR2_ROOTFS_OVERLAY", "BR2_ROOTFS_DEVICE_TABLE", "BR2_ROOTFS_USERS_TABLES", "BR2_ROOTFS_POST_"),
)
# Symbols that only steer downloads and speed.
_NO_EFFECT = (
    "BR2_PRIMARY_SITE",
    "BR2_BACKUP_SITE",
    "BR2_JLEVEL",
    "BR2_CCACHE",
    "BR2_DL_DIR",
    "BR2_WGET",
    "BR2_DEFCONFIG",
)
_PACKAGE = "BR2_PACKAGE_"
PARALLEL = "BR2_PER_PACKAGE_DIRECTORIES"
"""The symbol under which packages can be built side by side, each with copies of what it needs."""

_CONFIGURE_STAMPS = ("dotconfig", "kconfig_fixup_done", "configured", "built")
_INSTALL_STAMPS = ("staging_installed", "target_installed", "images_installed", "host_installed", "installed")


class Inputs(Struct, frozen=True):
    """All that a build depends on besides the tree and the toolchain.

    `config_text` is the whole .config; `busybox` identifies BusyBox's fragments, `external` each
    package of external trees (and under "" all else there), `rest` what is not distinguished further.
    """

    config_text: str
    packages: Mapping[str, Package]
    busybox: str = ""
    external: Mapping[str, str] = field(default_factory=dict)
    rest: str = ""

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
    if before.rest != now.rest:
        return Stale(all="an option of the recipe changed")
    changed = difference(before.config, now.config)
    if PARALLEL in now.config and before != now:
        return Stale(all="something changed, and every package has a folder of its own")
    packages: set[str] = set()
    image = bool(changed)
    for name in changed:
        if name.startswith(_NO_EFFECT) or name.startswith(_IMAGE_ONLY):
            continue
        owner = _owner(name, before.packages, now.packages)
        if owner is None:
            return Stale(all=f"{name} changed")
        packages.add(owner)
    for name in {*before.external, *now.external}:
        if before.external.get(name) != now.external.get(name):
            if name not in now.packages and name not in before.packages:
                return Stale(all="the external tree changed")
            packages.add(name)
    gone = set(before.packages) - set(now.packages)
    if left := sorted(name for name in gone if before.packages[name].in_staging):
        # Its headers and libraries would still be found by the packages that stay.
        return Stale(all=f"{left[0]} was left out")
    for name in set(before.packages) & set(now.packages):
        if before.packages[name] != now.packages[name] and not now.packages[name].is_image:
            packages.add(name)
    packages |= gone
    packages = _with_dependents(packages, now.packages)
    reconfigured = {"busybox"} if before.busybox != now.busybox and "busybox" not in packages else set()
    return Stale(
        packages=frozenset(packages),
        reconfigured=frozenset(reconfigured),
        image=image or bool(packages or reconfigured),
    )


def clear(stale: Stale, before: Inputs, output: Path) -> None:
    """Take away what is stale, so that make builds it again."""
    if stale.all:
        disk.discard(output)
        return
    build = output / "build"
    for name in stale.packages:
        if (package := before.packages.get(name)) and package.folder.startswith("build/"):
            disk.discard(output / package.folder)
    for name in stale.reconfigured:
        if (package := before.packages.get(name)) and package.folder.startswith("build/"):
            _unstamp(output / package.folder, (*_CONFIGURE_STAMPS, *_INSTALL_STAMPS))
    if stale.image:
        # Buildroot's manual, "How to rebuild packages", knows no way to empty target/ but this one of its developers.
        disk.discard(output / "target")
        for stamp in build.glob("*/.stamp_target_installed"):
            stamp.unlink()
        for stamp in build.glob("host-gcc-final-*/.stamp_host_installed"):
            stamp.unlink()


def _unstamp(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / f".stamp_{name}").unlink(missing_ok=True)


def _owner(symbol: str, *known: Mapping[str, Package]) -> str | None:
    """The package that a symbol belongs to, by its name: the longest one that fits."""
    if not symbol.startswith(_PACKAGE):
        return None
    rest = symbol.removeprefix(_PACKAGE)
    fitting = [
        name for packages in known for name in packages if f"{rest}_".startswith(f"{_symbolic(name)}_") and name != ""
    ]
    return max(fitting, key=len) if fitting else None


def _symbolic(package: str) -> str:
    return package.upper().replace("-", "_").replace(".", "_")


def _with_dependents(names: set[str], packages: Mapping[str, Package]) -> set[str]:
    """The packages and all that are built against them."""
    found, grew = set(names), True
    while grew:
        more = {one.name for one in packages.values() if not one.is_image and found.intersection(one.dependencies)}
        grew = not more <= found
        found |= more
    return found
