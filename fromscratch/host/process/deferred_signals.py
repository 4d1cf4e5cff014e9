"""Signals that wait while a program is being started: an interruption can end only a program that is known."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


class DeferredSignals:
    """Defers the signals that this process handles, until `release` or the end of the block.

    Only the main thread handles signals; in any other this does nothing.
    """

    def __init__(self) -> None:
        self._pending: list[int] = []
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            try:
                for number in _NUMBERS:
                    handler = signal.getsignal(number)
                    # Ignored signals stay ignored, in the program too; those with the default action end this process.
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
        """Deliver the signals that came meanwhile, and no longer defer any."""
        for number in list(self._handlers):
            signal.signal(number, self._handlers[number])
            self._handlers.pop(number, None)  # not before it is restored: a signal may interrupt between the two
        while self._pending:
            signal.raise_signal(self._pending.pop())

    def _note(self, number: int, _frame: object) -> None:
        self._pending.append(number)
