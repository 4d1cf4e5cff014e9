"""Asking a server that may still be starting: again and again, until it answers, its time is over, or it has ended."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
# What an earlier check has started in the background may listen a moment after the image's own command has ended.
_AFTER_THE_END = 1.0


class NotYet(Exception):
    """There was no answer, and there may be one later; the text says why."""


class GaveUp(Exception):
    """There was no answer to the end; the text says why, and for how long it was tried."""


def answered(attempt: Callable[[float], T], is_running: Callable[[], bool], seconds: float) -> T:
    """What `attempt` returns, which is given the seconds that are left, and raises NotYet to be tried again.

    Raises GaveUp when the time is over, or soon after the image's own command has ended.
    """
    start = time.monotonic()
    end, over = start + seconds, False
    for pause in pauses():
        try:
            return attempt(max(0.01, end - time.monotonic()))
        except NotYet as reason:
            now = time.monotonic()
            if now >= end:
                after = "after the image's own command had ended" if over else f"for {round(now - start, 1):g} seconds"
                raise GaveUp(f"{reason} {after}") from reason
            if not over and not is_running():
                over, end = True, min(end, now + _AFTER_THE_END)
        time.sleep(max(0.0, min(pause, end - time.monotonic())))
    raise AssertionError("pauses never end")


def pauses() -> Iterator[float]:
    """The seconds between attempts, without end: longer each time, up to half a second."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)
