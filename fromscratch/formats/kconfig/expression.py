"""The expressions of Kconfig's `depends on`, as Documentation/kbuild/kconfig-language.rst gives them."""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from fromscratch.formats.kconfig.config import NOT_SET, Value, is_set
from fromscratch.limits import BRACKETS


class Term(Struct, frozen=True):
    """An expression: `operator` is one of name, string, not, and, or, = or !=."""

    operator: str
    operands: tuple["Term", ...] = ()
    text: str = ""

    def __str__(self) -> str:
        match self.operator:
            case "name":
                return self.text
            case "string":
                return f'"{self.text}"'
            case "not":
                return f"!{_bracketed(self.operands[0])}"
            case "and" | "or":
                sign = " && " if self.operator == "and" else " || "
                return sign.join(
                    _bracketed(operand) if operand.operator == "or" else str(operand) for operand in self.operands
                )
            case _:
                return f"{self.operands[0]} {self.operator} {self.operands[1]}"


def parse_expression(text: str) -> Term:
    """The term of a `depends on`. Raises ValueError for what is not an expression, or nests deeper than any needs."""
    tokens = re.findall(r'"[^"]*"|\'[^\']*\'|&&|\|\||!=|[()!=]|[^\s()!=&|"\']+', text)
    parser = _Expression(tokens)
    term = parser.either()
    if parser.here():
        raise ValueError(f"{text!r} goes on after its end")
    return term


def holds(term: Term, config: Mapping[str, Value]) -> bool:
    """Whether a term is true of a configuration."""
    match term.operator:
        case "name":
            return term.text == "y" or is_set(config, term.text)
        case "string":
            return term.text == "y"
        case "not":
            return not holds(term.operands[0], config)
        case "and":
            return all(holds(operand, config) for operand in term.operands)
        case "or":
            return any(holds(operand, config) for operand in term.operands)
        case _:
            left, right = (_plain(operand, config) for operand in term.operands)
            return (left == right) == (term.operator == "=")


def unsatisfied(term: Term, config: Mapping[str, Value]) -> list[Term]:
    """The parts of a term that would each have to become true."""
    if holds(term, config):
        return []
    if term.operator == "and":
        return [part for operand in term.operands for part in unsatisfied(operand, config)]
    return [term]


def _plain(term: Term, config: Mapping[str, Value]) -> str:
    if term.operator == "string":
        return term.text
    return config.get(term.text, NOT_SET if term.text.isupper() else term.text).strip('"')


def _bracketed(term: Term) -> str:
    return f"({term})" if term.operator in ("and", "or") else str(term)


class _Expression:
    """Recursive descent by the precedence of the language: =, !, &&, ||."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._place, self._depth = tokens, 0, 0

    def here(self) -> str:
        """The next token, which stays; empty at the end."""
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def either(self) -> Term:
        return self._series("||", "or", self.both)

    def both(self) -> Term:
        return self._series("&&", "and", self.single)

    def _series(self, sign: str, operator: str, part: Callable[[], Term]) -> Term:
        terms = [part()]
        while self.here() == sign:
            self._place += 1
            terms.append(part())
        return terms[0] if len(terms) == 1 else Term(operator, tuple(terms))

    def single(self) -> Term:
        token = self._next()
        if token in ("!", "("):
            return self._inner(token)
        left = self._atom(token)
        if self.here() in ("=", "!="):
            return Term(self._next(), (left, self._atom(self._next())))
        return left

    def _inner(self, token: str) -> Term:
        """What stands behind a `!` or within brackets: one level of recursion, here and in all that read the term."""
        self._depth += 1
        if self._depth > BRACKETS:
            raise ValueError(f"it nests deeper than {BRACKETS} levels")
        if token == "!":
            term = Term("not", (self.single(),))
        else:
            term = self.either()
            if self._next() != ")":
                raise ValueError("a bracket is not closed")
        self._depth -= 1
        return term

    def _atom(self, token: str) -> Term:
        if token[0] in "\"'":
            return Term("string", text=token[1:-1])
        if token in ("(", ")", "=", "!=", "&&", "||"):
            raise ValueError(f"{token} stands where a symbol should")
        return Term("name", text=token)

    def _next(self) -> str:
        token = self.here()
        if not token:
            raise ValueError("the expression ends too early")
        self._place += 1
        return token
