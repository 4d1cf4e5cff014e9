"""What a distribution of Python says that it requires: the lines of its metadata, and the conditions in them.

Follows the specifications of dependency specifiers (PEP 508) and of core metadata, and setuptools' requires.txt,
which has each condition in the head of a section.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import decode

_MAX_LINES = 2000
_MAX_TOKENS = 300
_LINE = lazy_regex(r"(?mi)^Requires-Dist:[ \t]*(.{1,2000})$")
_SPECIFIER = lazy_regex(r"\s*([A-Za-z0-9][\w.-]{0,200})\s*(?:\[([^\]]{0,500})\])?")
_TOKEN = lazy_regex(r"\s*(?:'([^']*)'|\"([^\"]*)\"|(===|~=|[<>=!]=|[<>()]|[A-Za-z_.]+))")
_SECTION = lazy_regex(r"\[([^:\]]*)(?::(.*))?\]$")
_NUMBERS = lazy_regex(r"\d{1,9}(\.\d{1,9}){0,9}(\.\*)?")


class Requirement(NamedTuple):
    """`name` is normalised; `extras` are those that it asks for of that distribution; `marker` is its condition."""

    name: str
    extras: frozenset[str] = frozenset()
    marker: str = ""


def normalised(name: str) -> str:
    """The name of a distribution, or of an extra, as all its spellings have it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def from_metadata(raw: bytes) -> tuple[Requirement, ...]:
    """The requirements in METADATA or PKG-INFO; what cannot be read is left out."""
    head = decode(raw).partition("\n\n")[0]
    return tuple(_requirements(found[1] for found in _LINE.finditer(head)))


def from_requires(raw: bytes) -> tuple[Requirement, ...]:
    """The requirements in the requires.txt of an egg."""
    lines, marker = list[str](), ""
    for line in decode(raw).splitlines()[:_MAX_LINES]:
        if section := _SECTION.match(line.strip()):
            conditions = [f'extra == "{section[1]}"'] * bool(section[1]) + [f"({section[2]})"] * bool(section[2])
            marker = " and ".join(conditions)
        elif line.strip():
            lines.append(f"{line.partition(';')[0]};{marker}")
    return tuple(_requirements(lines))


def _requirements(lines: Iterator[str] | list[str]) -> Iterator[Requirement]:
    for line in lines:
        specifier, _, marker = line.partition(";")
        if found := _SPECIFIER.match(specifier):
            extras = frozenset(normalised(each.strip()) for each in (found[2] or "").split(",") if each.strip())
            yield Requirement(normalised(found[1]), extras, marker.strip())


def applies(marker: str, environment: Mapping[str, str], extras: Collection[str] = ()) -> bool:
    """Whether a condition is true; one that cannot be read is. `extras` are those that are asked for."""
    tokens = []
    for single, double, word in _TOKEN.findall(marker)[: _MAX_TOKENS + 1]:
        tokens.append(("", word) if word else ("text", single or double))
    if not tokens:
        return True
    try:
        return len(tokens) > _MAX_TOKENS or _Marker(tokens, environment, extras).either()
    except (IndexError, ValueError):
        return True


class _Marker:
    """The tokens of one condition: each a kind, which is "text" for a string, and what stands there."""

    def __init__(self, tokens: list[tuple[str, str]], environment: Mapping[str, str], extras: Collection[str]) -> None:
        self._tokens, self._environment, self._extras, self._at = tokens, environment, extras, 0

    def either(self) -> bool:
        found = self._both()
        while self._next("or"):
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._next("and"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._next("("):
            found = self.either()
            if not self._next(")"):
                raise ValueError("a bracket is open")
            return found
        left = self._take()
        negated = self._next("not")
        operator = self._take()[1]
        right = self._take()
        if "extra" in (left[1], right[1]):
            extra = normalised(right[1] if left[1] == "extra" else left[1])
            return (extra in self._extras) == (operator != "!=")
        return _compared(self._value(left), operator, self._value(right)) != negated

    def _next(self, word: str) -> bool:
        there = self._at < len(self._tokens) and self._tokens[self._at] == ("", word)
        self._at += there
        return there

    def _take(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _value(self, token: tuple[str, str]) -> str:
        kind, text = token
        if kind == "text":
            return text
        if text not in self._environment:
            raise ValueError(f"{text} is not known")
        return self._environment[text]


def _compared(left: str, operator: str, right: str) -> bool:
    if operator == "in":
        return left in right
    if not (_NUMBERS.fullmatch(left) and _NUMBERS.fullmatch(right)):
        return {"==": left == right, "===": left == right, "!=": left != right}.get(operator, True)
    mine, theirs = ([int(each) for each in re.findall(r"\d+", text)] for text in (left, right))
    if right.endswith(".*"):
        return (mine[: len(theirs)] == theirs) == (operator != "!=")
    if operator == "~=":
        return mine >= theirs and mine[: len(theirs) - 1] == theirs[:-1]
    width = max(len(mine), len(theirs))
    mine, theirs = (each + [0] * (width - len(each)) for each in (mine, theirs))
    return {
        "==": mine == theirs,
        "===": mine == theirs,
        "!=": mine != theirs,
        "<": mine < theirs,
        "<=": mine <= theirs,
        ">": mine > theirs,
        ">=": mine >= theirs,
    }[operator]
