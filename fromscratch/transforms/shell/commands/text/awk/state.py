"""What a program of awk works on: the record and its fields, variables, and what was printed."""

import math

from fromscratch.transforms.shell.machine import NotUnderstood
from fromscratch.transforms.shell.posix_regex import Regex, posix_regex

MOST_PRINTED = 4 << 20


class Field(str):
    """Text from outside, which is compared as a number where it looks like one."""


Value = str | float


class Next(Exception):
    """The record is done."""


class Exit(Exception):
    """The program ends with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class State:
    """The state of one run."""

    def __init__(self, separator: str) -> None:
        self.variables: dict[str, Value] = {"FS": separator, "OFS": " ", "ORS": "\n", "NR": 0.0, "NF": 0.0}
        self.record = ""
        self.fields: list[str] = []
        self._printed: list[str] = []
        self._size = 0
        self._expressions: dict[str, Regex] = {}

    @property
    def printed(self) -> str:
        return "".join(self._printed)

    def print(self, text: str) -> None:
        self._size += len(text)
        if self._size > MOST_PRINTED:
            raise NotUnderstood(f"it prints more than {MOST_PRINTED} characters")
        self._printed.append(text)

    def read(self, record: str) -> None:
        """Go on to the next record."""
        self.record = record
        self.fields = self.split(record, text(self.variables["FS"]))
        self.variables["NR"] = number(self.variables["NR"]) + 1
        self.variables["NF"] = float(len(self.fields))

    def split(self, record: str, separator: str) -> list[str]:
        if separator == " ":
            return record.split()
        if not record:
            return []
        if len(separator) == 1 and separator != "\\":
            return record.split(separator)
        found, at = [], 0
        for match in self.expression(separator).pattern.finditer(record):
            if match.end() > match.start():
                found.append(record[at : match.start()])
                at = match.end()
        return [*found, record[at:]]

    def field(self, place: int) -> Field:
        if place == 0:
            return Field(self.record)
        if place < 0:
            raise NotUnderstood("a field before the first")
        return Field(self.fields[place - 1] if place <= len(self.fields) else "")

    def expression(self, written: str) -> Regex:
        if written not in self._expressions:
            self._expressions[written] = posix_regex(written, extended=True, controls=True)
        return self._expressions[written]


def text(value: Value) -> str:
    if isinstance(value, str):
        return str(value)
    return str(int(value)) if value == int(value) else f"{value:.6g}"


def looks_numeric(value: Value) -> bool:
    if not isinstance(value, str):
        return True
    if not isinstance(value, Field):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return not any(char.isalpha() and char not in "eE" for char in value) and "_" not in value


def number(value: Value) -> float:
    """The number that a value begins with, or 0."""
    if not isinstance(value, str):
        return value
    stripped = value.strip()
    for end in range(min(len(stripped), 40), 0, -1):
        part = stripped[:end]
        if part[-1].isdigit() or part[-1] == ".":
            try:
                return finite(float(part))
            except ValueError:
                continue
    return 0.0


def finite(value: float) -> float:
    """The same number. Raises NotUnderstood for one beyond all bounds."""
    if not math.isfinite(value):
        raise NotUnderstood("a number that is too large")
    return value


def is_true(value: Value) -> bool:
    if isinstance(value, str) and not looks_numeric(value):
        return value != ""
    return number(value) != 0
