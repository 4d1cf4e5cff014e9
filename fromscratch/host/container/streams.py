"""The standard streams of a container: the caller's own where that is safe and of use, else something between."""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from fromscratch.host.container.terminal import Bridge, write

_BLOCK = 1 << 16


@dataclass
class Carried:
    """What a child is started with: `stdout` and `stderr` (None: the caller's), and where it sends a terminal."""

    stdout: int | None = None
    stderr: int | None = None
    channel: int = -1
    theirs: list[int] = field(default_factory=list)
    bridge: Bridge | None = None

    def close_theirs(self) -> None:
        """Once the child has them."""
        while self.theirs:
            os.close(self.theirs.pop())

    def begin(self) -> None:
        if self.bridge is not None:
            self.bridge.begin()

    def resized(self) -> None:
        if self.bridge is not None:
            self.bridge.resized()

    def resumed(self) -> None:
        if self.bridge is not None:
            self.bridge.resumed()


def terminals() -> tuple[int, ...]:
    """Which of the standard streams are a terminal. A container gets one of its own instead: it could type there."""
    return tuple(stream for stream in range(3) if os.isatty(stream))


@contextmanager
def carried(uid: int, *, owner: int, own_terminal: bool = True) -> Iterator[Carried]:
    """The streams for a command that runs as `uid` inside, which is `owner` outside; at the end all is carried.

    A terminal is asked for over `channel`. An output that could not be opened as /dev/stdout goes through a pipe.
    Without `own_terminal` nothing is done about terminals.
    """
    made, threads, at = Carried(), [], terminals()
    if at and own_terminal:
        ours, theirs = socket.socketpair()
        made.bridge = Bridge(at, ours)
        made.channel = theirs.detach()
        made.theirs.append(made.channel)
    pipes: dict[tuple[int, int], int] = {}
    for stream, name in ((1, "stdout"), (2, "stderr")):
        if stream in at or _can_be_opened(stream, uid, owner):
            continue
        known = os.fstat(stream)
        file = (known.st_dev, known.st_ino)
        if file not in pipes:  # one for both, so that what is said keeps its order
            read_end, pipes[file] = os.pipe()
            made.theirs.append(pipes[file])
            threads.append(threading.Thread(target=_carry, args=(read_end, stream), daemon=True))
        setattr(made, name, pipes[file])
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.close_theirs()
        for thread in threads:
            thread.join()
        if made.bridge is not None:
            made.bridge.end()


def _can_be_opened(stream: int, uid: int, owner: int) -> bool:
    """Whether this user may open the stream anew, by the rules of open(2)."""
    try:
        known = os.fstat(stream)
    except OSError:  # it is closed
        return True
    if stat.S_ISSOCK(known.st_mode):
        return False
    if stat.S_ISFIFO(known.st_mode) and os.geteuid() == 0 and uid == owner:
        return True  # it is made the command's own
    mode = known.st_mode
    return (uid == owner == 0) or bool(mode & 0o002) or (known.st_uid == owner and bool(mode & 0o200))


def _carry(source: int, target: int) -> None:
    with suppress(OSError):  # EPIPE: the reader has gone, and so must the writer
        while data := os.read(source, _BLOCK):
            write(target, data)
    os.close(source)
