"""The standard streams of a container: the caller's own where that is safe and works, else a pipe or a terminal."""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct, field

from fromscratch.host.container.terminal import Bridge, write

_BLOCK = 1 << 16


class Streams(Struct):
    """The streams to start a child with: `stdout` and `stderr` (None: the caller's).

    `channel` is the socket over which it sends the master side of its terminal, or -1. `child_ends` are the
    descriptors that only the child needs. `bridge` connects its terminal with the caller's.
    """

    stdout: int | None = None
    stderr: int | None = None
    channel: int = -1
    child_ends: list[int] = field(default_factory=list)
    bridge: Bridge | None = None

    def close_child_ends(self) -> None:
        """Close them in this process, once the child has them."""
        while self.child_ends:
            os.close(self.child_ends.pop())

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
    """Which of the standard streams are a terminal.

    A container gets a terminal of its own instead: into the caller's it could push input for the shell there.
    """
    return tuple(stream for stream in range(3) if os.isatty(stream))


@contextmanager
def container_streams(uid: int, *, owner: int, own_terminal: bool = True) -> Iterator[Streams]:
    """The streams for a command that runs as `uid` inside, which is `owner` outside; copied to the end on leaving.

    The container sends its terminal over `channel`. An output that it could not open as /dev/stdout goes through a
    pipe. Without `own_terminal` nothing is done about terminals.
    """
    streams, threads, at = Streams(), [], terminals()
    if at and own_terminal:
        ours, theirs = socket.socketpair()
        streams.bridge = Bridge(at, ours)
        streams.channel = theirs.detach()
        streams.child_ends.append(streams.channel)
    pipes: dict[tuple[int, int], int] = {}
    for stream, name in ((1, "stdout"), (2, "stderr")):
        if stream in at or _can_be_opened(stream, uid, owner):
            continue
        known = os.fstat(stream)
        file = (known.st_dev, known.st_ino)
        if file not in pipes:  # one pipe for both streams, so that the order of what is written stays
            read_end, pipes[file] = os.pipe()
            streams.child_ends.append(pipes[file])
            threads.append(threading.Thread(target=_copy, args=(read_end, stream), daemon=True))
        setattr(streams, name, pipes[file])
    for thread in threads:
        thread.start()
    try:
        yield streams
    finally:
        streams.close_child_ends()
        for thread in threads:
            thread.join()
        if streams.bridge is not None:
            streams.bridge.end()


def _can_be_opened(stream: int, uid: int, owner: int) -> bool:
    """Whether this user may open the stream anew, by the rules of open(2)."""
    try:
        known = os.fstat(stream)
    except OSError:  # it is closed
        return True
    if stat.S_ISSOCK(known.st_mode):
        return False
    if stat.S_ISFIFO(known.st_mode) and os.geteuid() == 0 and uid == owner:
        return True  # `init` gives the pipe to the command's user
    mode = known.st_mode
    return (uid == owner == 0) or bool(mode & 0o002) or (known.st_uid == owner and bool(mode & 0o200))


def _copy(source: int, target: int) -> None:
    with suppress(OSError):  # EPIPE: the reader has ended; closing the source ends the writer too
        while data := os.read(source, _BLOCK):
            write(target, data)
    os.close(source)
