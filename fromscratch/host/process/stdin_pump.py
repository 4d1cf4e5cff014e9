"""Feeding a program that runs: what it reads comes from a stream of ours, and is stopped together with it."""

import contextlib
import signal
import subprocess
import threading
from typing import IO, BinaryIO, cast

from fromscratch.host.process import session


class Feeder:
    """Copies a stream into a program's standard input, beside the reading of its output.

    When the stream fails, the program is killed, or with `hang_up` sees the end of its input.
    """

    def __init__(self, source: BinaryIO, *, hang_up: bool) -> None:
        self._source = source
        self._error: BaseException | None = None
        self._stopped = False
        self._kills = not hang_up
        self._pipe: IO[bytes] | None = None
        self._thread: threading.Thread | None = None

    def start(self, process: subprocess.Popen[bytes]) -> None:
        """Feed a program whose input is a pipe; that is ours from now on."""
        self._pipe, process.stdin = cast(IO[bytes], process.stdin), None
        self._thread = threading.Thread(target=self._copy, args=(self._pipe, process), daemon=True)
        self._thread.start()

    def _copy(self, pipe: IO[bytes], process: subprocess.Popen[bytes]) -> None:
        # A program may end well without reading everything, as tar does after the end of an archive:
        # its exit code tells, not the broken pipe. A closed one was stopped before it began.
        with contextlib.suppress(BrokenPipeError, ValueError), pipe:
            try:
                while not self._stopped and (piece := self._source.read(1 << 20)):
                    pipe.write(piece)
            except BrokenPipeError:
                raise
            except BaseException as error:
                self._error = error
                # Before the pipe is closed, or the program would see a regular end of its input.
                if self._kills and process.returncode is None:
                    session.send(process, signal.SIGKILL)

    def stop(self) -> None:
        """Feed it no more: it sees the end of its input. `start` itself may have been interrupted."""
        self._stopped = True
        if self._pipe is not None and (self._thread is None or not self._thread.is_alive()):
            with contextlib.suppress(BrokenPipeError):
                self._pipe.close()

    def finish(self) -> None:
        """Wait for the end of the copying. Raises what reading the stream has raised."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
