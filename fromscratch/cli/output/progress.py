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
_WORTH_A_CLOCK = 3.0  # seconds that a step lasts before it is shown how long
_STILL_THERE = 60.0  # seconds between two lines of a step that goes on, where there is no bar


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
    """Progress without a terminal: each step is a line, and so is each minute of a long one; bytes are one line."""

    def __init__(self, bars: Bars, title: str, total: int | None, unit: str) -> None:
        self._bars, self._title, self._total, self._unit = bars, title, total, unit
        self._lock = threading.Lock()
        self._text, self._began = "", time.monotonic()
        self._said = self._began
        self.done = 0

    def advance(self, amount: int) -> None:
        with self._lock:
            self.done += amount

    def describe(self, text: str) -> None:
        self._text, self._began = text, time.monotonic()
        if self._unit != "B":
            self._say(text)

    def expect(self, total: int) -> None:
        self._total = total

    def pulse(self, text: str = "", left: float | None = None) -> None:
        now = time.monotonic()
        if now - self._said >= _STILL_THERE:
            self._say(", ".join(filter(None, (f"{self._text} {clock(now - self._began)}", text, remaining(left)))))

    def _say(self, text: str) -> None:
        self._said = time.monotonic()
        of = f"/{self._total}" if self._total else ""
        if self._unit == "work":
            self._bars.note(f"{self._title} [{100 * self.done // (self._total or 1)}%] {text}")
        else:
            self._bars.note(f"{self._title} [{self.done}{of}] {text}")


@contextmanager
def _drawn(title: str, total: int | None, unit: str) -> Iterator[Task]:
    bar = _Bar(title, total, unit)
    over = threading.Event()
    clock_hand = threading.Thread(target=_tick, args=(bar, over), daemon=True)
    with suppress(RuntimeError):  # no further thread can be started, and the work goes on without
        clock_hand.start()
    try:
        yield bar
    finally:
        over.set()
        bar.close()


def _tick(bar: "_Bar", over: threading.Event) -> None:
    """Show a bar once its work has lasted a moment, and move its clock: a silent server gives no sign of life."""
    pause = _WORTH_A_BAR
    while not over.wait(pause):
        bar.show()
        pause = 1.0


@contextmanager
def _after(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Call a function once if the block lasts longer."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    with suppress(RuntimeError):  # no further thread can be started, and the work goes on without
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


_FORMATS = {"steps": "{desc} [{elapsed}{postfix}]", "work": "{desc} {percentage:3.0f}%|{bar:10}| {elapsed}{postfix}"}


class _Bar:
    """A bar that appears when the work has lasted a moment, so that quick work neither flickers nor loads tqdm."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._done, self._text, self._pulse = 0, "", ""
        self._left: float | None = None
        self._began = self._step_began = time.monotonic()
        self._lock = threading.Lock()
        self._closed = False
        self._bar: Any = None

    def show(self) -> None:
        with self._lock:
            if not self._closed:
                bar = self._shown(now=True)
                bar.set_postfix_str(self._postfix(), refresh=False)
                bar.refresh()

    def advance(self, amount: int) -> None:
        with self._lock:
            self._done += amount
            if (bar := self._shown()) is not None:
                bar.update(self._done - bar.n)

    def describe(self, text: str) -> None:
        with self._lock:
            self._text, self._pulse, self._step_began = text[:60], "", time.monotonic()
            if (bar := self._shown()) is not None:
                bar.set_postfix_str(self._postfix())

    def pulse(self, text: str = "", left: float | None = None) -> None:
        with self._lock:
            self._pulse, self._left = text, left

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

    def _postfix(self) -> str:
        """What is left, the step and how long it lasts; first what matters most, as a narrow terminal cuts the end."""
        lasted = time.monotonic() - self._step_began
        step = f"{self._text} {clock(lasted)}" if self._text and lasted >= _WORTH_A_CLOCK else self._text
        return ", ".join(filter(None, (remaining(self._left), step, self._pulse)))

    def _shown(self, *, now: bool = False) -> Any:
        if self._bar is None and (now or time.monotonic() - self._began >= _WORTH_A_BAR):
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._total,
                initial=self._done,
                desc=self._title,
                postfix=self._postfix(),
                unit="B" if self._unit == "B" else f" {self._unit}",
                unit_scale=self._unit == "B",
                bar_format=_FORMATS.get(self._unit) if self._unit == "work" or not self._total else None,
                leave=False,
                file=sys.stderr,
                dynamic_ncols=True,
            )
            self._bar.start_t -= time.monotonic() - self._began
        return self._bar


def clock(seconds: float) -> str:
    """A duration as a clock has it: 0:05, 12:04, 1:23:45."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def remaining(seconds: float | None) -> str:
    """An estimate in words, no finer than estimates are."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(10, round(seconds, -1)):.0f} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 100 else f"about {minutes // 60} h {minutes % 60} min left"
