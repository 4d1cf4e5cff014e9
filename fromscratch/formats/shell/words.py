"""Words of a script, in parts: quotes, parameters, substitutions and arithmetic (XCU 2.2, 2.6)."""

import re
from abc import ABC, abstractmethod
from typing import Self

from msgspec import Struct

from fromscratch.formats.shell.ansi_c import ansi_c
from fromscratch.formats.shell.cursor import Cursor
from fromscratch.formats.shell.parts import Parts
from fromscratch.formats.shell.syntax import Arithmetic, Parameter, Part, Sequence, Substitution, Text, Word
from fromscratch.lazy_regex import lazy_regex


class Rules(Struct, frozen=True):
    """What is special in a stretch of text.

    `ends` end it. In `quoted` text, quotes of its own do not quote, and a backslash is itself but before `escapes`.
    With `toggles`, a double quote in it is dropped: the argument of `"${name:-…}"` is quoted with and without.
    """

    ends: str
    quoted: bool = False
    escapes: str = ""
    toggles: bool = False


AGAIN = 4
"""How often the length of a script may be read again, for texts within texts that may be one thing or another."""
WORD = Rules(" \t\n;&|()<>")
REGULAR_EXPRESSION = Rules(" \t\n")
_DOUBLE = Rules('"', quoted=True, escapes='$`"\\')
_DOCUMENT = Rules("", quoted=True, escapes="$`\\")
_ARITHMETIC = Rules("()", quoted=True, escapes='$`"\\', toggles=True)
_ARGUMENT = Rules("}")
_QUOTED_ARGUMENT = Rules("}", quoted=True, escapes='$`"\\}', toggles=True)

_PLAIN = {
    ends: lazy_regex(r"[^\\'\"$`" + "".join(f"\\{char}" for char in ends) + "]+")
    for ends in (WORD.ends, REGULAR_EXPRESSION.ends, _DOUBLE.ends, _DOCUMENT.ends, _ARITHMETIC.ends, _ARGUMENT.ends)
}
_NAME = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]|[@*#?$!-]")
_LENGTH = lazy_regex(r"#([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])(?=\})")
_INDIRECT = lazy_regex(r"!([A-Za-z_][A-Za-z0-9_]*)")
_NAME_IN_BRACES = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_OPERATOR = lazy_regex(r":?[-=?+]|##?|%%?|//?|\^\^?|,,?|[:@\[]")
_PATTERNS = ("#", "##", "%", "%%", "/", "//", "^", "^^", ",", ",,", "[")
_BACKQUOTED = lazy_regex(r"(?:[^`\\]|\\.)*", re.DOTALL)
_ESCAPED, _ESCAPED_IN_QUOTES = lazy_regex(r"\\([$`\\])"), lazy_regex(r'\\([$`\\"])')
_ASSIGNED = lazy_regex(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]\n]*\])?\+?=")


