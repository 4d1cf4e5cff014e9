"""Programs of awk: their text into functions of a state. What is not known of the language is refused."""

import re

from msgspec import Struct

from fromscratch.limits import BRACKETS
from fromscratch.transforms.shell.commands.text.awk.meaning import (
    FUNCTIONS,
    Expression,
    Statement,
    adding,
    both,
    calculating,
    calling,
    choosing,
    comparing,
    constant,
    either,
    exiting,
    field,
    formatting,
    in_order,
    joined,
    matching,
    negated,
    next_record,
    printing,
    setting,
    signed,
    unescaped,
)
from fromscratch.transforms.shell.machine import NotUnderstood

_SPACE = re.compile(r"(?:[ \t\r]|\\\n|#[^\n]*)+")
_TOKEN = re.compile(
    r'(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[A-Za-z_]\w*)|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<sign>&&|\|\||[=!<>]=|!~|\+\+|--|\+=|-=|[-+*/%(){};,<>~!=$\n])"
)
_REGEX = re.compile(r"/((?:[^/\\\n]|\\.)*)/")
_COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")
_STARTS = re.compile(r"[\w\"$(!+-]")
_KEYWORDS = frozenset(
    ("BEGIN", "END", "close", "delete", "do", "else", "exit", "for", "function", "getline", "gsub", "if", "in")
) | frozenset(("match", "next", "print", "printf", "return", "split", "sprintf", "sub", "system", "while"))


class Rule(Struct, frozen=True):
    """`when` is BEGIN, END, or empty for records, which `matches` chooses from."""

    when: str
    matches: Expression | None
    action: Statement


def parse(program: str) -> list[Rule]:
    """The rules of a program. Raises NotUnderstood."""
    reader = _Reader(program)
    rules = []
    reader.lines()
    while not reader.ended():
        rules.append(reader.rule())
        reader.lines()
    return rules


