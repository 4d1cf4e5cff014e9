"""Recording a container that runs already, by fanotify and by what its processes have open at the start."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fromscratch.advice import Setting, advice
from fromscratch.errors import MissingTool, UsageError
from fromscratch.formats.trace.events import Kind
from fromscratch.paths import decode
from fromscratch.tracing import fanotify
from fromscratch.tracing.callers import Root
from fromscratch.tracing.fanotify import Fanotify
from fromscratch.tracing.recording import Recording

NAME = "fanotify"
_DELETED = b" (deleted)"
_INSTEAD = advice("record its image from the start instead, with ", Setting("image", "IMAGE"))


@contextmanager
def attached(recording: Recording, pid: int, run: int) -> Iterator[None]:
    """Record the container that a process is in for the block: what is opened from now on, and what is open already.

    What was read and closed before is lost. Raises MissingTool without root, UsageError for a container whose root
    cannot be watched without watching this machine's.
    """
    refusal = fanotify.refusal()
    if refusal:
        raise MissingTool(f"a container that runs already is recorded by root only: {refusal}", _INSTEAD)
    root = Root(pid)
    try:
        if not fanotify.is_of_its_own(root.fd):
            raise UsageError(
                "the root of this container is not a filesystem of its own, and this machine's is never watched",
                _INSTEAD,
            )
        net = Fanotify(recording, root.fd, lambda pid: run)
        try:
            top = _link(pid, "root").rstrip(b"/")
            for each in _members(pid):
                _snapshot(recording, each, run, top)
            yield
        finally:
            net.close()
    finally:
        root.close()


def _members(pid: int) -> Iterator[int]:
    """The processes that see the same mounts as this one."""
    mounts = os.readlink(f"/proc/{pid}/ns/mnt")  # noqa: PTH115 - no file's name
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            with suppress(OSError):
                if os.readlink(f"/proc/{place.name}/ns/mnt") == mounts:  # noqa: PTH115
                    yield int(place.name)


def _snapshot(recording: Recording, pid: int, run: int, top: bytes) -> None:
    """Record the program of a process, its working directory, and the files that it has open or mapped.

    `top` is what the root of the container is called in the paths of /proc, and empty after pivot_root(2).
    """
    found: dict[bytes, Kind] = {}
    with suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            found[_link(pid, f"fd/{number}")] = "open"
    with suppress(OSError), open(f"/proc/{pid}/maps", "rb") as file:
        for line in file:
            found[line.rstrip(b"\n").split(b" ", 5)[-1].lstrip()] = "open"
    with suppress(OSError):
        found[_link(pid, "cwd")] = "stat"
        program = _link(pid, "exe")
        found[program] = "exec"
        for path, kind in found.items():
            if path.startswith(top + b"/") and not path.endswith(_DELETED):
                recording.add(kind, path.removeprefix(top), decode(program.removeprefix(top)), run)


def _link(pid: int, name: str) -> bytes:
    return os.readlink(os.fsencode(f"/proc/{pid}/{name}"))  # noqa: PTH115 - bytes
