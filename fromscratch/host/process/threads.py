"""Work side by side in threads that never keep the program from ending."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Stopped(Exception):
    """Work was told to stop; what it has brought so far is kept."""


def each(
    items: Sequence[Item], work: Callable[[Item], Result], jobs: int, stop: Callable[[], None], grace: float = 2.0
) -> list[Result]:
    """`work` of every item, at most `jobs` at once, in the order of `items`.

    The first failure, or an interruption of the caller, is raised when `stop` has been called and the
    others have had `grace` seconds to end. Threads that are stuck for longer (in the resolution of a
    name, for instance) are left behind as daemons, which end with the program: this is why it is no
    concurrent.futures pool, whose threads are waited for without end.
    """
    todo: SimpleQueue[tuple[int, Item]] = SimpleQueue()
    done: SimpleQueue[tuple[int, Result | None, BaseException | None]] = SimpleQueue()
    for pair in enumerate(items):
        todo.put(pair)

    def labour() -> None:
        while True:
            try:
                place, item = todo.get_nowait()
            except Empty:
                return
            try:
                done.put((place, work(item), None))
            except BaseException as error:
                done.put((place, None, error))
                return

    threads = [threading.Thread(target=labour, daemon=True) for _ in range(min(jobs, len(items)))]
    results: dict[int, Result] = {}
    try:
        _start(threads, labour)
        for _ in items:
            place, result, error = done.get()
            if error is not None:
                raise error
            results[place] = result  # type: ignore[assignment]  # a Result, as there was no error
    except BaseException:
        _end(threads, todo, stop, grace)
        raise
    for thread in threads:
        if thread.ident is not None:
            thread.join()
    return [results[place] for place in range(len(items))]


def _start(threads: Sequence[threading.Thread], labour: Callable[[], None]) -> None:
    """Start them; where the machine allows no further one, those that there are do the work, or the caller."""
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:
            if thread.ident is not None:
                raise
            if thread is threads[0]:
                labour()
            return


def _end(
    threads: Sequence[threading.Thread], todo: SimpleQueue[tuple[int, Item]], stop: Callable[[], None], grace: float
) -> None:
    while not todo.empty():
        try:
            todo.get_nowait()
        except Empty:
            break
    stop()
    for thread in threads:
        if thread.ident is not None:
            thread.join(grace / len(threads))
