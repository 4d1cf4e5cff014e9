"""Progress on a terminal: bars while it is one, a line for each finished piece where it is not."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from fromscratch.progress import Task

_WORTH_A_LINE = 0.5


class Bars:
    """Draws on standard error, so that results on standard output stay clean."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._terminal = sys.stderr.isatty()

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        if self._terminal and not self._quiet:
            return _drawn(title, total, unit)
        return self._told(title, total, unit)

    def note(self, text: str) -> None:
        if self._quiet:
            return
        with self._lock:
            if "tqdm" in sys.modules:  # bars may be on the screen: write above them
                sys.modules["tqdm"].tqdm.write(text, file=sys.stderr)
            else:
                print(text, file=sys.stderr, flush=True)

    @contextmanager
    def _told(self, title: str, total: int | None, unit: str) -> Iterator[Task]:
        counter = _Counter(self, title, total, unit)
        started = time.monotonic()
        yield counter
        seconds = time.monotonic() - started
        if seconds >= _WORTH_A_LINE:
            amount = f" {counter.done / 1e6:.1f} MB" if unit == "B" and counter.done else ""
            self.note(f"{title}:{amount} in {seconds:.1f} s")


class _Counter:
    """A piece of work where nobody watches: its steps are lines, its bytes one line at the end."""

    def __init__(self, bars: Bars, title: str, total: int | None, unit: str) -> None:
        self._bars, self._title, self._total, self._unit = bars, title, total, unit
        self._lock = threading.Lock()
        self.done = 0

    def advance(self, amount: int) -> None:
        with self._lock:
            self.done += amount

    def describe(self, text: str) -> None:
        if self._unit != "B":
            of = f"/{self._total}" if self._total else ""
            self._bars.note(f"{self._title} [{self.done}{of}] {text}")

    def expect(self, total: int) -> None:
        self._total = total


@contextmanager
def _drawn(title: str, total: int | None, unit: str) -> Iterator[Task]:
    from tqdm import tqdm

    with tqdm(
        total=total,
        desc=title,
        unit="B" if unit == "B" else f" {unit}",
        unit_scale=unit == "B",
        unit_divisor=1000,
        leave=False,
        file=sys.stderr,
        dynamic_ncols=True,
        delay=0.2,
        miniters=1,
    ) as bar:
        yield _Bar(bar)


class _Bar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        with self._lock:
            self._bar.update(amount)

    def describe(self, text: str) -> None:
        with self._lock:
            self._bar.set_postfix_str(text[:60], refresh=True)

    def expect(self, total: int) -> None:
        with self._lock:
            self._bar.total = total
            self._bar.refresh()
