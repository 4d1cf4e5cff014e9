"""Connecting the caller's terminal with the terminal of a container."""

import fcntl
import os
import select
import signal
import socket
import struct
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_BLOCK = 1 << 16
_PAUSE = 0.2  # seconds between two checks whether this process is in the foreground again


class Bridge:
    """Copies input from the caller's terminal to the container's, and output back.

    With input and output at the terminal, it is set to raw, and every key goes through. With only one of them there,
    as in a pipeline, it keeps its settings, which other programs use as well, and whole lines go through.
    """

    def __init__(self, terminals: tuple[int, ...], channel: socket.socket) -> None:
        self._terminal, self._output = terminals[0], next((one for one in (1, 2) if one in terminals), terminals[0])
        self._input = 0 in terminals
        self._raw = {0, 1} <= set(terminals)
        self._state: list[Any] | None = None
        self._channel, self._master = channel, -1
        self._ended, self._end = os.pipe()
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Start to copy, in threads."""
        self._start(self._serve)

    def end(self) -> None:
        """Copy the rest, and restore the state of the terminal."""
        os.close(self._end)
        for thread in self._threads:
            thread.join()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        with suppress(OSError, termios.error):
            if self._state is not None:
                termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._state)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})
        for handle in (self._master, self._ended):
            if handle >= 0:
                os.close(handle)
        self._channel.close()

    def resized(self) -> None:
        """Give the container's terminal the size of the caller's."""
        with suppress(OSError):
            size = fcntl.ioctl(self._terminal, termios.TIOCGWINSZ, struct.pack("4H", 0, 0, 0, 0))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def resumed(self) -> None:
        """Set the terminal to raw again when this process is brought to the foreground."""
        if self._raw and self._master >= 0 and self._in_foreground():
            with suppress(OSError, termios.error):
                self._state = self._state or termios.tcgetattr(self._terminal)
                tty.setraw(self._terminal, termios.TCSADRAIN)
        self.resized()

    def _start(self, what: Callable[[], None]) -> None:
        thread = threading.Thread(target=what, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            _, handles, _, _ = socket.recv_fds(self._channel, 1, 1)
            if not handles:  # the container ended before it had a terminal
                return
            self._master = handles[0]
            os.set_inheritable(self._master, False)
            self._copy_settings()
            self.resumed()
            if self._input:
                self._start(self._copy_input)
            self._channel.send(b"g")
        self._copy_output()

    def _copy_settings(self) -> None:
        """Give the container's terminal the caller's settings; only one of them may echo and process the output."""
        with suppress(OSError, termios.error):
            settings = termios.tcgetattr(self._terminal)
            if not self._raw:
                settings[1] &= ~termios.OPOST
                settings[3] &= ~(termios.ECHO | termios.ECHOCTL)
            termios.tcsetattr(self._master, termios.TCSANOW, settings)

    def _copy_output(self) -> None:
        with suppress(OSError):  # EIO: the last process of the container has closed its side
            while data := os.read(self._master, _BLOCK):
                write(self._output, data)

    def _copy_input(self) -> None:
        with suppress(OSError):
            while self._ended not in select.select([0, self._ended], [], [])[0]:
                if not self._in_foreground():  # in the background, reading would stop this process
                    select.select([self._ended], [], [], _PAUSE)
                    continue
                data = os.read(0, _BLOCK)
                if not data and self._raw:
                    return
                write(self._master, data or termios.tcgetattr(self._master)[6][termios.VEOF])

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:  # not the controlling terminal, so reading from it stops nobody
            return True


def write(handle: int, data: bytes) -> None:
    """Write all of it, however little is taken at once. Raises OSError."""
    while data:
        data = data[os.write(handle, data) :]
