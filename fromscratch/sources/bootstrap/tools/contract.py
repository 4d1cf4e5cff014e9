"""What each tool says of itself, and what it is given to work with."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.errors import UsageError
from fromscratch.host.container.root_maker import PLACE, Step
from fromscratch.model.image import Platform
from fromscratch.sources.bootstrap.options import BootstrapOptions

ROOT = f"{PLACE}/root"
MIRROR = "mirror"
EPOCH = 1_700_000_000
"""The time that tools are given, in seconds since 1970: a constant, so that a root does not depend on the clock."""


class Job(Struct, frozen=True, kw_only=True):
    """What a tool is to do. `mirrors` are the repositories by their names, at the addresses that the tool is to use.

    `keys` are the files with keys by their names, which lie in the folder keys of the working folder.
    """

    options: BootstrapOptions
    platform: Platform
    mirrors: Mapping[str, str]
    keys: Mapping[str, bytes]
    program: str


class Workplace(Protocol):
    """A working folder, and the programs that run in it."""

    work: Path

    def run(self, step: Step) -> None:
        """Raises CommandFailed, MissingTool."""


class Tool(Protocol):
    """One tool. Its functions get the same `Job` but for the addresses of the repositories."""

    program: str
    install: str
    """How the program is installed."""

    leftovers: Sequence[str] = ()
    """Globs of what it leaves in a root beside those of every tool: caches, logs, locks."""

    scheme: str = "file"
    """The scheme of an address of a folder."""

    mounts_itself: bool = False
    """Whether it mounts /proc, /sys and /dev in the root by itself."""

    def mirrors(self, options: BootstrapOptions) -> Mapping[str, Address]:
        """The repositories that it is to use, by their names. Raises UsageError."""

    def keyrings(self, options: BootstrapOptions) -> Sequence[Path]:
        """The files with keys that are trusted if the recipe names none."""

    def files(self, job: Job) -> Mapping[str, bytes]:
        """The files that it is configured by, in the working folder."""

    def fetch(self, job: Job, at: Workplace) -> None:
        """Have it ask its repositories for all that `build` will need."""

    def build(self, job: Job, at: Workplace) -> None:
        """Have it make the root."""


def architecture(platform: Platform, names: Mapping[str, str], tool: str) -> str:
    """The tool's name for the platform. Raises UsageError."""
    found = names.get(str(platform))
    if found is None:
        raise UsageError(f"{tool} has no packages for {platform}", f"build for {', '.join(names)}")
    return found


def env(**more: str) -> dict[str, str]:
    """The variables of every tool, and more."""
    return {
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "DEBIAN_FRONTEND": "noninteractive",
        "DEBCONF_NONINTERACTIVE_SEEN": "true",
        **more,
    }


Run = Callable[[Step], None]
