"""Scripts of the shell into their syntax tree, with compound commands (XCU 2.9.4, 2.10)."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from fromscratch.errors import FormatError
from fromscratch.formats.shell.lists import FUNCTION_NAME, PARENTHESES, Lists
from fromscratch.formats.shell.syntax import (
    Case,
    Command,
    For,
    Group,
    If,
    Loop,
    Sequence,
    Simple,
    Text,
    Word,
)
from fromscratch.lazy_regex import lazy_regex

MAX_SCRIPT = 4 << 20
"""The characters that a script may have; the config of keyboard-configuration has two million."""
_BASH = lazy_regex(r"#![^\n]*\bbash\b")
_IN = lazy_regex(r"in(?=[\s;&|()<>]|\\\n|\Z)")
_NAME = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*")


def parse(text: str, *, bash: bool | None = None) -> Sequence:
    """The syntax tree of a script. Raises FormatError, naming the line, for what a shell refuses as well.

    `bash` reads `&>`, `$'…'` and `$"…"` as bash does; None leaves it to the first line.
    """
    if len(text) > MAX_SCRIPT:
        raise FormatError(f"the script has {len(text)} characters, more than {MAX_SCRIPT}", "leave it out")
    return _parsed(text, _BASH.match(text) is not None if bash is None else bash)


@lru_cache(maxsize=32)
def _parsed(text: str, bash: bool) -> Sequence:
    # Kept, since scripts call others of the tree again and again: that of php-common calls one 17 times.
    reader = _Parser(text, bash=bash)
    found = reader.commands()
    if reader.char():
        raise reader.unexpected()
    return found


class _Parser(Lists):
    """A reader of whole scripts."""

    def __init__(self, text: str, first_line: int = 1, depth: int = 0, *, bash: bool = False) -> None:
        super().__init__(text, first_line, depth, bash=bash)
        self._compound: Mapping[str, Callable[[int], Command]] = {
            "(": self._parenthesis,
            "if": self._if,
            "for": self._for,
            "select": self._for,
            "case": self._case,
            "while": self._loop,
            "until": self._loop,
            "{": self._braced,
            "function": self._function,
        }

    def compound(self, word: str, line: int) -> Command | None:
        if word not in self._compound:
            return None
        self.position += len(word)
        with self.nested():
            return self._compound[word](line)

    def _parenthesis(self, line: int) -> Command:
        start = self.position
        if self.accept("(") and (expression := self.arithmetic()) is not None:
            text = self.text[start - 1 : self.position]
            return Simple(line, text, (), (Word((Text("let"),)), expression), self.redirections())
        self.position = start
        body = self.some()
        self.expect(")", "(", line)
        return Group(line, body, True, self.redirections())

    def _braced(self, line: int) -> Command:
        body = self.some()
        self.word_of("}", "{", line)
        return Group(line, body, False, self.redirections())

    def _if(self, line: int) -> Command:
        branches = []
        final = None
        while True:
            condition = self.some()
            self.word_of("then", "if", line)
            branches.append((condition, self.some()))
            if self.reserved() != "elif":
                break
            self.position += len("elif")
        if self.reserved() == "else":
            self.position += len("else")
            final = self.some()
        self.word_of("fi", "if", line)
        return If(line, tuple(branches), final, self.redirections())

    def _loop(self, line: int) -> Command:
        until = self.text.endswith("until", 0, self.position)
        condition = self.some()
        body = self._do(line)
        return Loop(line, condition, body, until, self.redirections())

    def _do(self, line: int) -> Sequence:
        self.word_of("do", "the loop", line)
        body = self.some()
        self.word_of("done", "do", line)
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
        self.empty_lines()
        words = self._for_words()
        self.empty_lines()
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
        self.empty_lines()
        return Group(line, self._do(line), False, self.redirections())

    def _case(self, line: int) -> Command:
        self.blanks()
        subject = self.word()
        self.empty_lines()
        if not subject.parts or not _IN.match(self.text, self.position):
            raise self.unexpected()
        self.position += 2
        branches = []
        self.empty_lines()
        while self.char() and self.reserved() != "esac":
            branches.append(self._branch())
            self.empty_lines()
            if not branches[-1][2]:
                break
        self.word_of("esac", "case", line)
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
        body = self.sequence()
        if self.accept(";;&"):
            self.unknown(";;& of bash")
            return tuple(patterns), body, ";;"
        end = ";;" if self.accept(";;") else ";&" if self.accept(";&") else ""
        return tuple(patterns), body, end

    def _function(self, line: int) -> Command:
        self.blanks()
        name = FUNCTION_NAME.match(self.text, self.position)
        if name is None:
            raise self.unexpected()
        self.position = name.end()
        if parentheses := PARENTHESES.match(self.text, self.position):
            self.position = parentheses.end()
        return self.body_of(line, name[0])
