"""How the work of a function grows with its input: a ratio of processor times, which no busy machine changes much.

For work inside one call of compiled code, as when a pattern goes back and forth in a text: nothing of it can be counted
from outside. Whatever Python itself goes through is counted in steps, without any clock: see tests/steps.py.
"""

import time
from collections.abc import Callable


def growth(work: Callable[[int], object], size: int, times: int = 8) -> float:
    """How many times longer `work` takes for `times` the size: about `times` if it is linear."""
    return _least(lambda: work(size * times)) / _least(lambda: work(size))


def _least(work: Callable[[], object]) -> float:
    return min(_cpu_time(work) for _ in range(3))


def _cpu_time(work: Callable[[], object]) -> float:
    start = time.process_time_ns()
    work()
    return max(1, time.process_time_ns() - start)
