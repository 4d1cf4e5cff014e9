"""Scripts of the shell into their syntax tree: lists, pipelines and compound commands (XCU 2.9, 2.10)."""

from collections.abc import Callable, Mapping
from typing import Literal

from fromscratch.errors import FormatError
from fromscratch.formats.shell.simple import SimpleCommands
from fromscratch.formats.shell.syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Sequence,
    Simple,
    Text,
    Unknown,
    Word,
)
from fromscratch.lazy_regex import lazy_regex

MAX_SCRIPT = 1 << 20
"""The characters that a script may have."""
_BASH = lazy_regex(r"#![^\n]*\bbash\b")
_RESERVED = lazy_regex(
    r"(if|then|elif|else|fi|do|done|case|esac|while|until|for|function|select|[{}!])(?=[\s;&|()<>]|\\\n|\Z)"
)
_CLOSING = {"then", "elif", "else", "fi", "do", "done", "esac", "}"}
_PARENTHESES = lazy_regex(r"[ \t]*\([ \t]*\)")
_IN = lazy_regex(r"in(?=[\s;&|()<>]|\\\n|\Z)")
_NAME = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*")
_FUNCTION_NAME = lazy_regex(r"[^\s;&|()<>'\"$`\\=]+")


def parse(text: str, *, bash: bool | None = None) -> Sequence:
    """The syntax tree of a script. Raises FormatError, naming the line, for what a shell refuses as well.

    `bash` reads `&>`, `$'…'` and `$"…"` as bash does; None leaves it to the first line.
    """
    if len(text) > MAX_SCRIPT:
        raise FormatError(f"the script has {len(text)} characters, more than {MAX_SCRIPT}", "leave it out")
    reader = _Parser(text, bash=_BASH.match(text) is not None if bash is None else bash)
    found = reader.commands()
    if reader.char():
        raise reader.unexpected()
    return found


