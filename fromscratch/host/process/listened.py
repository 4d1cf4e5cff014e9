"""A command on this machine, started so that its system calls are listened to."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGINT, SIGQUIT

from fromscratch.errors import CannotStart, CommandFailed
from fromscratch.formats.oci_runtime import seccomp
from fromscratch.host.container.preparation import forwarding
from fromscratch.host.process.run import shown

_PACKAGE = Path(__file__).parents[3]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.host.process.listened_launcher import main; main()"
)
_MISSING = (2, 20)  # ENOENT, ENOTDIR
_ENOUGH = 3


class Command:
    """The command while it runs. Its standard streams, terminal and environment are those of the caller."""

    def __init__(self, words: Sequence[str], channel: socket.socket) -> None:
        self._words, self._channel = words, channel
        self._code: int | None = None
        self._interruptions = 0

    def wait(self, listen: Callable[[int], object], leaves: Callable[[int], object]) -> int:
        """Until the command and all that it started have ended; the answer is its exit code.

        `listen` gets its listener, `leaves` the exit code of a command that has ended and left processes behind, which
        are killed if it answers False.
        Signals are passed on to the command while it runs, and then end what it has left. Raises CannotStart.
        """
        with forwarding(self._signalled, lambda: None, lambda: None):
            while True:
                packet, descriptors, _, _ = socket.recv_fds(self._channel, 512, 1)
                what, _, rest = packet.partition(b" ")
                if descriptors:
                    listen(descriptors[0])
                elif what == b"failed":
                    raise self._cannot_start(rest)
                elif what == b"ended":
                    self._code, left = map(int, rest.split())
                    if left and leaves(self._code) is False:
                        self._end()
                else:
                    break
        if self._code is None:
            raise CommandFailed(f"{shown(self._words)} was ended before it told how", "try it again")
        return self._code

    def _signalled(self, number: int) -> None:
        """Pass a signal on, unless the terminal has sent it to the command too; the third Ctrl-C ends everything."""
        of_terminal = number in (SIGINT, SIGQUIT) and _in_foreground()
        self._interruptions += number == SIGINT
        if self._code is not None or self._interruptions >= _ENOUGH:
            self._end()
        elif not of_terminal:
            with suppress(OSError):
                self._channel.send(b"%d" % number)

    def _end(self) -> None:
        """Have everything killed that still runs."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)

    def _cannot_start(self, reason: bytes) -> CannotStart:
        number, _, text = reason.decode("utf-8", "replace").partition(" ")
        missing = int(number) in _MISSING
        hint = "see whether it is installed" if missing else "see whether it is executable"
        return CannotStart(f"cannot start {shown(self._words)}: {text}", hint, missing=missing)


@contextmanager
def running(words: Sequence[str], architecture: str, program: bytes) -> Iterator[Command]:
    """Start a command under a filter, which may be empty. At the end of the block nothing of it runs any more."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    number = seccomp.numbers(architecture)["seccomp"]
    with ours:
        # In memory, so that nothing is left on a disk when this process is killed.
        with theirs, open(os.memfd_create("filter"), "w+b", buffering=0) as file:
            file.write(program)
            inherited = theirs.fileno(), file.fileno()
            arguments = [str(inherited[0]), str(number), str(inherited[1]), *words]
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE), *arguments], pass_fds=inherited
            )
        with process:
            try:
                yield Command(words, ours)
            finally:
                ours.close()


def _in_foreground() -> bool:
    """Whether a terminal sends its signals to this process and to those that it starts."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
