"""The text of a sed program into its steps."""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from fromscratch.lazy_regex import lazy_regex
from fromscratch.transforms.shell.commands.text.sed.program import Address, Program, Step, Substitution
from fromscratch.transforms.shell.machine import NotUnderstood
from fromscratch.transforms.shell.posix_regex import Regex, posix_regex

_MOST_STEPS = 2_000
_BLANK_LINE = lazy_regex(r"[ \t]*\n")
_BRACKET = lazy_regex(r"\^?\]?(?:\[[:.=][^\n\]]*[:.=]\]|[^\]\n])*\]")
_TEXT = frozenset("aic")
_FILE = frozenset("rw")
_LABEL = frozenset(":btT")
_NUMBER = frozenset("qQl")
_PLAIN = frozenset("=dDgGhHnNpPxzF")
_CONTROLS: Mapping[str, str] = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


def parse_program(text: str, *, extended: bool) -> Program:
    """The steps of a program. Raises NotUnderstood."""
    return _Parser(text, extended).program()


class _Parser:
    def __init__(self, text: str, extended: bool) -> None:
        self._text, self._extended, self._position = text, extended, 0

    def program(self) -> Program:
        steps: list[Step] = []
        open_blocks: list[int] = []
        while self._skip(" \t\n\r;"):
            if len(steps) > _MOST_STEPS:
                raise NotUnderstood("the program is too long")
            step = self._step()
            if step.letter == "#":
                continue
            if step.letter == "{":
                open_blocks.append(len(steps))
            elif step.letter == "}":
                if not open_blocks or step.first:
                    raise NotUnderstood("a block ends that did not begin")
                begun = open_blocks.pop()
                steps[begun] = replace(steps[begun], goal=len(steps))
            steps.append(step)
        if open_blocks:
            raise NotUnderstood("a block does not end")
        labels = {step.text: place for place, step in enumerate(steps) if step.letter == ":"}
        return tuple(self._with_goal(step, labels, len(steps)) for step in steps)

    def _with_goal(self, step: Step, labels: Mapping[str, int], end: int) -> Step:
        if step.letter not in ("b", "t", "T"):
            return step
        if step.text and step.text not in labels:
            raise NotUnderstood(f"the label {step.text} is missing")
        return replace(step, goal=labels.get(step.text, end))

    def _skip(self, characters: str) -> bool:
        """Go past these characters; returns whether anything follows."""
        while self._peek() and self._peek() in characters:
            self._position += 1
        return self._position < len(self._text)

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise NotUnderstood("the program ends too early")
        self._position += 1
        return char

    def _step(self) -> Step:
        first = self._address()
        last = None
        self._skip(" \t")
        if first and self._peek() == ",":
            self._position += 1
            self._skip(" \t")
            last = self._address(second=True)
            if last is None:
                raise NotUnderstood("a range has no end")
        if first and first.kind == "line" and first.line == 0 and (last is None or last.kind != "pattern"):
            raise NotUnderstood("there is no line 0")
        self._skip(" \t")
        negated = self._peek() == "!"
        if negated:
            self._skip("! \t")
        step = Step(self._next(), first, last, negated)
        return self._with_arguments(step)

    def _with_arguments(self, step: Step) -> Step:
        letter = step.letter
        if letter == "#":
            self._line()
        elif letter in _TEXT:
            return replace(step, text=self._added())
        elif letter in _LABEL:
            return replace(step, text=self._label())
        elif letter in _FILE:
            self._skip(" \t")
            step = replace(step, text=self._line())
            if not step.text:
                raise NotUnderstood(f"{letter} has no file")
        elif letter == "s":
            step = replace(step, substitution=self._substitution())
            if not (step.substitution and step.substitution.file):
                self._end()
        elif letter == "y":
            step = replace(step, table=self._table())
            self._end()
        elif letter in _NUMBER or letter in _PLAIN or letter == "}":
            number = self._number() if letter in _NUMBER and self._skip(" \t") else None
            if letter == "l":
                raise NotUnderstood("l is not known")
            step = replace(step, number=number)
            self._end()
        elif letter != "{":
            raise NotUnderstood(f"the command {letter} of sed is not known")
        return step

    def _end(self) -> None:
        self._skip(" \t\r")
        if self._peek() and self._peek() not in "\n;}#":
            raise NotUnderstood("something follows a command of sed that is not known")

    def _line(self) -> str:
        end = self._text.find("\n", self._position)
        end = len(self._text) if end < 0 else end
        line = self._text[self._position : end]
        self._position = end
        return line

    def _label(self) -> str:
        """A blank ends it as well as a semicolon does: the next command may follow on the same line."""
        self._skip(" \t")
        found = re.compile(r"[^\s;}]*").match(self._text, self._position)
        self._position = found.end() if found else self._position
        return found[0] if found else ""

    def _number(self) -> int | None:
        found = re.compile("[0-9]{1,9}").match(self._text, self._position)
        if not found:
            return None
        self._position = found.end()
        return int(found[0])

    def _added(self) -> str:
        """The text of a, i and c: on the same line, or after a backslash and a new line."""
        self._skip(" \t")
        if self._peek() == "\\":
            self._position += 1
            if blank := _BLANK_LINE.match(self._text, self._position):
                self._position = blank.end()
        elif not self._peek() or self._peek() == "\n":
            raise NotUnderstood("a text is missing")
        found: list[str] = []
        while (char := self._peek()) and char != "\n":
            self._position += 1
            if char == "\\":
                char = self._peek()
                char = _CONTROLS.get(char, char)
                self._position += 1
            found.append(char)
        return "".join(found) + "\n"

    def _address(self, *, second: bool = False) -> Address | None:
        char = self._peek()
        if char == "$":
            self._position += 1
            return Address("last")
        if char in ("/", "\\") and char:
            self._position += 1
            delimiter = self._next() if char == "\\" else "/"
            text = self._until(delimiter, regex=True)
            flags = self._flags("IM")
            return Address("pattern", pattern=self._regex(text, flags))
        if second and char in ("+", "~") and char:
            self._position += 1
            return Address("plus" if char == "+" else "multiple", step=self._number() or 0)
        number = self._number()
        if number is None:
            return None
        if self._peek() == "~":
            self._position += 1
            return Address("every", number, self._number() or 0)
        return Address("line", number)

    def _flags(self, known: str) -> str:
        start = self._position
        self._skip(known)
        return self._text[start : self._position]

    def _regex(self, text: str, flags: str) -> Regex | None:
        if not text:
            return None
        ignore_case, lines = "I" in flags or "i" in flags, "M" in flags or "m" in flags
        return posix_regex(text, extended=self._extended, ignore_case=ignore_case, lines=lines, controls=True)

    def _until(self, delimiter: str, *, regex: bool = False) -> str:
        """What stands before the next delimiter; one after a backslash stands for itself."""
        if delimiter in ("\n", "\\"):
            raise NotUnderstood("that is not a delimiter")
        found: list[str] = []
        while (char := self._next()) != delimiter:
            if char == "\\":
                following = self._next()
                if following != delimiter:
                    found.append("\\" + following)
                else:
                    found.append(following if regex or following != "&" else "\\&")
            elif char == "[" and regex:
                found.append(self._bracket(delimiter))
            elif char == "\n" and regex:
                raise NotUnderstood("a pattern goes over two lines")
            else:
                found.append(char)
        return "".join(found)

    def _bracket(self, delimiter: str) -> str:
        """The rest of a bracket of a pattern, after the `[`: a delimiter in it is a member as any other."""
        found = _BRACKET.match(self._text, self._position)
        if not found:
            raise NotUnderstood("a bracket of a pattern does not end")
        self._position = found.end()
        return "[" + found[0].replace("\\" + delimiter, delimiter)

    def _substitution(self) -> Substitution:
        delimiter = self._next()
        pattern = self._until(delimiter, regex=True)
        parts = _replacement(self._until(delimiter))
        every = prints = False
        nth, flags, file = 1, "", ""
        while (char := self._peek()) and char in "gpiImM0123456789ew":
            if char.isdigit():
                nth = self._number() or 0
                continue
            self._position += 1
            if char == "w":
                self._skip(" \t")
                file = self._line()
                break
            if char == "e" or not nth:
                raise NotUnderstood("a flag of a substitution is not known")
            every, prints = every or char == "g", prints or char == "p"
            flags += char if char in "iImM" else ""
        regex = self._regex(pattern, flags)
        groups = regex.pattern.groups if regex else 9
        if any(isinstance(part, int) and part > groups for part in parts):
            raise NotUnderstood("a replacement refers to a group that is missing")
        return Substitution(regex, parts, every, nth, prints, file)

    def _table(self) -> tuple[tuple[str, str], ...]:
        delimiter = self._next()
        source, target = (_unescaped(self._until(delimiter)) for _ in range(2))
        if len(source) != len(target):
            raise NotUnderstood("the two lists of y differ in length")
        return tuple(zip(source, target, strict=True))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "\\": "\\", "t": "\t"}.get(found[1], found[0]), text)


def _replacement(text: str) -> tuple[str | int, ...]:
    parts: list[str | int] = []
    plain: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        part: str | int | None = None
        if char == "&":
            part = 0
        elif char == "\\" and position < len(text):
            char = text[position]
            position += 1
            if char.isdigit() and char.isascii():
                part = int(char)
            elif char in "LUluE":
                part = f"\\{char}"
            elif char in "cdox":
                raise NotUnderstood(f"the escape \\{char} is not known")
            else:
                char = _CONTROLS.get(char, char)
        if part is None:
            plain.append(char)
            continue
        if plain:
            parts.append("".join(plain))
            plain = []
        parts.append(part)
    return (*parts, "".join(plain)) if plain else tuple(parts)
