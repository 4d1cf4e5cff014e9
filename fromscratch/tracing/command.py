"""A command on this machine, started so that its system calls are listened to."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fromscratch.errors import CannotStart, CommandFailed
from fromscratch.formats.oci_runtime import seccomp
from fromscratch.host.process.run import shown

_PACKAGE = Path(__file__).parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fromscratch.tracing.launcher import main; main()"
_MISSING = (2, 20)  # ENOENT, ENOTDIR


class Command:
    """The command while it runs. Its standard streams, terminal and environment are those of the caller."""

    def __init__(self, words: Sequence[str], process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self._words, self._process, self._channel = words, process, channel

    def signal(self, number: int) -> None:
        """Send a signal to the command, if it still runs."""
        with suppress(OSError):
            self._channel.send(b"%d" % number)

    def wait(self, listen: Callable[[int], object], ended: Callable[[int], object]) -> int:
        """Until the command and all that it started have ended; the answer is its exit code.

        `listen` gets its listener, `ended` the exit code when the command itself has ended. Raises CannotStart.
        """
        code = -1
        while True:
            packet, descriptors, _, _ = socket.recv_fds(self._channel, 512, 1)
            what, _, rest = packet.partition(b" ")
            if descriptors:
                listen(descriptors[0])
            elif what == b"failed":
                raise self._cannot_start(rest)
            elif what == b"ended":
                code = int(rest)
                ended(code)
            else:
                break
        if code < 0:
            raise CommandFailed(f"{shown(self._words)} was ended before it told how", "try it again")
        return code

    def _cannot_start(self, reason: bytes) -> CannotStart:
        number, _, text = reason.decode("utf-8", "replace").partition(" ")
        missing = int(number) in _MISSING
        hint = "see whether it is installed" if missing else "see whether it is executable"
        return CannotStart(f"cannot start {shown(self._words)}: {text}", hint, missing=missing)


@contextmanager
def running(words: Sequence[str], architecture: str, program: bytes) -> Iterator[Command]:
    """Start a command under a filter. At the end of the block nothing of it runs any more."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, tempfile.NamedTemporaryFile(prefix="fromscratch-") as file:
        file.write(program)
        file.flush()
        arguments = [str(theirs.fileno()), str(seccomp.numbers(architecture)["seccomp"]), file.name, *words]
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGE), *arguments], pass_fds=[theirs.fileno()]
            )
        with process:
            try:
                yield Command(words, process, ours)
            finally:
                ours.close()
