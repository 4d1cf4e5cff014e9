"""Work counted in steps, so that no test of how work grows depends on a clock.

A step is a line of Python, or one more round of a loop within it. What a compiled pattern looks through counts by its
length, for that is done in one step.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType, ModuleType
from typing import Any

import pytest

from fromscratch.lazy_regex import lazy_regex

GROWTH = 8


class Steps:
    """How many were counted."""

    def __init__(self) -> None:
        self.count = 0

    def _trace(self, frame: FrameType, event: str, _given: object) -> Any:
        self.count += 1
        return self._trace

    @contextmanager
    def counting(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)


_LAZY_PATTERN = type(lazy_regex(""))


class Watched:
    """A pattern whose way through a text is counted."""

    def __init__(self, pattern: "re.Pattern[Any]", steps: list[Steps]) -> None:
        self._pattern, self._steps = pattern, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def _looked(self, found: Any, text: Any, start: int, end: int | None) -> Any:
        last = min(len(text), len(text) if end is None else end)
        for steps in self._steps:
            steps.count += max(0, (found.end() if found else last) - start)
        return found

    def search(self, text: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        return self._looked(self._pattern.search(text, pos, endpos), text, pos, endpos)

    def match(self, text: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        found = self._pattern.match(text, pos, endpos)
        return self._looked(found, text, pos, endpos) if found else found

    def finditer(self, text: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        self._looked(None, text, pos, endpos)
        return self._pattern.finditer(text, pos, endpos)

    def findall(self, text: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        self._looked(None, text, pos, endpos)
        return self._pattern.findall(text, pos, endpos)

    def sub(self, by: Any, text: Any, count: int = 0) -> Any:
        self._looked(None, text, 0, None)
        return self._pattern.sub(by, text, count)

    def split(self, text: Any, maxsplit: int = 0) -> Any:
        self._looked(None, text, 0, None)
        return self._pattern.split(text, maxsplit)


def steps_of(work: Callable[[], object], *modules: ModuleType) -> int:
    """How many steps it takes, with those of the patterns that the modules hold."""
    steps = Steps()
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            for name, value in vars(module).copy().items():
                if isinstance(value, re.Pattern | _LAZY_PATTERN):
                    patch.setattr(module, name, Watched(value, [steps]))
        with steps.counting():
            work()
    return steps.count


def check_growth(work: Callable[[int], object], size: int, *modules: ModuleType) -> None:
    """Fails where work on eight times the size takes more than twelve times the steps: not 64, as with the square."""
    work(size)  # what is only done the first time
    few, many = (steps_of(partial(work, each), *modules) for each in (size, GROWTH * size))
    assert many < 1.5 * GROWTH * few, f"{size}: {few} steps, {GROWTH * size}: {many} steps"