class _Parser(SimpleCommands):
    """A reader of lists of commands."""

    def __init__(self, text: str, first_line: int = 1, depth: int = 0, *, bash: bool = False) -> None:
        super().__init__(text, first_line, depth, bash=bash)
        self._why: list[str] = []
        self._compound: Mapping[str, Callable[[int], Command]] = {
            "if": self._if,
            "for": self._for,
            "select": self._for,
            "case": self._case,
            "while": self._loop,
            "until": self._loop,
            "{": self._braced,
            "function": self._function,
        }

    def unknown(self, why: str) -> None:
        self._why.append(why)

    def commands(self, closing: str = "") -> Sequence:
        awaited, self.awaited = self.awaited, []
        found = self._sequence()
        self.awaited = awaited + self.awaited
        return found

    def _sequence(self) -> Sequence:
        items: list[AndOr] = []
        self._empty_lines()
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
            self._empty_lines()
        return Sequence(tuple(items))

    def _some(self) -> Sequence:
        """Commands of which there must be one."""
        found = self._sequence()
        if not found.items:
            raise self.unexpected()
        return found

    def _empty_lines(self) -> None:
        self.blanks()
        while self.newline():
            self.blanks()

    def _at_end(self) -> bool:
        char = self.char()
        return not char or char == ")" or self.at(";;") or self.at(";&") or self._reserved() in _CLOSING

    def _reserved(self) -> str:
        """The reserved word that comes next, if one does."""
        self.char()
        found = _RESERVED.match(self.text, self.position)
        return found[1] if found else ""

    def _word_of(self, reserved: str, opened: str, line: int) -> None:
        """Go behind a reserved word that must come next."""
        self.blanks()
        if self._reserved() != reserved:
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
            self._empty_lines()
            rest.append((operator, self._pipeline()))

    def _pipeline(self) -> Pipeline:
        negated = False
        while self._reserved() == "!":
            self.position += 1
            self.blanks()
            negated = not negated
        commands = [self._command()]
        while not self.at("||") and self.accept("|"):
            if self.bash and self.accept("&"):
                self.unknown("|& of bash")
            self._empty_lines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command:
        outer, self._why = self._why, []
        line, start = self.line, self.position
        reserved = self._reserved()
        if self.at("("):
            found = self._parenthesis(line)
        elif reserved in self._compound:
            self.position += len(reserved)
            with self.nested():
                found = self._compound[reserved](line)
        elif reserved in _CLOSING:
            raise self.unexpected()
        else:
            found = self._simple_or_function()
        if self._why:
            found = Unknown(line, self.text[start : self.position].strip(), self._why[0])
        self._why = outer
        self.blanks()
        return found

    def _simple_or_function(self) -> Command:
        line = self.line
        name = _FUNCTION_NAME.match(self.text, self.position)
        if name and (parentheses := _PARENTHESES.match(self.text, name.end())):
            self.position = parentheses.end()
            return self._body_of(line, name[0])
        found = self.simple()
        if self.at("(") or (found == Simple(line, "") and not self._why):
            raise self.unexpected()
        return found

    def _function(self, line: int) -> Command:
        self.blanks()
        name = _FUNCTION_NAME.match(self.text, self.position)
        if name is None:
            raise self.unexpected()
        self.position = name.end()
        if parentheses := _PARENTHESES.match(self.text, self.position):
            self.position = parentheses.end()
        return self._body_of(line, name[0])

    def _body_of(self, line: int, name: str) -> Function:
        self._empty_lines()
        with self.nested():
            return Function(line, name, self._command())

    def _parenthesis(self, line: int) -> Command:
        start = self.position
        with self.nested():
            if self.accept("((") and (expression := self.arithmetic()) is not None:
                text = self.text[start : self.position]
                return Simple(line, text, (), (Word((Text("let"),)), expression), self.redirections())
            self.position = start
            self.accept("(")
            body = self._some()
            self.expect(")", "(", line)
        return Group(line, body, True, self.redirections())

    def _braced(self, line: int) -> Command:
        body = self._some()
        self._word_of("}", "{", line)
        return Group(line, body, False, self.redirections())

    def _if(self, line: int) -> Command:
        branches = []
        final = None
        while True:
            condition = self._some()
            self._word_of("then", "if", line)
            branches.append((condition, self._some()))
            if self._reserved() != "elif":
                break
            self.position += len("elif")
        if self._reserved() == "else":
            self.position += len("else")
            final = self._some()
        self._word_of("fi", "if", line)
        return If(line, tuple(branches), final, self.redirections())

    def _loop(self, line: int) -> Command:
        until = self.text.endswith("until", 0, self.position)
        condition = self._some()
        body = self._do(line)
        return Loop(line, condition, body, until, self.redirections())

    def _do(self, line: int) -> Sequence:
        self._word_of("do", "the loop", line)
        body = self._some()
        self._word_of("done", "do", line)
        return body

    def _for(self, line: int) -> Command:
        if self.text.endswith("select", 0, self.position):
            self.unknown("select of bash")
        self.blanks()
        if self.at("(("):
            return self._counting(line)
        name = _NAME.match(self.text, self.position)
        if name is None:
            raise self.unexpected()
        self.position = name.end()
        self._empty_lines()
        words = self._for_words()
        self._empty_lines()
        return For(line, name[0], words, self._do(line), self.redirections())

    def _for_words(self) -> tuple[Word, ...] | None:
        if not _IN.match(self.text, self.position):
            self.accept(";")
            return None
        self.position += 2
        words = []
        self.blanks()
        while (char := self.char()) and char not in "\n;&|()<>":
            words.append(self.word())
            self.blanks()
        if not self.accept(";") and not self.newline():
            raise self.unexpected()
        return tuple(words)

    def _counting(self, line: int) -> Command:
        self.unknown("for (( … )) of bash")
        self.accept("((")
        if self.arithmetic() is None:
            raise self.unexpected()
        self.blanks()
        self.accept(";")
        self._empty_lines()
        return Group(line, self._do(line), False, self.redirections())

    def _case(self, line: int) -> Command:
        self.blanks()
        subject = self.word()
        self._empty_lines()
        if not subject.parts or not _IN.match(self.text, self.position):
            raise self.unexpected()
        self.position += 2
        branches = []
        self._empty_lines()
        while self.char() and self._reserved() != "esac":
            branches.append(self._branch())
            self._empty_lines()
            if not branches[-1][2]:
                break
        self._word_of("esac", "case", line)
        return Case(line, subject, tuple((*branch[:2], branch[2] or ";;") for branch in branches), self.redirections())

    def _branch(self) -> tuple[tuple[Word, ...], Sequence, str]:
        """Patterns, commands, and how they end: with nothing only before `esac`."""
        self.accept("(")
        patterns = []
        while True:
            self.blanks()
            patterns.append(self.word())
            if not patterns[-1].parts:
                raise self.unexpected()
            self.blanks()
            if self.accept(")"):
                break
            if not self.accept("|"):
                raise self.unexpected()
        body = self._sequence()
        if self.accept(";;&"):
            self.unknown(";;& of bash")
            return tuple(patterns), body, ";;"
        end = ";;" if self.accept(";;") else ";&" if self.accept(";&") else ""
        return tuple(patterns), body, end
