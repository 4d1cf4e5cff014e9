"""What a script needs of this machine: programs and folders, found before it starts."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fromscratch.errors import MissingTool
from fromscratch.host.machine import lookup
from fromscratch.host.machine.scan import fingerprint
from fromscratch.host.process import run
from fromscratch.host.storage.store import Store
from fromscratch.nearest import nearest
from fromscratch.sources.build_script.environment import TOOLS
from fromscratch.sources.build_script.options import BuildScriptOptions
from fromscratch.sources.build_script.tools import System
from fromscratch.sources.contract import Context, Pin

_SYSTEM = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# The Debian packages of programs that are called otherwise.
_PACKAGES = {
    "cc": "gcc",
    "c++": "g++",
    "ld": "binutils",
    "ar": "binutils",
    "strip": "binutils",
    "go": "golang-go",
    "rustc": "rustc",
    "autoreconf": "autoconf",
    "aclocal": "automake",
    "libtoolize": "libtool",
    "ninja": "ninja-build",
    "pkg-config": "pkg-config",
    "msgfmt": "gettext",
    "makeinfo": "texinfo",
    "musl-gcc": "musl-tools",
}


class MachineTools:
    """This machine's own programs, with the folders under `tools:`."""

    def __init__(self, options: BuildScriptOptions, context: Context) -> None:
        self._options, self._context = options, context

    def fetch(self, store: Store) -> None:
        """Nothing to bring; what is lacking is told. Raises MissingTool, UsageError."""
        self._found()

    def identity(self, store: Store) -> str:
        return identity(*self._found())

    def pins(self, store: Store) -> list[Pin]:
        """None: they are what is installed here."""
        return []

    def system(self, place: Path, store: Store) -> System:
        _, folders = self._found()
        return System(folders=folders)

    def _found(self) -> tuple[dict[str, Path], dict[str, Path]]:
        folders = tool_folders(self._options, self._context.folder)
        return programs(self._options, folders), folders


def tool_folders(options: BuildScriptOptions, base: Path) -> dict[str, Path]:
    """The folders under `tools:`, by their paths inside. Raises UsageError for one that is not there."""
    found: dict[str, Path] = {}
    for text in options.tools:
        folder = Path(os.path.realpath(lookup.folder(base, text, "tools")))
        name = f"{TOOLS}/{folder.name}"
        found[name if name not in found else f"{name}-{len(found)}"] = folder
    return found


def programs(options: BuildScriptOptions, folders: Mapping[str, Path]) -> dict[str, Path]:
    """The programs under `needs:`, each where the script will find it.

    Raises MissingTool, naming all that are not there and how to get them.
    """
    places = [*(folder / "bin" for folder in folders.values()), *map(Path, _SYSTEM)]
    found = {
        name: next((each / name for each in places if os.access(each / name, os.X_OK)), None) for name in options.needs
    }
    missing = [name for name, place in found.items() if place is None]
    if missing:
        packages = sorted({_PACKAGES.get(name, name) for name in missing})
        elsewhere = {name: place for name in missing if (place := run.find(name))}
        hint = f"on Debian or Ubuntu: apt-get install {' '.join(packages)}"
        for name in missing:
            near = nearest(name, _names(places)) if name not in _PACKAGES else []
            hint += f"; or did you mean {near[0]}?" if near else ""
        for name, place in elsewhere.items():
            home = Path(os.path.realpath(place)).parents[1]
            hint += f"; {name} is at {place}, outside of the system's folders: name its folder under tools:, as {home}"
        raise MissingTool(f"the script needs {', '.join(missing)}, not found among this machine's programs", hint)
    return {name: place for name, place in found.items() if place is not None}


def _names(folders: Sequence[Path]) -> set[str]:
    return {each.name for folder in folders if folder.is_dir() for each in folder.iterdir()}


def identity(found: Mapping[str, Path], folders: Mapping[str, Path]) -> str:
    """A digest that changes with the programs and folders, such as by an upgrade of the compiler."""
    hasher = hashlib.sha256()
    for name, place in sorted(found.items()):
        real = Path(os.path.realpath(place))
        facts = real.stat()
        hasher.update(f"{name}\0{real.name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    for name, folder in sorted(folders.items()):
        hasher.update(f"{name}\0{fingerprint(folder)}\n".encode())
    return hasher.hexdigest()


def missing_in(lines: Sequence[str]) -> str:
    """The name of a program that a shell did not find, by what it wrote; empty if there is none."""
    for line in reversed(lines):
        name, found, _ = line.rpartition(": not found")
        if not found:
            name, found, _ = line.rpartition(": command not found")
        if found:
            return name.rpartition(":")[2].strip()
    return ""
