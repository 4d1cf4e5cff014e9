"""Bars for many transfers at once: one for all of them, and one for each that is large."""

import threading
from typing import Protocol

from fromscratch.progress import Task

OWN_BAR = 16 << 20
"""From this size on, one of several transfers has a bar of its own."""


def known_sum(sizes: dict[str, int | None]) -> int | None:
    """The sum, if all of them are known."""
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if len(known) == len(sizes) else None


class Watcher(Protocol):
    """Who is told how far one transfer is."""

    def expect(self, total: int) -> None: ...

    def reach(self, position: int) -> None: ...

    def say(self, text: str) -> None: ...


class Meter:
    """Adds up many files for one bar, whose total is told as soon as every file's is known."""

    def __init__(self, task: Task, sizes: dict[str, int | None]) -> None:
        self._task = task
        self._sizes = sizes
        self._lock = threading.Lock()

    def expect(self, key: str, size: int) -> None:
        with self._lock:
            if self._sizes[key] == size:
                return
            self._sizes[key] = size
            total = known_sum(self._sizes)
        if total is not None:
            self._task.expect(total)

    def advance(self, amount: int) -> None:
        self._task.advance(amount)

    def describe(self, text: str) -> None:
        self._task.describe(text)


class Share:
    """One file's share in the bar of all, and its own bar if it has one."""

    def __init__(self, meter: Meter, key: str, title: str, own: Task | None) -> None:
        self._meter = meter
        self._key = key
        self._title = title
        self._own = own
        self._furthest = 0

    def expect(self, total: int) -> None:
        self._meter.expect(self._key, total)
        if self._own:
            self._own.expect(total)

    def reach(self, position: int) -> None:
        # A file that starts anew stands still on the bar until it is where it was.
        new = position - self._furthest
        if new <= 0:
            return
        if not self._furthest:
            self._meter.describe(self._title)
        self._furthest = position
        self._meter.advance(new)
        if self._own:
            self._own.advance(new)

    def say(self, text: str) -> None:
        self._meter.describe(f"{self._title}: {text}")
