"""Programs of awk as scripts write them in one line: conditions on fields, and `print` of them."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex
from fromscratch.transforms.shell.machine import NotUnderstood
from fromscratch.transforms.shell.posix_regex import Regex, posix_regex

_TOKEN = lazy_regex(
    r"[ \t]*(?:(?P<end>#[^\n]*|\\\n)|(?P<number>[0-9]+(?:\.[0-9]+)?)|\"(?P<text>(?:[^\"\\\n]|\\.)*)\""
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>&&|\|\||==|!=|<=|>=|!~|[{}();,$<>~!/\n]))"
)
_PATTERN = lazy_regex(r"((?:[^/\\\[\n]|\\.|\[\^?\]?[^\]\n]*\])*)/")
_NUMBER = lazy_regex(r"[ \t\n]*[-+]?[0-9]{1,15}(?:\.[0-9]{0,9})?[ \t\n]*")
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "/": "/"}
_COMPARED: dict[str, Callable[[int], bool]] = {
    "==": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}
_DEEPEST = 50


class Value(Struct, frozen=True):
    """A text, with its number if it compares as one: a constant, or a field that looks like one."""

    text: str
    number: float | None = None

    @property
    def holds(self) -> bool:
        return bool(self.text) if self.number is None else self.number != 0


class Record:
    """The present line, its fields and its number."""

    def __init__(self, variables: dict[str, str], separator: str) -> None:
        self.variables = variables
        self._separator: Regex | None = None
        if separator not in (" ", "") and len(separator) > 1:
            self._separator = posix_regex(separator, extended=True, controls=True)
        self._single = separator if len(separator) == 1 and separator != " " else ""
        self.line, self.count = "", 0
        self.fields: list[str] = []

    def take(self, line: str) -> None:
        """The next line."""
        self.line, self.count = line, self.count + 1
        if self._separator is not None:
            self._separator.search(line)  # refuses what is too long
            self.fields = self._separator.pattern.split(line) if line else []
        elif self._single:
            self.fields = line.split(self._single) if line else []
        else:
            self.fields = line.replace("\n", " ").replace("\t", " ").split(" ")
            self.fields = [field for field in self.fields if field]

    def field(self, place: int) -> Value:
        """A field, or with 0 the line."""
        text = self.line if place == 0 else self.fields[place - 1] if place <= len(self.fields) else ""
        return Value(text, float(text) if _NUMBER.fullmatch(text) else None)


Expression = Callable[[Record], Value]


class Rule(Struct, frozen=True):
    """What is printed for a line for which the condition holds; `at` is BEGIN, END or empty."""

    at: str
    condition: Expression | None
    steps: tuple[tuple[str, tuple[Expression, ...]], ...]


class _Parser:
    """Operators in the order in which they bind, the loosest first."""

    def __init__(self, text: str) -> None:
        self._text, self._position, self._depth = text, 0, 0

    def rules(self) -> list[Rule]:
        """All rules of the program. Raises NotUnderstood."""
        found = []
        self._blank()
        while self._peek() is not None:
            at = ""
            condition = None
            if self._peek() in (("word", "BEGIN"), ("word", "END")):
                at = self._next()[1]
            elif self._peek() != ("sign", "{"):
                condition = self._either()
            steps: tuple[tuple[str, tuple[Expression, ...]], ...] = (("print", ()),)
            if self._peek() == ("sign", "{"):
                self._next()
                steps = tuple(self._steps())
            elif at:
                raise NotUnderstood("a rule of awk has no action")
            found.append(Rule(at, condition, steps))
            self._blank()
        return found

    def _scan(self) -> tuple[tuple[str, str] | None, int]:
        position = self._position
        while found := _TOKEN.match(self._text, position):
            position = found.end()
            if found.lastgroup != "end":
                return (str(found.lastgroup), found[str(found.lastgroup)]), position
        if self._text[position:].strip(" \t"):
            raise NotUnderstood("the program of awk has signs that are not known")
        return None, position

    def _peek(self) -> tuple[str, str] | None:
        return self._scan()[0]

    def _next(self) -> tuple[str, str]:
        token, self._position = self._scan()
        if token is None:
            raise NotUnderstood("the program of awk ends too early")
        return token

    def _sign(self, *signs: str) -> str | None:
        token = self._peek()
        if token is not None and token[0] == "sign" and token[1] in signs:
            return self._next()[1]
        return None

    def _blank(self) -> None:
        while self._sign(";", "\n"):
            pass

    def _steps(self) -> Iterator[tuple[str, tuple[Expression, ...]]]:
        self._blank()
        while not self._sign("}"):
            kind, word = self._next()
            if kind != "word" or word not in ("print", "next", "exit"):
                raise NotUnderstood(f"{word} in a program of awk is not followed")
            values: list[Expression] = []
            if word == "print" and self._peek() not in (("sign", ";"), ("sign", "\n"), ("sign", "}")):
                values.append(self._joined())
                while self._sign(","):
                    values.append(self._joined())
            if self._peek() != ("sign", "}") and not self._sign(";", "\n"):
                raise NotUnderstood("a step of awk does not end")
            self._blank()
            yield word, tuple(values)

    def _either(self) -> Expression:
        value = self._both()
        while self._sign("||"):
            value = _logical(value, self._both(), either=True)
        return value

    def _both(self) -> Expression:
        value = self._compared()
        while self._sign("&&"):
            value = _logical(value, self._compared(), either=False)
        return value

    def _compared(self) -> Expression:
        left = self._joined()
        operator = self._sign(*_COMPARED, "~", "!~")
        if operator is None:
            return left
        if operator in ("~", "!~"):
            return self._matching(left, operator == "~")
        return _comparison(operator, left, self._joined())

    def _matching(self, left: Expression, expected: bool) -> Expression:
        if not self._sign("/"):
            raise NotUnderstood("awk matches what is not a pattern in slashes")
        regex = self._regex()
        return lambda record: _truth((regex.search(left(record).text) is not None) == expected)

    def _joined(self) -> Expression:
        parts = [self._primary()]
        while (token := self._peek()) is not None and (token[0] != "sign" or token[1] in ("$", "(")):
            parts.append(self._primary())
        if len(parts) == 1:
            return parts[0]
        return lambda record: Value("".join(part(record).text for part in parts))

    def _regex(self) -> Regex:
        found = _PATTERN.match(self._text, self._position)
        if not found:
            raise NotUnderstood("a pattern of awk does not end")
        self._position = found.end()
        return posix_regex(found[1].replace("\\/", "/"), extended=True, controls=True)

    def _primary(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotUnderstood("the program of awk is too deep")
        kind, text = self._next()
        try:
            return self._value(kind, text)
        finally:
            self._depth -= 1

    def _value(self, kind: str, text: str) -> Expression:
        match kind, text:
            case "number", _:
                constant = Value(text, float(text))
                return lambda record: constant
            case "text", _:
                plain = Value(re.sub(r"\\(.)", _unescaped, text))
                return lambda record: plain
            case "word", _:
                return self._variable(text)
            case "sign", "$":
                place = self._primary()
                return lambda record: record.field(_place(place(record)))
            case "sign", "!":
                negated = self._primary()
                return lambda record: _truth(not negated(record).holds)
            case "sign", "(":
                inner = self._either()
                if not self._sign(")"):
                    raise NotUnderstood("a bracket of awk does not end")
                return inner
            case "sign", "/":
                regex = self._regex()
                return lambda record: _truth(regex.search(record.line) is not None)
        raise NotUnderstood(f"{text!r} in a program of awk is not followed")

    def _variable(self, name: str) -> Expression:
        if self._text[self._position : self._position + 1] in ("(", "[", "=", "+", "-") and name not in ("NF", "NR"):
            raise NotUnderstood(f"{name} in a program of awk is not followed")
        if name == "NF":
            return lambda record: _count(len(record.fields))
        if name in ("NR", "FNR"):
            return lambda record: _count(record.count)
        return lambda record: _given(record, name)


def _given(record: Record, name: str) -> Value:
    if name not in record.variables:
        raise NotUnderstood(f"{name} in a program of awk is not followed")
    text = record.variables[name]
    return Value(text, float(text) if _NUMBER.fullmatch(text) else None)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] not in _ESCAPES:
        raise NotUnderstood(f"the escape \\{found[1]} is not known")
    return _ESCAPES[found[1]]


def _count(count: int) -> Value:
    return Value(str(count), float(count))


def _truth(holds: bool) -> Value:
    return _count(int(holds))


def _place(value: Value) -> int:
    if value.number is None or value.number < 0 or value.number > 100_000:
        raise NotUnderstood("the number of a field is not known")
    return int(value.number)


def _logical(left: Expression, right: Expression, *, either: bool) -> Expression:
    if either:
        return lambda record: _truth(left(record).holds or right(record).holds)
    return lambda record: _truth(left(record).holds and right(record).holds)


def _comparison(operator: str, left: Expression, right: Expression) -> Expression:
    def compared(record: Record) -> Value:
        one, other = left(record), right(record)
        if one.number is not None and other.number is not None:
            sign = (one.number > other.number) - (one.number < other.number)
        else:
            sign = (one.text > other.text) - (one.text < other.text)
        return _truth(_COMPARED[operator](sign))

    return compared


def parse_program(text: str) -> list[Rule]:
    """The rules of a program. Raises NotUnderstood."""
    return _Parser(text).rules()