class _Reader:
    def __init__(self, program: str) -> None:
        self._text, self._at, self._depth = program, 0, 0
        self._in_print, self._depth_of_parentheses = False, 0

    def ended(self) -> bool:
        self._blanks()
        return self._at == len(self._text)

    def lines(self) -> None:
        while self._accept("\n") or self._accept(";"):
            pass

    def rule(self) -> Rule:
        when, matches = "", None
        if self._accept("BEGIN"):
            when = "BEGIN"
        elif self._accept("END"):
            when = "END"
        elif not self._peek("{"):
            matches = self._expression()
        if self._peek("{"):
            return Rule(when, matches, self._block())
        if when:
            raise self._unknown()
        return Rule(when, matches, printing([]))

    def _blanks(self) -> None:
        if found := _SPACE.match(self._text, self._at):
            self._at = found.end()

    def _token(self) -> re.Match[str] | None:
        self._blanks()
        return _TOKEN.match(self._text, self._at)

    def _peek(self, sign: str) -> bool:
        found = self._token()
        return found is not None and found[0] == sign

    def _accept(self, sign: str) -> bool:
        found = self._token()
        if found is None or found[0] != sign:
            return False
        self._at = found.end()
        return True

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._unknown()

    def _unknown(self) -> NotUnderstood:
        return NotUnderstood(f"the program of awk at {self._text[self._at : self._at + 20]!r}")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > BRACKETS:
            raise NotUnderstood(f"a program of awk with more than {BRACKETS} levels")

    def _block(self) -> Statement:
        self._deeper()
        self._expect("{")
        found = []
        self.lines()
        while not self._accept("}"):
            found.append(self._statement())
            separated = self._text[: self._at].rstrip().endswith("}") or any(map(self._peek, ("}", ";", "\n")))
            if not separated:
                raise self._unknown()
            self.lines()
        self._depth -= 1
        return in_order(found)

    def _statement(self) -> Statement:
        if self._peek("{"):
            return self._block()
        if self._accept("next"):
            return next_record
        if self._accept("exit"):
            return exiting(self._expression() if self._begins() else None)
        if self._accept("if"):
            return self._if()
        if self._accept("print"):
            return printing(self._list())
        if self._accept("printf"):
            return formatting(self._list())
        return self._assignment()

    def _if(self) -> Statement:
        self._deeper()
        self._expect("(")
        condition = self._expression()
        self._expect(")")
        self.lines()
        first = self._statement()
        self._depth -= 1
        place = self._at
        self.lines()
        if not self._accept("else"):
            self._at = place
            return choosing(condition, first, None)
        self.lines()
        return choosing(condition, first, self._statement())

    def _list(self) -> list[Expression]:
        """What print prints; its `>` would be a redirection."""
        self._in_print = True
        found = []
        while self._begins():
            found.append(self._expression())
            if not self._accept(","):
                break
        self._in_print = False
        if self._peek(">"):
            raise self._unknown()
        return found

    def _begins(self) -> bool:
        self._blanks()
        return self._text.startswith("/", self._at) or _STARTS.match(self._text, self._at) is not None

    def _assignment(self) -> Statement:
        found = self._token()
        if found is None or found.lastgroup != "name" or found[0] in _KEYWORDS:
            raise self._unknown()
        name, self._at = found[0], found.end()
        for sign in ("++", "--"):
            if self._accept(sign):
                return adding(name, constant(1.0 if sign == "++" else -1.0))
        for sign in ("+=", "-=", "="):
            if self._accept(sign):
                value = self._expression()
                return setting(name, value) if sign == "=" else adding(name, signed(value, sign == "-="))
        raise self._unknown()

    def _expression(self) -> Expression:
        found = self._and()
        while self._accept("||"):
            found = either(found, self._and())
        return found

    def _and(self) -> Expression:
        found = self._match()
        while self._accept("&&"):
            found = both(found, self._match())
        return found

    def _match(self) -> Expression:
        found = self._comparison()
        while self._peek("~") or self._peek("!~"):
            negated = not self._accept("~") and self._accept("!~")
            self._blanks()
            literal = self._regex()
            pattern = constant(literal) if literal is not None else self._comparison()
            found = matching(found, pattern, negated)
        return found

    def _comparison(self) -> Expression:
        found = self._concatenation()
        for sign in _COMPARISONS:
            if not (sign == ">" and self._in_print and not self._depth_of_parentheses) and self._accept(sign):
                return comparing(sign, found, self._concatenation())
        return found

    def _concatenation(self) -> Expression:
        found = self._sum()
        while self._joins():
            found = joined(found, self._sum())
        return found

    def _joins(self) -> bool:
        token = self._token()
        if token is None or token.lastgroup not in ("number", "name", "string"):
            return token is not None and token[0] in ("$", "(")
        return token[0] not in _KEYWORDS

    def _sum(self) -> Expression:
        found = self._product()
        while (sign := self._one_of("+", "-")) is not None:
            found = calculating(sign, found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._unary()
        while (sign := self._one_of("*", "/", "%")) is not None:
            found = calculating(sign, found, self._unary())
        return found

    def _one_of(self, *signs: str) -> str | None:
        return next((sign for sign in signs if self._accept(sign)), None)

    def _unary(self) -> Expression:
        self._deeper()
        if self._accept("!"):
            inner = self._unary()
            found = negated(inner)
        elif self._accept("-"):
            found = signed(self._unary(), True)
        else:
            found = self._primary()
        self._depth -= 1
        return found

    def _regex(self) -> str | None:
        found = _REGEX.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[1].replace("\\/", "/")

    def _primary(self) -> Expression:
        self._blanks()
        if (written := self._regex()) is not None:
            return matching(lambda state: state.record, constant(written), False)
        found = self._token()
        if found is None:
            raise self._unknown()
        self._at = found.end()
        if found.lastgroup == "number":
            return constant(float(found[0]))
        if found.lastgroup == "string":
            return constant(unescaped(found[0][1:-1]))
        if found[0] == "$":
            return field(self._unary())
        if found[0] == "(":
            return self._in_parentheses()
        if found.lastgroup == "name" and found[0] not in _KEYWORDS:
            return self._variable_or_call(found[0])
        self._at = found.start()
        raise self._unknown()

    def _in_parentheses(self) -> Expression:
        self._depth_of_parentheses += 1
        found = self._expression()
        self._expect(")")
        self._depth_of_parentheses -= 1
        return found

    def _variable_or_call(self, name: str) -> Expression:
        if name in FUNCTIONS and (self._text.startswith("(", self._at) or name == "length"):
            arguments = []
            if self._accept("(") and not self._accept(")"):
                self._depth_of_parentheses += 1
                arguments.append(self._expression())
                while self._accept(","):
                    arguments.append(self._expression())
                self._expect(")")
                self._depth_of_parentheses -= 1
            return calling(name, arguments)
        if self._text.startswith(("(", "["), self._at):
            raise self._unknown()
        return lambda state: state.variables.get(name, "")
