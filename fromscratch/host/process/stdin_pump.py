"""Copying a stream into the standard input of a program while it runs."""

import contextlib
import signal
import subprocess
import threading
from typing import IO, BinaryIO, cast

from fromscratch.host.process import session


class Feeder:
    """Copies a stream into a program's standard input, in a thread, so that its output can be read meanwhile.

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
        """Start to feed a program whose input is a pipe. Only this object closes the pipe from now on."""
        self._pipe, process.stdin = cast(IO[bytes], process.stdin), None
        self._thread = threading.Thread(target=self._copy, args=(self._pipe, process), daemon=True)
        self._thread.start()

    def _copy(self, pipe: IO[bytes], process: subprocess.Popen[bytes]) -> None:
        # BrokenPipeError: a program may succeed without reading everything, as tar does after the end of an archive;
        # its exit code decides. ValueError: `stop` has closed the pipe before the first piece.
        with contextlib.suppress(BrokenPipeError, ValueError), pipe:
            try:
                while not self._stopped and (piece := self._source.read(1 << 20)):
                    pipe.write(piece)
            except BrokenPipeError:
                raise
            except BaseException as error:
                self._error = error
                # Kill it before the pipe is closed: otherwise the program would see a regular end of its input.
                if self._kills and process.returncode is None:
                    session.send(process, signal.SIGKILL)

    def stop(self) -> None:
        """End the program's input. Works as well if `start` was interrupted half-way."""
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
