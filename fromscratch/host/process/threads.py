"""Work in parallel threads that never keep the program from ending."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


_Outcome = tuple[int, Result | None, BaseException | None]
"""The index of an item, and its result or its failure."""


class Stopped(Exception):
    """The work was stopped; what it has written so far stays."""


def each(
    items: Sequence[Item], work: Callable[[Item], Result], jobs: int, stop: Callable[[], None], grace: float = 2.0
) -> list[Result]:
    """`work` of every item, at most `jobs` at once, in the order of `items`.

    The first failure, or an interruption of the caller, is raised when `stop` has been called and the
    others have had `grace` seconds to end. Threads that are stuck for longer (in the resolution of a
    name, for instance) are left behind as daemons, which end with the program. A concurrent.futures pool
    would wait for them without end.
    """
    queue: SimpleQueue[tuple[int, Item]] = SimpleQueue()
    done: SimpleQueue[_Outcome[Result]] = SimpleQueue()
    for pair in enumerate(items):
        queue.put(pair)

    work_through_queue = partial(_work_through, queue, work, done)
    threads = [threading.Thread(target=work_through_queue, daemon=True) for _ in range(min(jobs, len(items)))]
    results: dict[int, Result] = {}
    try:
        _start(threads, work_through_queue)
        for _ in items:
            index, result, error = done.get()
            if error is not None:
                raise error
            results[index] = result  # type: ignore[assignment]  # a Result, as there was no error
    except BaseException:
        _end(threads, queue, stop, grace)
        raise
    for thread in threads:
        if thread.ident is not None:
            thread.join()
    return [results[index] for index in range(len(items))]


def _work_through(
    queue: SimpleQueue[tuple[int, Item]], work: Callable[[Item], Result], done: SimpleQueue[_Outcome[Result]]
) -> None:
    """Do the work of one item after the other, until none is left or one fails."""
    while True:
        try:
            index, item = queue.get_nowait()
        except Empty:
            return
        try:
            done.put((index, work(item), None))
        except BaseException as error:
            done.put((index, None, error))
            return


def _start(threads: Sequence[threading.Thread], work_through_queue: Callable[[], None]) -> None:
    """Start them; if the machine allows no further thread, those that run do all the work, or else the caller."""
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:
            if thread.ident is not None:
                raise
            if thread is threads[0]:
                work_through_queue()
            return


def _end(
    threads: Sequence[threading.Thread], queue: SimpleQueue[tuple[int, Item]], stop: Callable[[], None], grace: float
) -> None:
    while not queue.empty():
        try:
            queue.get_nowait()
        except Empty:
            break
    stop()
    for thread in threads:
        if thread.ident is not None:
            thread.join(grace / len(threads))
