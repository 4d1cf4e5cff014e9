"""Giving a program its input and collecting what it writes, within bounds, until it has ended."""

import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

LIMIT = 1 << 20
_BLOCK = 1 << 16
_LINGER = (
    0.3  # seconds to wait for the end of a stream after that of the program: what it left running may keep it open
)


class Tail:
    """The last `limit` bytes that were added."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._size = limit, 0
        self._blocks: deque[bytes] = deque()
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        with self._lock:
            self._blocks.append(data)
            self._size += len(data)
            while self._size - len(self._blocks[0]) >= self._limit:
                self._size -= len(self._blocks.popleft())

    def content(self) -> bytes:
        with self._lock:
            return b"".join(self._blocks)[-self._limit :]


class Exchange:
    """The talk with one program. `outputs` are pipes to read, `ends` becomes readable when the program has ended."""

    def __init__(self, data: bytes, stdin: int, outputs: Sequence[int], ends: int) -> None:
        self._data, self._stdin, self._ends = memoryview(data), stdin, ends
        self.open = set(outputs)
        self.written = {handle: Tail() for handle in outputs}

    def follow(self, deadline: float) -> bool:
        """Copy until the program has ended; False if it has not at that time of the monotonic clock."""
        ended = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._ends, selectors.EVENT_READ)
            for handle in self.open:
                selector.register(handle, selectors.EVENT_READ)
            if self._stdin >= 0:
                os.set_blocking(self._stdin, False)
                selector.register(self._stdin, selectors.EVENT_WRITE)
            while not ended or self.open:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    break
                for key, _ in ready:
                    if key.fd == self._ends:
                        ended, deadline = True, time.monotonic() + _LINGER
                        selector.unregister(key.fd)
                    elif not (self._write() if key.fd == self._stdin else self._read(key.fd)):
                        selector.unregister(key.fd)
                        self._close(key.fd)
        return ended

    def _write(self) -> bool:
        try:
            self._data = self._data[os.write(self._stdin, self._data[:_BLOCK]) :]
        except BlockingIOError:
            return True
        except OSError:  # EPIPE: the program has closed its input
            return False
        return bool(self._data)

    def _read(self, handle: int) -> bool:
        data = os.read(handle, _BLOCK)
        self.written[handle].add(data)
        return bool(data)

    def _close(self, handle: int) -> None:
        os.close(handle)
        self.open.discard(handle)
        if handle == self._stdin:
            self._stdin = -1

    def close(self) -> list[int]:
        """Close the input; the answer is the outputs that are open still, for the caller to close."""
        if self._stdin >= 0:
            self._close(self._stdin)
        left, self.open = list(self.open), set()
        return left


def drain(handle: int, tail: Tail | None = None) -> None:
    """Read to the end and close: a program that writes on must not get SIGPIPE."""
    with suppress(OSError):
        while data := os.read(handle, _BLOCK):
            if tail is not None:
                tail.add(data)
    os.close(handle)


def discard(handles: Sequence[int]) -> None:
    """Drain them from now on, each in a thread that ends with its last writer."""
    for handle in handles:
        threading.Thread(target=drain, args=(handle,), daemon=True).start()
