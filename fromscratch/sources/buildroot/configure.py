"""Makes Buildroot's configuration, shows it in its menu, and writes the user's change back as a fragment."""

import os
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import CommandFailed, UsageError
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig.config import Setting
from fromscratch.host.process import run
from fromscratch.host.storage import disk
from fromscratch.regular_file import read_text
from fromscratch.sources.buildroot.accepted import Configured, check_accepted
from fromscratch.sources.buildroot.config import CONFIGS_VARIABLE, FOLDER_VARIABLE
from fromscratch.sources.buildroot.make import Make
from fromscratch.sources.buildroot.plan import Plan, write_busybox_fragments
from fromscratch.sources.contract import Context

PARTS = ("", "busybox")  # what has a menu: the whole, and BusyBox
# What a menu writes of its own accord, not because the user chose it.
_OF_THIS_MACHINE = ("BR2_DEFCONFIG", "BR2_DL_DIR", "BR2_HOST_GCC_VERSION", "BR2_VERSION", "BR2_EXTERNAL")
# Variables of make that are configuration, and those that lead into the store.
_ALSO_SAVED = ("BR2_TOOLCHAIN_EXTERNAL_PATH", "BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES")
_NOT_SAVED = ("BR2_DL_DIR", "BR2_CCACHE_DIR", "BR2_PACKAGE_OVERRIDE_FILE", "BR2_DEFCONFIG", "BR2_EXTERNAL")


class ConfigureResult(Struct, frozen=True):
    """`config` is the whole .config; `fragment` the file that now holds the user's change, if there was one.

    `listed` says whether the recipe names that fragment already.
    """

    config: Path
    fragment: Path | None = None
    changes: tuple[str, ...] = ()
    listed: bool = True

    def __str__(self) -> str:
        if self.fragment is None:
            return f"the configuration is {self.config}"
        key = "busybox" if self.fragment.parent.name == "busybox" else "config"
        name = f"buildroot-configs/busybox/{self.fragment.name}" if key == "busybox" else self.fragment.stem
        advice = "" if self.listed else f"\nadd {name} to {key}: in the recipe, so that it counts"
        return f"{self.fragment} now says:\n" + "\n".join(f"  {line}" for line in self.changes) + advice


class SavedDefconfig(Struct, frozen=True):
    """A recipe as one defconfig in `file`, for Buildroot with the external trees."""

    file: Path
    externals: tuple[Path, ...]

    def __str__(self) -> str:
        external = f"BR2_EXTERNAL={':'.join(map(str, self.externals))} " if self.externals else ""
        return (
            f"wrote {self.file}; Buildroot takes it so: make {external}BR2_DEFCONFIG={self.file.absolute()} defconfig"
        )


def configuration_text(made: Plan, context: Context) -> str:
    """The .config that Kconfig makes of the plan; notes say what of a defconfig it does not follow.

    Raises ImageError naming each setting that Kconfig did not take.
    """
    text = _defconfig(made, context, made.place / "settings", made.wish.text)

    def alone() -> str:
        return _defconfig(made, context, made.place / "settings-alone", read_text(made.wish.defconfig or Path()))

    configured = Configured(text, made.tree.path, made.place / "settings", os.uname().machine, alone)
    notes = check_accepted(made.wish, configured, made.recipe_variables)
    for note in (*made.wish.notes, *notes):
        context.progress.note(note)
    return text


def _defconfig(made: Plan, context: Context, scratch: Path, text: str) -> str:
    """The .config that Kconfig makes of a defconfig, in a folder of its own."""
    scratch.mkdir(parents=True, exist_ok=True)
    defconfig = scratch / "wanted.defconfig"
    defconfig.write_text(text)
    make = made.make.in_folder(scratch)
    make.run(["defconfig"], "configuring Buildroot", context.progress, extra={"BR2_DEFCONFIG": str(defconfig)})
    return (scratch / ".config").read_text()


