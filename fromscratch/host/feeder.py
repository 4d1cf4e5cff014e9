"""Feeding a program that runs: what it reads comes from a stream of ours, and is stopped together with it."""

import contextlib
import signal
import subprocess
import threading
from typing import IO, BinaryIO, cast

from fromscratch.host import session


class Feeder:
    """Copies a stream into a program's standard input, beside the reading of its output.

    When the stream fails, the program is killed, or with `hang_up` sees the end of its input.
    """

    def __init__(self, source: BinaryIO, process: subprocess.Popen[bytes], *, hang_up: bool) -> None:
        self._error: BaseException | None = None
        self._process = process
        self._stopped = False
        self._kills = not hang_up
        pipe = cast(IO[bytes], process.stdin)
        process.stdin = None  # it is ours now
        self._thread = threading.Thread(target=self._copy, args=(source, pipe), daemon=True)
        self._thread.start()

    def _copy(self, source: BinaryIO, pipe: IO[bytes]) -> None:
        # A program may end well without reading everything, as tar does after the end of an archive:
        # its exit code tells, not the broken pipe.
        with contextlib.suppress(BrokenPipeError), pipe:
            try:
                while not self._stopped and (piece := source.read(1 << 20)):
                    pipe.write(piece)
            except BrokenPipeError:
                raise
            except BaseException as error:
                self._error = error
                # Before the pipe is closed, or the program would see a regular end of its input.
                if self._kills and self._process.returncode is None:
                    session.send(self._process, signal.SIGKILL)

    def stop(self) -> None:
        """Feed it no more."""
        self._stopped = True

    def finish(self) -> None:
        """Wait for the end of the copying. Raises what reading the stream has raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
