"""Interruptions that wait for a moment: a program that is being started must be known before it can be ended."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


class Hold:
    """Keeps signals that this process handles from the main thread, until `release` or the end of the block."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            try:
                for number in _NUMBERS:
                    handler = signal.getsignal(number)
                    # What is ignored stays so in a program that is started, and what is left to the system ends us.
                    if callable(handler):
                        self._handlers[number] = handler
                        signal.signal(number, self._note)
            except BaseException:
                self.release()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let through what came meanwhile, and all that comes from now on."""
        for number in list(self._handlers):
            signal.signal(number, self._handlers[number])
            self._handlers.pop(number, None)  # only now: the first of them may have interrupted us
        while self._came:
            signal.raise_signal(self._came.pop())

    def _note(self, number: int, _frame: object) -> None:
        self._came.append(number)
