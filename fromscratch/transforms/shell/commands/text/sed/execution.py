"""What a program of sed does to the lines of its input."""

import re
from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from fromscratch.transforms.shell.commands.text.sed.program import Address, Program, Step, Substitution
from fromscratch.transforms.shell.machine import NotUnderstood
from fromscratch.transforms.shell.posix_regex import Regex

MOST_STEPS = 500_000
"""The steps that one call may take; one on a long text counts for several."""
_MOST_TEXT = 16 << 20


class Files(Protocol):
    """What a program reads and writes besides its input, by the names in it."""

    def read(self, name: str) -> str: ...

    def write(self, name: str, text: str) -> None: ...


class Output:
    """The text that is printed. A last line without its end gets it only when something follows."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._unended = False
        self._size = 0

    def add(self, text: str, *, ended: bool = True, ending: str = "\n") -> None:
        """One line, and its end if the input had it."""
        if self._unended:
            self._parts.append(ending)
        self._parts.append(text + ending if ended else text)
        self._unended = not ended
        self._size += len(text)
        if self._size > _MOST_TEXT:
            raise NotUnderstood("sed prints too much")

    def add_text(self, text: str) -> None:
        """Text that has its ends."""
        if text:
            self.add(text.removesuffix("\n"), ended=text.endswith("\n"))

    def add_file(self, text: str, ending: str = "\n") -> None:
        """The text of a file, as it is."""
        if text:
            self.add(text, ending=ending)
            self._parts[-1] = text

    @property
    def text(self) -> str:
        return "".join(self._parts)


class Quit(Exception):
    """The program ends, with this status."""

    def __init__(self, status: int) -> None:
        self.status = status


class _NewCycle(Exception):
    """The present cycle ends; `prints` says whether it prints the pattern space, `keeps` whether a line is read."""

    def __init__(self, *, prints: bool, keeps: bool = False) -> None:
        self.prints, self.keeps = prints, keeps


class Line(Struct, frozen=True):
    """A line of the input: `ended` says whether it had its end, `last` whether it is the last of all."""

    text: str
    ended: bool
    last: bool
    name: str = "-"


class Execution:
    """One run over lines, which goes on over further files as sed does unless each is edited in place."""

    def __init__(self, program: Program, files: Files, *, quiet: bool, ending: str = "\n") -> None:
        self._program, self._files, self._quiet, self._ending = program, files, quiet, ending
        self._hold_space = ""
        self._ranges: dict[int, int | None] = {}  # the line at which an open range ends; None for one by a pattern
        self._number = 0
        self._steps = 0
        self._last_regex: Regex | None = None
        self.output = Output()

    def run(self, lines: Iterator[Line]) -> None:
        """Do the program for every line. Raises Quit."""
        self._lines = lines
        keeps = False
        while keeps or self._read():
            self._substituted = False
            try:
                self._cycle()
            except _NewCycle as new:
                keeps = new.keeps
                self._end_cycle(prints=new.prints and not self._quiet)
            else:
                keeps = False
                self._end_cycle(prints=not self._quiet)

    def begin(self) -> None:
        """Start with line 1 and no output, for the next file that is edited in place."""
        self._number, self.output = 0, Output()
        self._ranges.clear()

    def _read(self) -> bool:
        line = next(self._lines, None)
        if line is None:
            return False
        self._line, self._space = line, line.text
        self._number += 1
        self._appended: list[tuple[str, bool]] = []
        return True

    def _end_cycle(self, *, prints: bool) -> None:
        if prints:
            self._print(self._space)
        self._flush()

    def _flush(self) -> None:
        for text, is_file in self._appended:
            (self.output.add_file if is_file else self.output.add_text)(text)
        self._appended = []

    def _print(self, text: str) -> None:
        self.output.add(text, ended=self._line.ended, ending=self._ending)

    def _cycle(self) -> None:
        place = 0
        while place < len(self._program):
            self._steps += 1 + len(self._space) // 256
            if self._steps > MOST_STEPS:
                raise NotUnderstood(f"sed takes more than {MOST_STEPS} steps")
            step = self._program[place]
            place += 1
            if self._selects(step, place) == step.negated:
                if step.letter == "{":
                    place = step.goal
                continue
            goal = self._do(step, place - 1)
            place = place if goal is None else goal

    def _selects(self, step: Step, place: int) -> bool:
        if step.first is None:
            return True
        if step.last is None:
            return self._matches(step.first)
        if place in self._ranges:
            return self._goes_on(step.last, place)
        if step.first.kind == "line" and step.first.line == 0:
            if self._number == 1:
                if not self._matches(step.last):
                    self._ranges[place] = None
                return True
            return False
        if not self._matches(step.first):
            return False
        end = self._end_of(step.last)
        if end is None or end > self._number:
            self._ranges[place] = end
        return True

    def _end_of(self, last: Address) -> int | None:
        match last.kind:
            case "line":
                return last.line
            case "plus":
                return self._number + last.step
            case "multiple":
                return self._number + -self._number % last.step if last.step else self._number
            case "every":
                raise NotUnderstood("a range ends at every so many lines")
        return None

    def _goes_on(self, last: Address, place: int) -> bool:
        end = self._ranges[place]
        if end is None:
            if self._matches(last):
                del self._ranges[place]
            return True
        if self._number >= end:
            del self._ranges[place]
        return self._number <= end

    def _matches(self, address: Address) -> bool:
        match address.kind:
            case "line":
                return self._number == address.line
            case "last":
                return self._line.last
            case "every":
                ahead = self._number - address.line
                return not ahead if address.step <= 0 else ahead >= 0 and not ahead % address.step
        return self._regex(address.pattern).search(self._space) is not None

    def _regex(self, regex: Regex | None) -> Regex:
        regex = regex or self._last_regex
        if regex is None:
            raise NotUnderstood("there is no last pattern")
        self._last_regex = regex
        return regex

    def _do(self, step: Step, place: int) -> int | None:
        """Do one step; returns where the program goes on, if that is not the next step."""
        match step.letter:
            case "s":
                self._substitute(step.substitution)
            case "y":
                self._space = "".join(dict(step.table).get(char, char) for char in self._space)
            case "b":
                return step.goal
            case "t" | "T":
                done, self._substituted = self._substituted, False
                return step.goal if done == (step.letter == "t") else None
            case "a":
                self._appended.append((step.text, False))
            case "i":
                self.output.add_text(step.text)
            case "c":
                if step.last is None or step.negated or place + 1 not in self._ranges:
                    self.output.add_text(step.text)
                raise _NewCycle(prints=False)
            case "q" | "Q":
                if step.letter == "q":
                    self._end_cycle(prints=not self._quiet)
                raise Quit(step.number or 0)
            case "r":
                self._appended.append((self._files.read(step.text), True))
            case "w":
                self._files.write(step.text, self._space + "\n")
            case _:
                self._do_plain(step.letter)
        return None

    def _do_plain(self, letter: str) -> None:
        match letter:
            case "p":
                self._print(self._space)
            case "P":
                self.output.add(self._space.partition("\n")[0], ending=self._ending)
            case "=":
                self.output.add(str(self._number))
            case "F":
                self.output.add(self._line.name)
            case "d":
                raise _NewCycle(prints=False)
            case "D":
                head, newline, rest = self._space.partition("\n")
                self._space = rest if newline else head
                raise _NewCycle(prints=False, keeps=bool(newline))
            case "n" | "N":
                self._read_more(letter)
            case "z":
                self._space = ""
            case "g":
                self._space = self._hold_space
            case "G":
                self._space = self._grown(self._space, self._hold_space)
            case "h":
                self._hold_space = self._space
            case "H":
                self._hold_space = self._grown(self._hold_space, self._space)
            case "x":
                self._hold_space, self._space = self._space, self._hold_space

    def _grown(self, text: str, more: str) -> str:
        if len(text) + len(more) > _MOST_TEXT:
            raise NotUnderstood("sed holds too much")
        return f"{text}{self._ending}{more}"

    def _read_more(self, letter: str) -> None:
        if self._line.last:
            self._end_cycle(prints=not self._quiet)
            raise Quit(0)
        if letter == "n" and not self._quiet:
            self._print(self._space)
        self._flush()
        before = self._space
        self._read()
        if letter == "N":
            self._space = self._grown(before, self._space)

    def _substitute(self, substitution: Substitution | None) -> None:
        if substitution is None:
            return
        regex = self._regex(substitution.pattern)
        found = substituted(self._space, regex, substitution)
        if found is None:
            return
        if regex.ambiguous:
            raise NotUnderstood("the alternatives of the pattern can match more than one text")
        self._space, self._substituted = found, True
        if len(found) > _MOST_TEXT:
            raise NotUnderstood("sed holds too much")
        if substitution.prints:
            self._print(self._space)
        if substitution.file:
            self._files.write(substitution.file, self._space + "\n")


def substituted(text: str, regex: Regex, substitution: Substitution) -> str | None:
    """The text after a substitution; None where nothing matches."""
    parts: list[str] = []
    position = copied = count = size = 0
    ended = -1  # where the last match ended: an empty one there does not count
    while position <= len(text):
        found = regex.search(text, position)
        if found is None:
            break
        if found.start() == found.end() == ended:
            position = found.end() + 1
            continue
        ended = found.end()
        count += 1
        position = found.end() if found.end() > found.start() else found.end() + 1
        if count < substitution.nth:
            continue
        replacement = _replacement(substitution.parts, found)
        parts += [text[copied : found.start()], replacement]
        size += len(replacement)
        if size > _MOST_TEXT:
            raise NotUnderstood("sed holds too much")
        copied = found.end()
        if not substitution.every:
            break
    return "".join(parts) + text[copied:] if parts else None


def _replacement(parts: tuple[str | int, ...], found: re.Match[str]) -> str:
    pieces: list[str] = []
    lasting = once = ""
    for part in parts:
        if isinstance(part, str) and part.startswith("\\") and len(part) == 2:
            if part in ("\\l", "\\u"):
                once = part
            else:
                lasting, once = part if part != "\\E" else "", ""
            continue
        text = part if isinstance(part, str) else found[part] or ""
        if lasting:
            text = text.upper() if lasting == "\\U" else text.lower()
        if once and text:
            text = (text[0].upper() if once == "\\u" else text[0].lower()) + text[1:]
            once = ""
        pieces.append(text)
    return "".join(pieces)