def save_defconfig(made: Plan, context: Context, file: Path) -> SavedDefconfig:
    """Write all that a recipe comes to as one defconfig, which Buildroot itself takes without the recipe.

    What the driver says on make's command line is part of it, as far as it is configuration and not a folder of the
    store's own; paths are whole.
    """
    configuration_text(made, context)
    write_busybox_fragments(made)
    known = {one.name for one in made.wish.settings}
    given = {name: value for name, value in made.make.variables.items() if name in known or name in _ALSO_SAVED}
    added = [Setting(name, kconfig.quoted(value), "make:") for name, value in given.items() if name not in _NOT_SAVED]
    text = kconfig.render([*made.wish.settings, *added])
    for variable in (FOLDER_VARIABLE, CONFIGS_VARIABLE):
        text = text.replace(f"$({variable})", made.make.environment[variable])
    scratch = made.place / "settings-saved"
    _defconfig(made, context, scratch, text)
    saved = kconfig.render(Setting(*one, "") for one in _minimal(made.make.in_folder(scratch), context).items())
    disk.write_atomically(file, saved.encode())
    return SavedDefconfig(file, made.externals)


def configure(made: Plan, context: Context, *, menu: bool, part: str, name: str) -> ConfigureResult:
    """See `BuildrootSource.configure`."""
    if part not in PARTS:
        raise UsageError(f"Buildroot has no menu of {part}", f"the parts that have one are: {', '.join(PARTS[1:])}")
    text = configuration_text(made, context)
    scratch = made.place / "settings"
    if not menu:
        return ConfigureResult(scratch / ".config")
    if part == "busybox":
        return _busybox_menu(made, context, text, name)
    make = made.make.in_folder(scratch)
    before = _minimal(make, context)
    _show(make, "menuconfig")
    changes = kconfig.difference(before, _minimal(make, context))
    after = kconfig.read_config((scratch / ".config").read_text())
    # A symbol that went back to its default is no longer in the minimal form, but the fragments below may still set it.
    settled = {
        symbol: after.get(symbol, kconfig.NOT_SET) for symbol in changes if not symbol.startswith(_OF_THIS_MACHINE)
    }
    listed = name in made.configs
    return _written(scratch / ".config", context.folder / "buildroot-configs" / f"{name}.config", settled, listed)


def _busybox_menu(made: Plan, context: Context, text: str, name: str) -> ConfigureResult:
    """BusyBox's own menu, over its sources as Buildroot unpacks them in the scratch folder."""
    write_busybox_fragments(made)
    make = made.make.in_folder(made.place / "settings")
    make.run(["busybox-configure"], "unpacking BusyBox", context.progress)
    found = sorted((make.output / "build").glob("busybox-*/.config"))
    if not found:
        raise CommandFailed("there is no BusyBox in this configuration", "add BR2_PACKAGE_BUSYBOX: true under set:")
    before = kconfig.read_config(found[0].read_text())
    _show(make, "busybox-menuconfig")
    changes = kconfig.difference(before, kconfig.read_config(found[0].read_text()))
    fragment = context.folder / "buildroot-configs" / "busybox" / f"{name}.config"
    return _written(found[0], fragment, changes, fragment in made.busybox_files)


def _minimal(make: Make, context: Context) -> dict[str, kconfig.Value]:
    """The configuration as savedefconfig has it: what differs from the defaults."""
    saved = make.output / "saved.defconfig"
    make.run(["savedefconfig"], "reading the configuration", context.progress, extra={"BR2_DEFCONFIG": str(saved)})
    return {one.name: one.value for one in kconfig.parse(saved.read_text(), saved.name)}


def _show(make: Make, goal: str) -> None:
    argv = make.argv([goal])
    terminal = {name: os.environ[name] for name in ("TERM", "COLORTERM", "LINES", "COLUMNS") if name in os.environ}
    if code := run.interactive(argv, env={**make.env(), **terminal}):
        raise CommandFailed(
            f"{run.shown(argv)} failed with exit code {code}",
            "the menu needs a terminal, and the headers of ncurses: on Debian apt-get install libncurses-dev",
        )


def _written(config: Path, fragment: Path, changes: dict[str, kconfig.Value], listed: bool) -> ConfigureResult:
    """Add the changes to a fragment that may be there from last time."""
    if not changes:
        return ConfigureResult(config)
    old = kconfig.parse(read_text(fragment), fragment.name) if fragment.is_file() else []
    new = [Setting(symbol, value, "menu") for symbol, value in changes.items()]
    whole = kconfig.merge([*old, *new]).values()
    disk.write_atomically(fragment, ("# Chosen in the menu of configure.\n" + kconfig.render(whole)).encode())
    return ConfigureResult(config, fragment, tuple(one.line for one in new), listed)
