"""Whether Kconfig took what a recipe asks for: each setting that it did not take, with the reason."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig import menus as kconfig_menus
from fromscratch.formats.kconfig.config import Setting, Value
from fromscratch.formats.kconfig.menus import Menus
from fromscratch.sources.buildroot.config import Wish
from fromscratch.sources.buildroot.named_configs import BASES
from fromscratch.sources.buildroot.platforms import check_platform

_SHOWN = 12
_KERNEL = "BR2_LINUX_KERNEL"
_ON_OR_OFF = ("y", "n", "")


class Configured(Struct, frozen=True):
    """What Kconfig made of a wish: the .config, and what is needed to explain it.

    `alone` gives the .config that Buildroot makes of the user's defconfig by itself.
    """

    text: str
    tree: Path
    output: Path
    host_architecture: str
    alone: Callable[[], str]


def check_accepted(wish: Wish, made: Configured, variables: Mapping[str, str]) -> list[str]:
    """Raise ImageError, naming each setting that Kconfig did not take and why, unless all are there.

    `variables` are those that the recipe adds to make's command line. A choice of the shipped fragments that the recipe
    decides otherwise is not a loss. What a defconfig asks for, and Buildroot itself takes no more, or takes only with a
    kernel, is: the answer has a note of it. Raises UsageError for an architecture that the image is not for.
    """
    config = kconfig.read_config(made.text)
    check_platform([Setting(name, value, "Buildroot's configuration") for name, value in config.items()], wish.platform)
    missing = kconfig.lost(wish.settings, config)
    switches = {name: value for name, value in variables.items() if name.startswith("BR2_") and value in _ON_OR_OFF}
    if not missing and not switches:
        return []
    menus = kconfig_menus.read("Config.in", _reader(made.tree), {"BR2_BASE_DIR": str(made.output)})
    known = {**config, "BR2_HOSTARCH": f'"{made.host_architecture}"'}
    errors, notes = _losses(wish, missing, menus, known, made)
    errors += _switches(switches, menus, config)
    if errors:
        more = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
        raise ImageError(
            "Buildroot's configuration did not take what was asked for:\n  " + "\n  ".join([*errors[:_SHOWN], *more]),
            "ask for what is missing too (under packages: or set:), or leave the setting out",
        )
    return notes


def check_busybox_accepted(wish: Wish, config_text: str) -> None:
    """The same for BusyBox's own configuration, as far as the recipe asks for anything of it."""
    asked = kconfig.merge(setting for text in wish.busybox for setting in kconfig.parse(text, "busybox:"))
    if missing := kconfig.lost(asked.values(), kconfig.read_config(config_text)):
        raise ImageError(
            "BusyBox's configuration did not take what was asked for: " + ", ".join(one.line for one in missing),
            "see whether the names are right; Buildroot itself decides on some, such as the init and mdev applets",
        )


def _losses(
    wish: Wish, missing: list[Setting], menus: Menus, known: Mapping[str, Value], made: Configured
) -> tuple[list[str], list[str]]:
    """Errors for what the recipe asks for, notes for what a defconfig could not have here anyway."""
    later = {setting.name for setting in wish.settings}
    errors, consequences, of_defconfig = [], [], []
    for setting in missing:
        reason = kconfig_menus.explain(setting, menus, known)
        shown = f"{setting.line} ({setting.asked_by}): {reason}"
        if setting.asked_by in BASES and kconfig_menus.rival_choice(setting, menus, known) in later:
            continue
        if setting.asked_by not in wish.defconfigs:
            errors.append(shown)
        elif _KERNEL in reason:
            consequences.append(setting.line)
        else:
            of_defconfig.append((setting, shown))
    notes = []
    if of_defconfig:
        lost_alone = kconfig.lost([setting for setting, _ in of_defconfig], kconfig.read_config(made.alone()))
        notes += [f"Buildroot does not take {shown}" for setting, shown in of_defconfig if setting in lost_alone]
        others = [(setting, shown) for setting, shown in of_defconfig if setting not in lost_alone]
        # A package of the target is missed in the image; anything else only served what is not built here.
        errors += [shown for setting, shown in others if _is_package(setting)]
        consequences += [setting.line for setting, _ in others if not _is_package(setting)]
    if consequences:
        notes.append(f"without a kernel and what else is left out there is no {', '.join(consequences)}")
    return errors, notes


def _is_package(setting: Setting) -> bool:
    return setting.name.startswith("BR2_PACKAGE_") and not setting.name.startswith("BR2_PACKAGE_HOST_")


def _switches(variables: Mapping[str, str], menus: Menus, config: Mapping[str, Value]) -> list[str]:
    """Symbols that make:, which comes after Kconfig, turns on or off: nothing of what they need would follow."""
    return [
        f"{name}={value} (make:): make would see it, Buildroot's configuration does not; say it under set:"
        for name, value in variables.items()
        if name in menus.definitions and config.get(name, kconfig.NOT_SET) != (value or kconfig.NOT_SET)
    ]


def _reader(top: Path) -> Callable[[str], str | None]:
    def read(name: str) -> str | None:
        path = top / name
        return path.read_text(errors="replace") if path.is_file() else None

    return read
