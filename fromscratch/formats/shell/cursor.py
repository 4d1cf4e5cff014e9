"""A place in the text of a script: what stands there, in which line, and how deep it is nested."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex

LEVELS = 40
"""The nesting levels that a script may have; each takes about ten calls."""
_BLANKS = lazy_regex(r"(?:[ \t]|\\\n)+")
_COMMENT = lazy_regex(r"#[^\n]*")


class Cursor:
    """`text` from `position` on; `first_line` is the line of the script in which `text` begins."""

    def __init__(self, text: str, first_line: int = 1, depth: int = 0) -> None:
        self.text, self.position, self.depth = text, 0, depth
        self._first_line = first_line
        self._newlines = [place for place, char in enumerate(text) if char == "\n"]

    @property
    def line(self) -> int:
        """The line of the present position."""
        return self.line_at(self.position)

    def line_at(self, position: int) -> int:
        """The line of a position."""
        return self._first_line + bisect_left(self._newlines, position)

    def char(self) -> str:
        """The next character, behind any continuation of the line; empty at the end."""
        while self.text.startswith("\\\n", self.position):
            self.position += 2
        return self.text[self.position : self.position + 1]

    def at(self, text: str) -> bool:
        """Whether this text comes next."""
        return self._behind(text) >= 0

    def accept(self, text: str) -> bool:
        """Go behind this text if it comes next."""
        end = self._behind(text)
        if end >= 0:
            self.position = end
        return end >= 0

    def expect(self, text: str, opened: str, line: int) -> None:
        """Go behind `text`, which closes what `opened` began in that line."""
        if not self.accept(text):
            raise self.failed(f"{opened} in line {line} has no {text}")

    def blanks(self) -> None:
        """Go behind blanks, and a comment after them."""
        if found := _BLANKS.match(self.text, self.position):
            self.position = found.end()
        if found := _COMMENT.match(self.text, self.position):
            self.position = found.end()

    def unexpected(self) -> FormatError:
        """The error that what comes next cannot stand here."""
        char = self.char()
        what = "the end of the script" if not char else "the end of the line" if char == "\n" else self._piece()
        return self.failed(f"{what} cannot stand here")

    def failed(self, message: str) -> FormatError:
        """An error in the present line."""
        return FormatError(f"line {self.line}: {message}", "fix the script; a shell refuses it too")

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper. Raises FormatError where a script goes too deep."""
        self.depth += 1
        if self.depth > LEVELS:
            raise self.failed(f"the script is nested deeper than {LEVELS} levels")
        yield
        self.depth -= 1

    def _behind(self, text: str) -> int:
        """The position behind `text` if it comes next, which may have continuations in it; -1 otherwise."""
        self.char()
        start = end = self.position
        for char in text:
            if self.char() != char:
                end = -1
                break
            self.position += 1
            end = self.position
        self.position = start
        return end

    def _piece(self) -> str:
        rest = self.text[self.position : self.position + 40].split(None, 1)
        return rest[0] if rest else repr(self.char())
