"""expr and seq."""

from collections.abc import Sequence

from fromscratch.limits import BRACKETS
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options
from fromscratch.transforms.shell.posix_regex import posix_regex

_LEVELS = (("|",), ("&",), ("=", "==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"), (":",))
_KEYWORDS = {"match": 2, "substr": 3, "index": 2, "length": 1}
_MOST = 100_000


class _Wrong(Exception):
    """An expression that expr(1) refuses too."""


class _Expression:
    """An expression as expr(1) reads and evaluates it: everything is text, and a number where it looks like one."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words, self._at, self._depth = [*words], 0, 0

    def value(self) -> str:
        found = self._level(0)
        if self._at != len(self._words):
            raise _Wrong
        return found

    def _next(self) -> str:
        if self._at == len(self._words):
            raise _Wrong
        self._at += 1
        return self._words[self._at - 1]

    def _level(self, level: int) -> str:
        if level == len(_LEVELS):
            return self._primary()
        found = self._level(level + 1)
        while self._at < len(self._words) and self._words[self._at] in _LEVELS[level]:
            operator = self._next()
            found = _applied(operator, found, self._level(level + 1))
        return found

    def _primary(self) -> str:
        word = self._next()
        if word == "(":
            self._depth += 1
            if self._depth > BRACKETS:
                raise NotUnderstood(f"an expression of more than {BRACKETS} levels")
            found = self._level(0)
            self._depth -= 1
            if self._next() != ")":
                raise _Wrong
            return found
        if word == "+":
            return self._next()
        if word in _KEYWORDS:
            return _keyword(word, [self._primary() for _ in range(_KEYWORDS[word])])
        if word == ")":
            raise _Wrong
        return word


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    if len(digits) > 18:
        raise NotUnderstood(f"a number of {len(digits)} digits")
    return int(text) if digits.isascii() and digits.isdecimal() else None


def _is_true(text: str) -> bool:
    return text != "" and _number(text) != 0


def _applied(operator: str, left: str, right: str) -> str:
    if operator == ":":
        return _matched(left, right)
    if operator == "|":
        return left if _is_true(left) else right if _is_true(right) else "0"
    if operator == "&":
        return left if _is_true(left) and _is_true(right) else "0"
    first, second = _number(left), _number(right)
    if operator in _LEVELS[2]:
        numbers = first is not None and second is not None
        order = (first or 0) - (second or 0) if numbers else (left > right) - (left < right)
        return str(int(_compared(operator, order)))
    if first is None or second is None or (second == 0 and operator in "/%"):
        raise _Wrong
    return str(_calculated(operator, first, second))


def _compared(operator: str, order: int) -> bool:
    """Whether the operator holds of two values of which the first is less (-1), equal or greater (1)."""
    match operator:
        case "<":
            return order < 0
        case "<=":
            return order <= 0
        case ">":
            return order > 0
        case ">=":
            return order >= 0
        case _:
            return (order == 0) != (operator == "!=")


def _calculated(operator: str, first: int, second: int) -> int:
    if operator in "/%":
        quotient = abs(first) // abs(second) * (1 if (first < 0) == (second < 0) else -1)
        return quotient if operator == "/" else first - second * quotient
    return first + second if operator == "+" else first - second if operator == "-" else first * second


def _keyword(word: str, values: Sequence[str]) -> str:
    match word:
        case "length":
            return str(len(values[0]))
        case "match":
            return _matched(values[0], values[1])
        case "index":
            places = [place for place in map(values[0].find, values[1]) if place >= 0]
            return str(min(places) + 1 if places else 0)
    start, length = _number(values[1]), _number(values[2])
    if start is None or length is None or start < 1 or length < 1:
        return ""
    return values[0][start - 1 : start - 1 + length]


def _matched(text: str, pattern: str) -> str:
    """What the first group matches at the beginning of the text, or how many characters match."""
    regex = posix_regex(pattern if pattern.startswith("^") else f"^{pattern}")
    found = regex.search(text)
    if regex.pattern.groups:
        return (found[1] or "") if found else ""
    return str(len(found[0])) if found else "0"


def expr(machine: Machine, call: Call) -> Result:
    """expr(1)."""
    words = call.arguments[1:] if call.arguments[:1] == ("--",) else call.arguments
    try:
        value = _Expression(words).value()
    except _Wrong:
        return Result(2)
    return Result(0 if _is_true(value) else 1, f"{value}\n".encode("utf-8", "surrogateescape"))


def seq(machine: Machine, call: Call) -> Result:
    """seq(1) of whole numbers."""
    words = call.arguments
    negative = [word for word in words if word[:1] == "-" and word[1:].isdecimal()]
    options = parse_options([word for word in words if word not in negative], "s:w", "separator:=s equal-width=w")
    operands = [word for word in words if word in (*options.operands, *negative)]
    numbers = [_number(word) for word in operands]
    if not 1 <= len(numbers) <= 3:
        return Result(1)
    known = [number for number in numbers if number is not None]
    if len(known) != len(numbers):
        raise NotUnderstood(f"{' '.join(operands)} are not all whole numbers")
    first, step, last = (1, 1, *known) if len(known) == 1 else (known[0], 1, known[1]) if len(known) == 2 else known
    if step == 0:
        return Result(1)
    found = range(first, last + (1 if step > 0 else -1), step)
    if len(found) > _MOST:
        raise NotUnderstood(f"it counts to more than {_MOST}")
    width = max((len(str(number)) for number in (first, last)), default=0) if options.has("w") else 0
    text = (options.value("s") or "\n").join(str(number).zfill(width) for number in found)
    return Result(0, f"{text}\n".encode() if text else b"")


COMMANDS = {"expr": Command(expr, "content"), "seq": Command(seq, "content")}
