"""What the parts of a program of awk do, as functions of a state."""

import math
import re
from collections.abc import Callable, Sequence

from fromscratch.transforms.shell.commands.text.awk.state import (
    Exit,
    Field,
    Next,
    State,
    Value,
    finite,
    is_true,
    looks_numeric,
    number,
    text,
)
from fromscratch.transforms.shell.machine import NotUnderstood

Expression = Callable[[State], Value]
Statement = Callable[[State], None]
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "/": "/", "r": "\r"}
_FORMAT = re.compile(r"%(?:%|[-0 +]*[0-9]{0,4}(?:\.[0-9]{1,4})?[sdi])")


def unescaped(written: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], "\\" + found[1]), written, flags=re.DOTALL)


def constant(value: Value) -> Expression:
    return lambda state: value


def negated(value: Expression) -> Expression:
    return lambda state: float(not is_true(value(state)))


def field(place: Expression) -> Expression:
    return lambda state: state.field(int(number(place(state))))


def signed(value: Expression, negative: bool) -> Expression:
    return lambda state: -number(value(state)) if negative else number(value(state))


def either(first: Expression, second: Expression) -> Expression:
    return lambda state: float(is_true(first(state)) or is_true(second(state)))


def both(first: Expression, second: Expression) -> Expression:
    return lambda state: float(is_true(first(state)) and is_true(second(state)))


def matching(value: Expression, pattern: Expression, negated: bool) -> Expression:
    return lambda state: float((state.expression(text(pattern(state))).search(text(value(state))) is None) == negated)


def joined(first: Expression, second: Expression) -> Expression:
    return lambda state: text(first(state)) + text(second(state))


def comparing(sign: str, first: Expression, second: Expression) -> Expression:
    def compared(state: State) -> Value:
        left, right = first(state), second(state)
        if looks_numeric(left) and looks_numeric(right):
            order = (number(left) > number(right)) - (number(left) < number(right))
        else:
            order = (text(left) > text(right)) - (text(left) < text(right))
        holds = {"<": order < 0, "<=": order <= 0, "==": order == 0, "!=": order != 0, ">": order > 0, ">=": order >= 0}
        return float(holds[sign])

    return compared


def calculating(sign: str, first: Expression, second: Expression) -> Expression:
    def calculated(state: State) -> Value:
        left, right = number(first(state)), number(second(state))
        if sign in "/%" and right == 0:
            raise NotUnderstood("a division by zero")
        match sign:
            case "+":
                return finite(left + right)
            case "-":
                return finite(left - right)
            case "*":
                return finite(left * right)
            case "/":
                return finite(left / right)
            case _:
                return math.fmod(left, right)

    return calculated


FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    "length": lambda values: float(len(text(values[0]))),
    "tolower": lambda values: text(values[0]).lower(),
    "toupper": lambda values: text(values[0]).upper(),
    "index": lambda values: float(text(values[0]).find(text(values[1])) + 1),
    "int": lambda values: float(int(number(values[0]))),
    "substr": lambda values: _part(text(values[0]), number(values[1]), number(values[2]) if len(values) > 2 else 1e9),
}
_ARGUMENTS = {"index": (2,), "substr": (2, 3)}


def _part(whole: str, start: float, length: float) -> str:
    first = max(round(start), 1)
    return whole[first - 1 : max(round(start) + round(length) - 1, 0)]


def calling(name: str, arguments: Sequence[Expression]) -> Expression:
    if name == "length" and not arguments:
        return lambda state: float(len(state.record))
    if len(arguments) not in _ARGUMENTS.get(name, (1,)):
        raise NotUnderstood(f"{name} with {len(arguments)} arguments")
    return lambda state: FUNCTIONS[name]([value(state) for value in arguments])


def in_order(statements: Sequence[Statement]) -> Statement:
    def done(state: State) -> None:
        for each in statements:
            each(state)

    return done


def next_record(state: State) -> None:
    raise Next


def exiting(status: Expression | None) -> Statement:
    def done(state: State) -> None:
        raise Exit(int(number(status(state))) & 0xFF if status else 0)

    return done


def choosing(condition: Expression, first: Statement, second: Statement | None) -> Statement:
    def done(state: State) -> None:
        if is_true(condition(state)):
            first(state)
        elif second is not None:
            second(state)

    return done


def printing(values: Sequence[Expression]) -> Statement:
    def done(state: State) -> None:
        words = [text(value(state)) for value in values] if values else [state.record]
        state.print(text(state.variables["OFS"]).join(words) + text(state.variables["ORS"]))

    return done


def formatting(values: Sequence[Expression]) -> Statement:
    def done(state: State) -> None:
        if not values:
            raise NotUnderstood("printf of nothing")
        given = iter([value(state) for value in values[1:]])

        def one(found: re.Match[str]) -> str:
            if found[0] == "%%":
                return "%"
            value = next(given, Field(""))
            return found[0] % (text(value) if found[0][-1] == "s" else int(number(value)))

        template = text(values[0](state))
        if "%" in _FORMAT.sub("", template):
            raise NotUnderstood(f"the format {template!r}")
        state.print(_FORMAT.sub(one, template))

    return done


def setting(name: str, value: Expression) -> Statement:
    if name in ("NF", "NR", "RS", "FS"):
        raise NotUnderstood(f"a program of awk that sets {name}")

    def done(state: State) -> None:
        state.variables[name] = value(state)

    return done


def adding(name: str, by: Expression) -> Statement:
    def done(state: State) -> None:
        state.variables[name] = finite(number(state.variables.get(name, "")) + number(by(state)))

    return done
