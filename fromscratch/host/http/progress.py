"""Bars for many transfers at once: one for all of them, and one for each that is large."""

import threading
from typing import Protocol

from fromscratch.progress import Task

OWN_BAR = 16 << 20
"""From this size on, one of several transfers has a bar of its own."""


def known_sum(sizes: dict[str, int | None]) -> int | None:
    """The sum of all sizes; None if one is unknown."""
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if len(known) == len(sizes) else None


class Watcher(Protocol):
    """Receives how far one transfer is."""

    def expect(self, total: int) -> None: ...

    def reach(self, position: int) -> None: ...

    def say(self, text: str) -> None: ...


class TotalProgress:
    """One bar for many files. It has a total as soon as the size of each file is known."""

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


class FileProgress:
    """The progress of one file, on the common bar and on its own if it has one."""

    def __init__(self, total_progress: TotalProgress, key: str, title: str, own_bar: Task | None) -> None:
        self._total = total_progress
        self._key = key
        self._title = title
        self._own_bar = own_bar
        self._furthest = 0

    def expect(self, total: int) -> None:
        self._total.expect(self._key, total)
        if self._own_bar:
            self._own_bar.expect(total)

    def reach(self, position: int) -> None:
        # After a restart the bar stands still until the file is as far as it was.
        new = position - self._furthest
        if new <= 0:
            return
        if not self._furthest:
            self._total.describe(self._title)
        self._furthest = position
        self._total.advance(new)
        if self._own_bar:
            self._own_bar.advance(new)

    def say(self, text: str) -> None:
        self._total.describe(f"{self._title}: {text}")
