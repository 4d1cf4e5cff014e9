"""Worker threads that run jobs in the order in which they are submitted.

concurrent.futures does the same; importing it takes as long as packing a small image, and each of
its futures as long as hashing a tenth of a block.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Job(Generic[Result]):
    """A call that a worker makes; `result` waits for it, and raises what it raised."""

    __slots__ = ("_arguments", "_done", "_error", "_result", "_work")

    def __init__(self, work: Callable[..., Result], arguments: tuple[Any, ...]) -> None:
        self._work, self._arguments = work, arguments
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._done = Lock()
        self._done.acquire()

    def run(self) -> None:
        arguments, self._arguments = self._arguments, ()  # release them early: they may be large
        try:
            self._result = self._work(*arguments)
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


class Workers:
    """Up to `count` threads, which run jobs in the order of `submit`; one thread finishes them in that order too.

    A thread starts with each of the first jobs. Leaving the context waits for all jobs.
    """

    def __init__(self, count: int, name: str) -> None:
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        # Daemon threads, so that an interrupted program can end.
        self._threads = [Thread(target=self._work, name=f"{name}_{number}", daemon=True) for number in range(count)]
        self._running: list[Thread] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._running:
            self._jobs.put(None)
        for thread in self._running:
            if thread.is_alive():
                thread.join()

    def submit(self, work: Callable[..., Result], *arguments: Any) -> Job[Result]:
        if self._threads:
            self._start(self._threads.pop())
        job = Job(work, arguments)
        if self._running:
            self._jobs.put(job)
        else:
            job.run()
        return job

    def _start(self, thread: Thread) -> None:
        """Start one more thread; if the machine allows no more, the running ones or `submit` do the work."""
        # Record the thread before starting it: otherwise an interrupt in between leaves one stop marker too few.
        self._running.append(thread)
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            if thread.ident is None:
                self._running.remove(thread)
                self._threads.clear()
                return
            raise

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
