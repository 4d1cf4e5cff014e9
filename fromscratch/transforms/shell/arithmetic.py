"""Arithmetic of the shell: XCU 2.6.4, the integer expressions of C in 64 bits."""

import re
from collections.abc import Callable

from fromscratch.transforms.shell.values import Fault

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|[0-9]+)|([A-Za-z_][A-Za-z0-9_]*)"
    r"|(<<=|>>=|\*\*|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&^|]=|[-+*/%&^|<>!~?:=(),]))"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", "<=", ">", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_ASSIGNING = ("=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "<<=", ">>=")
NESTING = 32


def evaluated(expression: str, get: Callable[[str], str], put: Callable[[str, str], None]) -> int:
    """The value of an expression over the variables of the shell. Raises Fault for one that is not an expression."""
    return _Reader(expression, get, put).whole()


def _wrapped(number: int) -> int:
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _number(text: str, expression: str) -> int:
    if len(text) > 40:
        raise Fault(f"arithmetic expression: too long a number in {expression[:60]!r}")
    try:
        if text[:2] in ("0x", "0X"):
            return int(text, 16)
        return int(text, 8 if len(text) > 1 and text[0] == "0" else 10)
    except ValueError:
        raise Fault(f"arithmetic expression: not a number: {text}") from None


def _operated(sign: str, left: int, right: int) -> int:
    match sign:
        case "+":
            return _wrapped(left + right)
        case "-":
            return _wrapped(left - right)
        case "*":
            return _wrapped(left * right)
        case "/" | "%":
            if not right:
                raise Fault("arithmetic expression: division by zero")
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            return _wrapped(quotient if sign == "/" else left - right * quotient)
        case "<<":
            return _wrapped(left << (right & 63))
        case ">>":
            return left >> (right & 63)
        case "&":
            return left & right
        case "^":
            return left ^ right
        case "|":
            return left | right
    outcomes = {
        "==": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return int(outcomes[sign])


class _Reader:
    """One pass over the expression; `live` is false in the branch of `&&`, `||` and `?:` that is not taken."""

    def __init__(self, expression: str, get: Callable[[str], str], put: Callable[[str, str], None]) -> None:
        self._text, self._get, self._put = expression, get, put
        self._tokens: list[str] = []
        self._at = self._depth = 0
        self._live = True
        at = 0
        stripped = expression.rstrip()
        while at < len(stripped):
            found = _TOKEN.match(stripped, at)
            if not found:
                raise self._fault()
            self._tokens.append(found[0].strip())
            at = found.end()

    def _fault(self) -> Fault:
        return Fault(f"arithmetic expression: cannot be read: {self._text[:60]!r}")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def whole(self) -> int:
        if not self._tokens:
            return 0
        value = self._comma()
        if self._peek():
            raise self._fault()
        return value

    def _comma(self) -> int:
        value = self._assignment()
        while self._peek() == ",":
            self._take()
            value = self._assignment()
        return value

    def _assignment(self) -> int:
        self._depth += 1
        if self._depth > NESTING:
            raise self._fault()
        name = self._peek()
        if _is_name(name) and self._at + 1 < len(self._tokens) and self._tokens[self._at + 1] in _ASSIGNING:
            self._take()
            sign = self._take()[:-1]
            value = self._assignment()
            if sign and self._live:
                value = _operated(sign, self._variable(name), value)
            if self._live:
                self._put(name, str(value))
        else:
            value = self._conditional()
        self._depth -= 1
        return value

    def _conditional(self) -> int:
        condition = self._binary(0)
        if self._peek() != "?":
            return condition
        self._take()
        yes = self._branch(bool(condition), self._assignment)
        if self._take() != ":":
            raise self._fault()
        no = self._branch(not condition, self._assignment)
        return yes if condition else no

    def _branch(self, live: bool, read: Callable[[], int]) -> int:
        before = self._live
        self._live = before and live
        value = read()
        self._live = before
        return value

    def _binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (sign := self._peek()) in _LEVELS[level]:
            self._take()
            if sign in ("&&", "||"):
                right = self._branch(bool(left) == (sign == "&&"), lambda: self._binary(level + 1))
                left = int(bool(left) and bool(right)) if sign == "&&" else int(bool(left) or bool(right))
                continue
            right = self._binary(level + 1)
            left = _operated(sign, left, right) if self._live else 0
        return left

    def _unary(self) -> int:
        signs: list[str] = []
        while self._peek() in ("+", "-", "!", "~", "++", "--"):
            signs.append(self._take())
        value = self._primary(signs)
        for sign in reversed(signs):
            value = _wrapped({"-": -value, "!": int(not value), "~": ~value}.get(sign, value))
        return value

    def _primary(self, signs: list[str]) -> int:
        token = self._take()
        if token == "(":
            self._depth += 1
            if self._depth > NESTING:
                raise self._fault()
            value = self._comma()
            self._depth -= 1
            if self._take() != ")":
                raise self._fault()
            return value
        if _is_name(token):
            return self._name_value(token, signs)
        if not token or token[0] not in "0123456789":
            raise self._fault()
        return _wrapped(_number(token, self._text))

    def _name_value(self, name: str, signs: list[str]) -> int:
        value = self._variable(name) if self._live else 0
        step = {"++": 1, "--": -1}
        if signs and signs[-1] in step:
            value = _wrapped(value + step[signs[-1]])
            if self._live:
                self._put(name, str(value))
        elif self._peek() in step:
            after = _wrapped(value + step[self._take()])
            if self._live:
                self._put(name, str(after))
        return value

    def _variable(self, name: str) -> int:
        value = self._get(name).strip()
        if not value:
            return 0
        sign = -1 if value[0] == "-" else 1
        digits = value[1:] if value[0] in "+-" else value
        if not digits or digits[0] not in "0123456789":
            raise Fault(f"arithmetic expression: {name} is not a number: {value[:40]}")
        return _wrapped(sign * _number(digits, self._text))


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"
