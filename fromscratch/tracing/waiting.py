"""Recording until an interruption or an end, with counts of what has been seen so far."""

import contextlib
import time
from collections.abc import Callable

from fromscratch.progress import Progress
from fromscratch.tracing.recording import Recording

_GLANCE = 0.5  # seconds between two looks


def until_stopped(is_running: Callable[[], bool], recording: Recording, progress: Progress, notice: str) -> None:
    """Until Ctrl-C, or until `is_running` is False; `notice` says when that may come."""
    seen = 0
    with contextlib.suppress(KeyboardInterrupt), progress.task("recording", unit="events") as task:
        progress.note(notice)
        while is_running():
            time.sleep(_GLANCE)
            count = recording.count()
            task.advance(count - seen)
            seen = count
