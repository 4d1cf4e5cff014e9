"""Progress on a terminal: bars while it is one; where it is not, a line for each piece that lasts, and at its end."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from fromscratch.cli.output.settings import spelled
from fromscratch.progress import Task

_WORTH_A_LINE = 0.5
_WORTH_A_BAR = 0.2  # seconds, after which both are shown even for work that has reported nothing yet


class Bars:
    """Draws on standard error, so that results on standard output stay clean."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._terminal = sys.stderr.isatty()

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        if self._terminal and not self._quiet:
            return _drawn(title, total, unit)
        return self._lines(title, total, unit)

    def note(self, text: str) -> None:
        if self._quiet:
            return
        with self._lock, suppress(OSError):  # a full or closed standard error ends no work
            text = spelled(text)
            if "tqdm" in sys.modules:  # bars may be on the screen: write above them
                sys.modules["tqdm"].tqdm.write(text, file=sys.stderr)
            else:
                print(text, file=sys.stderr, flush=True)

    @contextmanager
    def _lines(self, title: str, total: int | None, unit: str) -> Iterator[Task]:
        counter = _Counter(self, title, total, unit)
        began = time.monotonic()
        with _after(_WORTH_A_LINE, lambda: self.note(f"{title} …")):
            yield counter
        seconds = time.monotonic() - began
        if seconds >= _WORTH_A_LINE:
            amount = f" {counter.done / 1e6:.1f} MB" if unit == "B" and counter.done else ""
            self.note(f"{title}:{amount} in {seconds:.1f} s")


class _Counter:
    """Progress without a terminal: each step is a line, bytes are one line at the end."""

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
    bar = _Bar(title, total, unit)
    try:
        with _after(_WORTH_A_BAR, bar.show):
            yield bar
    finally:
        bar.close()


@contextmanager
def _after(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Call a function once if the block lasts longer: a silent server would otherwise give no sign of life."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    with suppress(RuntimeError):  # no further thread can be started, and the work goes on without
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Bar:
    """A bar that appears when the work has lasted a moment, so that quick work neither flickers nor loads tqdm."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._done, self._text = 0, ""
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._closed = False
        self._bar: Any = None

    def show(self) -> None:
        with self._lock:
            if not self._closed:
                self._shown(now=True)

    def advance(self, amount: int) -> None:
        with self._lock:
            self._done += amount
            if (bar := self._shown()) is not None:
                bar.update(self._done - bar.n)

    def describe(self, text: str) -> None:
        with self._lock:
            self._text = text[:60]
            if (bar := self._shown()) is not None:
                bar.set_postfix_str(self._text)

    def expect(self, total: int) -> None:
        with self._lock:
            self._total = total
            if (bar := self._shown()) is not None:
                bar.total = total
                bar.refresh()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.close()

    def _shown(self, *, now: bool = False) -> Any:
        if self._bar is None and (now or time.monotonic() - self._began >= _WORTH_A_BAR):
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._total,
                initial=self._done,
                desc=self._title,
                postfix=self._text,
                unit="B" if self._unit == "B" else f" {self._unit}",
                unit_scale=self._unit == "B",
                bar_format="{desc} [{elapsed}{postfix}]" if self._unit == "steps" and not self._total else None,
                leave=False,
                file=sys.stderr,
                dynamic_ncols=True,
            )
        return self._bar
