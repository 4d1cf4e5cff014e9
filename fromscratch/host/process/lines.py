"""The lines that a program writes, as they come, and a clock that goes on while it is silent."""

import os
import select
import time
from collections.abc import Callable, Iterator
from typing import IO

from fromscratch.digest import CHUNK

_TICK = 1.0  # seconds


def lines(stream: IO[bytes], tick: Callable[[], object] | None) -> Iterator[bytes]:
    """The lines as they come, the last one perhaps without its end; `tick` is called about once a second."""
    if tick is None:
        yield from stream
        return
    poll = select.poll()
    poll.register(stream)
    pending, due = bytearray(), time.monotonic() + _TICK
    while True:
        if (now := time.monotonic()) >= due:
            tick()
            due = now + _TICK
        if not poll.poll((due - now) * 1000 if due > now else 0):
            continue
        piece = os.read(stream.fileno(), CHUNK)
        pending += piece
        if b"\n" in piece:
            *whole, rest = bytes(pending).split(b"\n")
            pending = bytearray(rest)
            for line in whole:
                yield line + b"\n"
        if not piece:
            if pending:
                yield bytes(pending)
            return
