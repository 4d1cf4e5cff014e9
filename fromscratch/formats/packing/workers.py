"""Threads that do pieces of work handed to them one by one.

concurrent.futures does the same; importing it takes as long as packing a small image, and each of
its futures as long as hashing a tenth of a block.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Errand(Generic[Result]):
    """One piece of work; `result` waits for it, and raises what it raised."""

    __slots__ = ("_done", "_error", "_given", "_result", "_work")

    def __init__(self, work: Callable[..., Result], given: tuple[Any, ...]) -> None:
        self._work, self._given = work, given
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._done = Lock()
        self._done.acquire()

    def run(self) -> None:
        given, self._given = self._given, ()  # it may be large, and is not needed twice
        try:
            self._result = self._work(*given)
        except BaseException as error:
            self._error = error
        finally:
            self._done.release()

    def result(self) -> Result:
        self._done.acquire()
        self._done.release()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # a Result, as there was no error


class Labour:
    """`count` threads, which take errands in the order of `give`: with one thread, that is the order of the work.

    They start with the first errand. Leaving the context waits for what has been given.
    """

    def __init__(self, count: int, name: str) -> None:
        self._errands: SimpleQueue[Errand[Any] | None] = SimpleQueue()
        # As daemons they cannot keep a program from ending that is interrupted here.
        self._threads = [Thread(target=self._work, name=f"{name}_{number}", daemon=True) for number in range(count)]
        self._started: list[Thread] = []

    def __enter__(self) -> "Labour":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._started:
            self._errands.put(None)
        for thread in self._started:
            if thread.is_alive():
                thread.join()

    def give(self, work: Callable[..., Result], *given: Any) -> Errand[Result]:
        if self._threads:
            self._start(self._threads.pop())
        errand = Errand(work, given)
        if self._started:
            self._errands.put(errand)
        else:
            errand.run()
        return errand

    def _start(self, thread: Thread) -> None:
        """Start one more; where the machine allows no further one, those that there are do the work, or the giver."""
        # In this order: one that an interruption starts unseen would take the end that was meant for another.
        self._started.append(thread)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            if thread.ident is None:
                self._started.remove(thread)
                self._threads.clear()
                return
            raise

    def _work(self) -> None:
        while (errand := self._errands.get()) is not None:
            errand.run()
