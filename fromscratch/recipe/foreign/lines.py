"""The lines of a declaration that is no YAML, part by part, and what became of each."""

from collections.abc import Iterable
from typing import Protocol

from fromscratch.recipe.foreign.contract import LeftOut, quoted


class Part(Protocol):
    """An instruction or setting, by its first and last line."""

    @property
    def line(self) -> int: ...

    @property
    def last(self) -> int: ...


class Place:
    """A part that was carried over, or can be left out."""

    def __init__(self, lines: "Lines", part: Part) -> None:
        self._lines, self._part = lines, part

    def take(self) -> None:
        self._lines.take(self._part)

    def leave_out(self, why: str, *, remark: bool = False) -> None:
        self._lines.leave_out(self._part, self._part, why, remark=remark)


class Lines:
    """Which parts were carried over; one that nobody took is left out as unknown."""

    def __init__(self, text: str, found: Iterable[Part], unknown: str, file: str = "") -> None:
        self._text, self._unknown, self._file = text.splitlines(), unknown, file
        self._open = {each.line: each for each in found}
        self._entries: set[LeftOut] = set()
        self._quotes: dict[int, str] = {}

    def place(self, part: Part) -> Place:
        return Place(self, part)

    def take(self, part: Part) -> None:
        self._open.pop(part.line, None)

    def leave_out(self, first: Part, last: Part, why: str, *, remark: bool = False) -> None:
        within = range(first.line, last.line + 1)
        for line in within if len(within) < len(self._open) else [*self._open]:
            if line in within:
                self._open.pop(line, None)
        self._entries.add(LeftOut(self._file, first.line, last.last, self._quoted(first.line), why, remark))

    def entries(self) -> list[LeftOut]:
        rest = [
            LeftOut(self._file, each.line, each.last, self._quoted(each.line), self._unknown)
            for each in self._open.values()
        ]
        return sorted({*self._entries, *rest})

    def _quoted(self, line: int) -> str:
        """The first line of a part, read once: a line of many words has a remark for each of them."""
        if line not in self._quotes:
            self._quotes[line] = quoted(self._text[line - 1])
        return self._quotes[line]
