"""Lists of commands, pipelines, and definitions of functions (XCU 2.9.2, 2.9.3, 2.9.5)."""

from abc import abstractmethod
from typing import Literal

from fromscratch.formats.shell.simple import SimpleCommands
from fromscratch.formats.shell.syntax import AndOr, Command, Function, Pipeline, Sequence, Simple, Unknown
from fromscratch.lazy_regex import lazy_regex

_RESERVED = lazy_regex(
    r"(if|then|elif|else|fi|do|done|case|esac|while|until|for|function|select|[{}!])(?=[\s;&|()<>]|\\\n|\Z)"
)
_CLOSING = {"then", "elif", "else", "fi", "do", "done", "esac", "}"}
PARENTHESES = lazy_regex(r"[ \t]*\([ \t]*\)")
FUNCTION_NAME = lazy_regex(r"[^\s;&|()<>'\"$`\\=]+")


class Lists(SimpleCommands):
    """A reader of lists of commands, pipelines and definitions of functions."""

    def __init__(self, text: str, first_line: int = 1, depth: int = 0, *, bash: bool = False) -> None:
        super().__init__(text, first_line, depth, bash=bash)
        self._why: list[str] = []

    @abstractmethod
    def compound(self, word: str, line: int) -> Command | None:
        """The compound command that begins with this reserved word or parenthesis; None if none begins with it."""

    def unknown(self, why: str) -> None:
        self._why.append(why)

    def commands(self) -> Sequence:
        awaited, self.awaited = self.awaited, []
        found = self.sequence()
        self.awaited = awaited + self.awaited
        return found

    def sequence(self) -> Sequence:
        items: list[AndOr] = []
        self.empty_lines()
        while not self._at_end():
            item, more = self._and_or(), True
            self.blanks()
            if self.at(";;") or self.at(";&"):
                more = False
            elif self.accept("&"):
                item = AndOr(item.first, item.rest, background=True)
            elif not self.accept(";") and not self.newline():
                more = False
            items.append(item)
            if not more:
                break
            self.empty_lines()
        return Sequence(tuple(items))

    def some(self) -> Sequence:
        """Commands of which there must be one."""
        found = self.sequence()
        if not found.items:
            raise self.unexpected()
        return found

    def empty_lines(self) -> None:
        self.blanks()
        while self.newline():
            self.blanks()

    def _at_end(self) -> bool:
        char = self.char()
        return not char or char == ")" or self.at(";;") or self.at(";&") or self.reserved() in _CLOSING

    def reserved(self) -> str:
        """The reserved word that comes next, if one does."""
        self.char()
        found = _RESERVED.match(self.text, self.position)
        return found[1] if found else ""

    def word_of(self, reserved: str, opened: str, line: int) -> None:
        """Go behind a reserved word that must come next."""
        self.blanks()
        if self.reserved() != reserved:
            if not self.char():
                raise self.failed(f"{opened} in line {line} has no {reserved}")
            raise self.unexpected()
        self.position += len(reserved)

    def _and_or(self) -> AndOr:
        first, rest = self._pipeline(), list[tuple[Literal["&&", "||"], Pipeline]]()
        while True:
            self.blanks()
            operator: Literal["&&", "||"] | None = "&&" if self.accept("&&") else "||" if self.accept("||") else None
            if operator is None:
                return AndOr(first, tuple(rest))
            self.empty_lines()
            rest.append((operator, self._pipeline()))

    def _pipeline(self) -> Pipeline:
        negated = False
        while self.reserved() == "!":
            self.position += 1
            self.blanks()
            negated = not negated
        commands = [self.command()]
        while not self.at("||") and self.accept("|"):
            if self.bash and self.accept("&"):
                self.unknown("|& of bash")
            self.empty_lines()
            commands.append(self.command())
        return Pipeline(tuple(commands), negated)

    def command(self) -> Command:
        outer, self._why = self._why, []
        line, start = self.line, self.position
        found = self.compound("(" if self.at("(") else self.reserved(), line)
        if found is None:
            if self.reserved() in _CLOSING:
                raise self.unexpected()
            found = self._simple_or_function()
        if self._why:
            found = Unknown(line, self.text[start : self.position].strip(), self._why[0])
        self._why = outer
        self.blanks()
        return found

    def _simple_or_function(self) -> Command:
        line = self.line
        name = FUNCTION_NAME.match(self.text, self.position)
        if name and (parentheses := PARENTHESES.match(self.text, name.end())):
            self.position = parentheses.end()
            return self.body_of(line, name[0])
        found = self.simple()
        if self.at("(") or (found == Simple(line, "") and not self._why):
            raise self.unexpected()
        return found

    def body_of(self, line: int, name: str) -> Function:
        self.empty_lines()
        with self.nested():
            return Function(line, name, self.command())
