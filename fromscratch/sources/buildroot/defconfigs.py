"""What is taken of a configuration that the user has for Buildroot already: all that its root filesystem is made of."""

from collections.abc import Iterable, Sequence

from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.sources.buildroot.named_configs import NamedConfig

# What starts a machine: kernels, bootloaders, images of disks, and the programs of the build machine for those. What
# begins with BR2_TARGET_ is a bootloader or an image, but for what menu "System configuration" and the like have.
_KERNEL = ("BR2_LINUX_KERNEL",)
_NOT_ROOTFS = ("BR2_TARGET_", "BR2_ROOTFS_POST_IMAGE_SCRIPT")
_ROOTFS = (
    *("BR2_TARGET_ROOTFS_TAR", "BR2_TARGET_GENERIC_", "BR2_TARGET_ENABLE_ROOT_LOGIN", "BR2_TARGET_TZ_"),
    *("BR2_TARGET_LOCALTIME", "BR2_TARGET_OPTIMIZATION", "BR2_TARGET_LDFLAGS"),
)
_HOST_PROGRAMS = tuple(
    f"BR2_PACKAGE_HOST_{name}"
    for name in (
        *("BOOTGEN", "DFU_UTIL", "DOSFSTOOLS", "GENIMAGE", "IMX_MKIMAGE", "MTOOLS", "OPENOCD", "PYTHON_KFLASH"),
        *("QEMU", "QORIQ_RCW", "SAM_BA", "UUU"),
    )
)
_NO_TAR = "BR2_TARGET_ROOTFS_TAR"
# What decides on the toolchain. What a package of the target is called may not begin so.
_TOOLCHAIN = (
    *("BR2_TOOLCHAIN_", "BR2_GCC_", "BR2_BINUTILS_", "BR2_KERNEL_HEADERS_", "BR2_DEFAULT_KERNEL_", "BR2_UCLIBC_"),
    *("BR2_GLIBC_", "BR2_MUSL_", "BR2_EXTRA_GCC_CONFIG_OPTIONS", "BR2_PACKAGE_HOST_LINUX_HEADERS_CUSTOM_"),
)
_OWN_TOOLCHAIN = "BR2_TOOLCHAIN_EXTERNAL"
_CPLUSPLUS = ("BR2_TOOLCHAIN_BUILDROOT_CXX", "BR2_TOOLCHAIN_EXTERNAL_CXX")
_HEADERS = "BR2_KERNEL_HEADERS_"
_SHOWN = 6


def separated(config_files: Iterable[NamedConfig]) -> tuple[list[NamedConfig], list[Setting]]:
    """The whole configurations, and the settings of the fragments that go over them, in their order."""
    files = list(config_files)
    fragments = [setting for one in files if not one.is_defconfig for setting in one.settings]
    return [one for one in files if one.is_defconfig], fragments


def rootfs_only(whole: Sequence[NamedConfig], later: Iterable[Setting]) -> tuple[list[Setting], list[str]]:
    """The settings without those for starting a machine, and a note of what was left out.

    A recipe that turns the kernel on itself, in `later`, has it with all that the configuration says of it.
    """
    turned_on = {one.name for one in later if one.value == "y"}
    kernel = () if "BR2_LINUX_KERNEL" in turned_on else _KERNEL
    settings, notes = [], []
    for one in whole:
        left_out = [setting for setting in one.settings if _starts_machine(setting, kernel, turned_on)]
        settings += [setting for setting in one.settings if setting not in left_out]
        settings += _headers(one) if kernel else []
        if names := [setting.name for setting in left_out if setting.value == "y"]:
            notes.append(
                f"{one.path.name}: the root filesystem is built, and no kernel, bootloader or disk image: without "
                f"{_some(names)}"
            )
    return settings, notes


def with_toolchain(
    settings: Sequence[Setting], toolchain: Iterable[Setting], name: str, chosen: object
) -> tuple[list[Setting], list[str]]:
    """The settings with the recipe's toolchain in the place of their own, and a note that says so."""
    ours = list(toolchain)
    builds_own = not any(one.name == _OWN_TOOLCHAIN and one.value == "y" for one in settings)
    if chosen == "internal" and builds_own:
        return list(settings), []
    own = [one for one in settings if one.name.startswith(_TOOLCHAIN)]
    rest = [one for one in settings if one not in own]
    names = [one.name for one in own if one.value == "y"]
    said = _some(names) if names else "the one that Buildroot builds"
    word = chosen if isinstance(chosen, str) else "an external one"
    notes = [f"toolchain: {word} of the recipe is used instead of what {name} says: {said}"]
    return [*rest, *ours, *_cplusplus(own, ours)], notes


def _cplusplus(own: Iterable[Setting], ours: Sequence[Setting]) -> list[Setting]:
    """C++ where the configuration has it and the recipe's toolchain is built with it on demand."""
    if not any(one.name in _CPLUSPLUS and one.value == "y" for one in own):
        return []
    builds_own = any(one.name == "BR2_TOOLCHAIN_BUILDROOT" for one in ours)
    return [Setting(_CPLUSPLUS[0], "y", "toolchain:")] if builds_own else []


def _headers(one: NamedConfig) -> list[Setting]:
    """The version of the kernel's headers, where they are those of a kernel that is left out: the toolchain stays."""
    values = {setting.name: setting.value for setting in one.settings}
    chosen = [name for name, value in values.items() if name.startswith(_HEADERS) and value == "y"]
    version = values.get("BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE", "")
    if not version or values.get(_OWN_TOOLCHAIN) == "y" or chosen not in ([], [f"{_HEADERS}AS_KERNEL"]):
        return []
    name = one.path.name
    return [Setting(f"{_HEADERS}VERSION", "y", name), Setting("BR2_DEFAULT_KERNEL_VERSION", version, name)]


def _starts_machine(setting: Setting, kernel: tuple[str, ...], turned_on: set[str]) -> bool:
    name = setting.name
    if name in turned_on or name.startswith(_ROOTFS):
        return name == _NO_TAR and setting.value == kconfig.NOT_SET
    return name.startswith((*kernel, *_NOT_ROOTFS, *_HOST_PROGRAMS)) or (
        bool(kernel) and name == f"{_HEADERS}AS_KERNEL"
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
