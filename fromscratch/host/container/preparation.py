"""Preparing the start of an image on this machine: its command, its variables, its files in a private folder."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from fromscratch.errors import FormatError, UsageError
from fromscratch.formats.glibc.passwd import Identity
from fromscratch.host.container import subordinate
from fromscratch.host.container.inside.waiting import FORWARDED
from fromscratch.host.storage import disk, staged_folder
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, file
from fromscratch.model.image import DEFAULT_PATH, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.progress import SILENT, Progress

HOSTNAME = "fromscratch"


class Invocation(Struct, frozen=True, kw_only=True):
    """A command to run in the root of an image: `argv` in place of its Cmd, or None for that Cmd.

    The files are written below `workdir`, and removed when the command has ended.
    """

    tree: Rootfs
    config: RunConfig
    argv: Sequence[str] | None = None
    workdir: Path
    platform: Platform
    progress: Progress = SILENT


def command_of(config: RunConfig, argv: Sequence[str] | None) -> list[str]:
    """Entrypoint and Cmd as engines put them together: words that are given replace the Cmd. Raises UsageError."""
    words = [*config.entrypoint, *(config.cmd if argv is None else argv)]
    if not words:
        raise UsageError("the image does not say which command to run", "give one, as in: run -- /bin/sh")
    if not words[0]:
        raise UsageError("the first word of the command is empty", "name a program, as in: run -- /bin/sh")
    if any("\0" in word for word in words):
        raise UsageError("a word of the command holds a NUL byte", "no program can be given one")
    return words


def environment(config: RunConfig, who: Identity, *, terminal: bool = True) -> dict[str, str]:
    """The image's variables, and those that engines add if it has none: PATH, HOME, and TERM.

    TERM is added if this process has a terminal, and the command is to get one.
    """
    added = {"PATH": DEFAULT_PATH, "HOME": who.home}
    if terminal and os.isatty(0) and "TERM" in os.environ:
        added["TERM"] = os.environ["TERM"]
    return {**added, **config.env}


def with_places(tree: Rootfs, working_dir: str, *, names_as_engines: bool = False) -> Rootfs:
    """The tree with the folders that a running system needs, /etc/hostname and /etc/hosts.

    Engines put those two in the place of the image's own, which may not know the name of the container.
    """
    for place in ("/proc", "/sys", "/dev"):
        entry = tree.get(TreePath(place))
        if entry is not None and not isinstance(entry, Directory):
            raise FormatError(
                f"{place} of the image is not a directory, so nothing can be mounted there", "remove it from the image"
            )
    needed: dict[str, Entry] = {
        place: Directory(Meta(0o755)) for place in (working_dir or "/", "/proc", "/sys", "/dev")
    }
    needed["/tmp"] = Directory(Meta(0o1777))
    replaced: dict[str, Entry] = {
        "/etc/hostname": file(Inline(f"{HOSTNAME}\n".encode())),
        "/etc/hosts": file(Inline(f"127.0.0.1 localhost {HOSTNAME}\n".encode())),
    }
    added = {
        tree.locate(tree_path(path)): entry
        for path, entry in {**needed, **replaced}.items()
        if (names_as_engines and path in replaced) or tree.find(path, follow_last=False) is None
    }
    return tree.with_entries(added) if added else tree


def with_volumes(tree: Rootfs, volumes: Sequence[str]) -> Rootfs:
    """The tree with the folders of the volumes that it lacks, as engines make them."""
    added = {
        tree.locate(tree_path(volume)): Directory(Meta(0o755))
        for volume in volumes
        if tree.find(volume, follow_last=False) is None
    }
    return tree.with_entries(added) if added else tree


@contextmanager
def private_folder(workdir: Path) -> Iterator[Path]:
    """A folder below `workdir` that no other user can enter, removed at the end of the block."""
    with ExitStack() as stack:
        with disk.explained(workdir):
            folder = stack.enter_context(staged_folder.staged(workdir.absolute() / "root", subordinate.remove))
            folder.chmod(0o700)
        yield folder


def gives_privileges(entry: Entry) -> bool:
    """Whether a program has more rights than the user who starts it."""
    if not isinstance(entry, File):
        return False
    return bool(entry.meta.mode & 0o6000) or any(name == "security.capability" for name, _ in entry.meta.xattrs)


@contextmanager
def forwarding(send: Callable[[int], None], resized: Callable[[], None], resumed: Callable[[], None]) -> Iterator[None]:
    """Forward the signals that this process gets to the command, which decides what they mean; not those it ignores.

    Only the main thread handles signals; in any other this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = [number for number in FORWARDED if signal.getsignal(number) is not signal.SIG_IGN]
    handlers: dict[int, Callable[[int, Any], None]] = {number: lambda number, frame: send(number) for number in heeded}
    handlers[signal.SIGWINCH] = lambda number, frame: resized()
    handlers[signal.SIGCONT] = lambda number, frame: resumed()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