class Words(Cursor, ABC):
    """A reader of words; commands in them are read by what inherits from it."""

    def __init__(self, text: str, first_line: int = 1, depth: int = 0, *, bash: bool = False) -> None:
        super().__init__(text, first_line, depth)
        self.bash = bash
        self._commands_in_parentheses: set[int] = set()
        self._budget = [AGAIN * len(text) + 10_000]

    @abstractmethod
    def commands(self) -> Sequence:
        """Commands up to what ends them, which is not passed."""

    @abstractmethod
    def unknown(self, why: str) -> None:
        """Note that the present command has a form that is not read."""

    def word(self, rules: Rules = WORD) -> Word:
        """The word that begins here; no parts at all if none does."""
        start, parts = self.position, self.parts(rules)
        while rules is WORD and self.char() == "(" and self.position > start and self._odd_parenthesis(start):
            self.skip_parentheses()
            parts += self.parts(rules)
        return Word(tuple(parts))

    def parts(self, rules: Rules) -> list[Part]:
        """The parts up to what ends them."""
        found = Parts()
        while (char := self.char()) and char not in rules.ends:
            if char == "\\":
                found.add(self._escaped(rules))
            elif char == "'" and not rules.quoted:
                found.add(self._single())
            elif char == '"' and (rules.toggles or not rules.quoted):
                self._double(found, rules)
            elif char == "$":
                self._dollar(found, rules.quoted)
            elif char == "`":
                found.add(self._backquoted(rules.quoted))
            else:
                plain = _PLAIN[rules.ends].match(self.text, self.position)
                text = plain[0] if plain else char
                self.position += len(text)
                found.add(Text(text, rules.quoted))
        return found.finished()

    def document(self, text: str, first_line: int) -> Word:
        """The body of a here-document whose delimiter is not quoted."""
        return Word(tuple(self._reader_of(text, first_line).parts(_DOCUMENT)))

    def arithmetic(self) -> Word | None:
        """What stands between `((`, which was passed, and `))`; None, passing nothing, if these are no such two."""
        start, level, found = self.position, 0, Parts()
        if start in self._commands_in_parentheses:
            return None
        while True:
            for part in self.parts(_ARITHMETIC):
                found.add(part)
            char = self.char()
            if not char or (char == ")" and level == 0):
                break
            level += 1 if char == "(" else -1
            self.position += 1
            found.add(Text(char, True))
        if self.accept("))"):
            return Word(tuple(found.finished()))
        self._spend(self.position - start)
        self.position = start
        self._commands_in_parentheses.add(start)  # so that nested ones are not tried again and again
        return None

    def _reader_of(self, text: str, first_line: int) -> Self:
        """A reader of a text within this one. Raises FormatError when such texts are read over and over."""
        self._spend(len(text))
        reader = type(self)(text, first_line, self.depth, bash=self.bash)
        reader._budget = self._budget
        return reader

    def _spend(self, length: int) -> None:
        self._budget[0] -= length
        if self._budget[0] < 0:
            raise self.failed("the script is nested in too many ways")

    def _escaped(self, rules: Rules) -> Text:
        next_one = self.text[self.position + 1 : self.position + 2]
        if not next_one or (rules.quoted and next_one not in rules.escapes):
            self.position += 1
            return Text("\\", True)
        self.position += 2
        return Text(next_one, True)

    def _single(self) -> Text:
        start = self.position + 1
        end = self.text.find("'", start)
        if end < 0:
            raise self.failed("' is not closed")
        self.position = end + 1
        return Text(self.text[start:end], True)

    def _double(self, found: Parts, rules: Rules) -> None:
        line = self.line
        self.position += 1
        if rules.toggles:
            return
        inner = self.parts(_DOUBLE)
        self.expect('"', '"', line)
        for part in inner or [Text("", True)]:
            found.add(part)

    def _dollar(self, found: Parts, quoted: bool) -> None:
        self.position += 1
        char = self.char()
        if char == "{":
            found.add(self._braces(quoted))
        elif char == "(":
            found.add(self._parentheses(quoted))
        elif name := _NAME.match(self.text, self.position):
            self.position = name.end()
            found.add(Parameter(name[0], quoted=quoted))
        elif self.bash and not quoted and char == "'":
            text, self.position = ansi_c(self.text, self.position + 1)
            if self.position < 0:
                raise self.failed("$' is not closed")
            found.add(Text(text, True))
        elif not (self.bash and not quoted and char == '"'):
            found.add(Text("$", True))

    def _parentheses(self, quoted: bool) -> Part:
        line, start = self.line, self.position
        with self.nested():
            if self.accept("((") and (expression := self.arithmetic()) is not None:
                return Arithmetic(expression, quoted)
            self.position = start
            self.accept("(")
            body = self.commands()
            self.expect(")", "$(", line)
        return Substitution(body, quoted)

    def _backquoted(self, quoted: bool) -> Part:
        line, body = self.line, _BACKQUOTED.match(self.text, self.position + 1)
        if body is None or self.text[body.end() : body.end() + 1] != "`":
            raise self.failed("` is not closed")
        self.position = body.end() + 1
        text = (_ESCAPED_IN_QUOTES if quoted else _ESCAPED).sub(r"\1", body[0])
        with self.nested():
            reader = self._reader_of(text, line)
            found = reader.commands()
            if reader.char():
                raise reader.unexpected()
        return Substitution(found, quoted)

    def _braces(self, quoted: bool) -> Part:
        line = self.line
        self.position += 1
        with self.nested():
            found = self._within_braces(quoted)
            self.expect("}", "${", line)
        return found

    def _within_braces(self, quoted: bool) -> Part:
        self.char()
        if length := _LENGTH.match(self.text, self.position):
            self.position = length.end()
            return Parameter(length[1], "length", quoted=quoted)
        if indirect := _INDIRECT.match(self.text, self.position):
            self.position = indirect.end()
            return Parameter(indirect[1], "!", self._argument("!", quoted), quoted)
        name = _NAME_IN_BRACES.match(self.text, self.position)
        if name is None:
            return Parameter("", "bad", self._argument("bad", quoted), quoted)
        self.position = name.end()
        if self.char() in ("}", ""):
            return Parameter(name[0], quoted=quoted)
        operator = _OPERATOR.match(self.text, self.position)
        self.position += len(operator[0]) if operator else 0
        kind = operator[0] if operator else "bad"
        return Parameter(name[0], kind, self._argument(kind, quoted), quoted)

    def _argument(self, operator: str, quoted: bool) -> Word:
        inner = quoted and operator not in _PATTERNS  # what is a pattern has quotes of its own
        return Word(tuple(self.parts(_QUOTED_ARGUMENT if inner else _ARGUMENT)))

    def _odd_parenthesis(self, start: int) -> bool:
        """Whether a parenthesis in a word is one of bash: an array, or an extended pattern."""
        before = self.text[start : self.position]
        if before.endswith("=") and _ASSIGNED.fullmatch(before):
            self.unknown("an array of bash")
        elif before[-1] in "?*+@!":
            self.unknown("an extended pattern of bash")
        else:
            return False
        return True

    def skip_parentheses(self) -> None:
        """Go behind the parenthesis that begins here: words, other parentheses and comments."""
        line, level = self.line, 0
        while True:
            char = self.char()
            level += (char == "(") - (char == ")")
            self.position += len(char)
            if level == 0 or not char:
                break
            self.blanks()
            self.parts(WORD)
        if level:
            raise self.failed(f"( in line {line} is not closed")
