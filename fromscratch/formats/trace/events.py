"""What a trace holds: runs, and the files that the processes of each run used."""

from typing import Literal

from msgspec import Struct

from fromscratch.address import without_secrets
from fromscratch.paths import shown

_MAX_COMMAND = 80  # characters of a command in a title

Kind = Literal["open", "exec", "stat", "readlink", "missing"]


class Event(Struct, frozen=True):
    """The first use of one kind of a path by a program in a run.

    `path` is absolute in the container's root, as it was asked for: what it is relative to stands before it, and
    symlinks, "." and ".." are still in it. The opening of a folder, which lists it, is an "open"; "missing" is a path
    that did not exist when it was asked for. `process` is the path of the program that asked, or empty if it is not
    known. `time` counts milliseconds since the run began.
    """

    kind: Kind
    path: str
    process: str = ""
    run: int = 1
    time: int = 0


class Run(Struct, frozen=True, kw_only=True):
    """A command that was run on this machine, or in the image with this manifest's digest, seen by that recorder."""

    number: int = 1
    command: tuple[str, ...] = ()
    image: str = ""
    recorder: str = ""
    platform: str = ""

    @property
    def title(self) -> str:
        """The command as reasons name it: its start, without the secrets of addresses."""
        text = shown(without_secrets(" ".join(self.command)))
        return text if len(text) <= _MAX_COMMAND else f"{text[: _MAX_COMMAND - 1]}…"


class Trace(Struct, frozen=True):
    """Runs and their events, in the order in which they happened."""

    runs: tuple[Run, ...] = ()
    events: tuple[Event, ...] = ()
