"""`test` and `[`: XCU test, with a third outcome for what nobody knows."""

import re
from collections.abc import Mapping

from fromscratch.errors import ImageError
from fromscratch.transforms.shell import file_tests
from fromscratch.transforms.shell.lookup import is_assumed
from fromscratch.transforms.shell.machine import NotUnderstood
from fromscratch.transforms.shell.state import Builtin, Invocation, Shell
from fromscratch.transforms.shell.streams import UnknownFiles
from fromscratch.transforms.shell.values import Doubt, Fault, Status, Value

Truth = bool | None

_UNARY = frozenset(f"-{letter}" for letter in "bcdefghkLnOGprsStuwxzNva")
_BINARY = frozenset(("=", "==", "!=", "-eq", "-ne", "-gt", "-ge", "-lt", "-le", "<", ">", "-nt", "-ot", "-ef", "=~"))
_NUMBER = re.compile(r"\s*([-+]?[0-9]{1,18})\s*")


def negation(truth: Truth) -> Truth:
    return None if truth is None else not truth


def both(left: Truth, right: Truth) -> Truth:
    """`and` of three values: false wins over what nobody knows."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: Truth, right: Truth) -> Truth:
    """`or` of three values."""
    return negation(both(negation(left), negation(right)))


def _test(invocation: Invocation) -> Status:
    words = list(invocation.words)
    if invocation.name == "[" and (not words or words.pop() != "]"):
        return 2
    try:
        truth = _Reader(invocation.shell, words).whole()
    except Fault:
        return 2
    return None if truth is None else int(not truth)


class _Reader:
    """The expression: by the number of words up to four, as POSIX says, and with precedence beyond."""

    def __init__(self, shell: Shell, words: list[Value]) -> None:
        self._shell, self._words, self._at = shell, words, 0

    def whole(self) -> Truth:
        return self._counted(self._words)

    def _counted(self, words: list[Value]) -> Truth:
        shell = self._shell
        match words:
            case []:
                return False
            case [word]:
                return None if isinstance(word, Doubt) else word != ""
            case ["!", word]:
                return negation(self._counted([word]))
            case [str(operator), word] if operator in _UNARY:
                return unary(shell, operator, word)
            case [left, str(operator), right] if operator in _BINARY:
                return binary(shell, left, operator, right)
            case ["!", *rest] if len(words) <= 4:
                return negation(self._counted(rest))
            case ["(", *inner, ")"] if len(words) <= 4:
                return self._counted(inner)
        self._words, self._at = words, 0
        truth = self._or(0)
        if self._at != len(words):
            raise Fault("test: unexpected operator")
        return truth

    def _peek(self) -> Value | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def _or(self, depth: int) -> Truth:
        if depth > 30:
            raise Fault("test: too deep")
        truth = self._and(depth)
        while self._peek() == "-o":
            self._at += 1
            truth = either(truth, self._and(depth))
        return truth

    def _and(self, depth: int) -> Truth:
        truth = self._not(depth)
        while self._peek() == "-a":
            self._at += 1
            truth = both(truth, self._not(depth))
        return truth

    def _not(self, depth: int) -> Truth:
        negated = False
        while self._peek() == "!" and self._at + 1 < len(self._words):
            negated = not negated
            self._at += 1
        truth = self._primary(depth)
        return negation(truth) if negated else truth

    def _primary(self, depth: int) -> Truth:
        words, at = self._words, self._at
        if at >= len(words):
            raise Fault("test: argument expected")
        operator = words[at + 1] if at + 2 < len(words) else None
        if isinstance(operator, str) and operator in _BINARY:
            self._at += 3
            return binary(self._shell, words[at], operator, words[at + 2])
        first = words[at]
        if first == "(":
            self._at += 1
            truth = self._or(depth + 1)
            if self._peek() != ")":
                raise Fault("test: closing paren expected")
            self._at += 1
            return truth
        if isinstance(first, str) and first in _UNARY and at + 1 < len(words):
            self._at += 2
            return unary(self._shell, first, words[at + 1])
        self._at += 1
        return None if isinstance(first, Doubt) else first != ""


def binary(shell: Shell, left: Value, operator: str, right: Value) -> Truth:
    """A comparison of two words. Raises Fault for what is not a number where one is needed."""
    if isinstance(left, Doubt) or isinstance(right, Doubt):
        return None
    match operator:
        case "=" | "==":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case ">":
            return left > right
        case "-nt" | "-ot" | "-ef":
            return _compared(shell, left, operator, right)
        case "=~":
            return None
    first, second = _number(left), _number(right)
    return {
        "-eq": first == second,
        "-ne": first != second,
        "-gt": first > second,
        "-ge": first >= second,
        "-lt": first < second,
        "-le": first <= second,
    }[operator]


def _number(word: str) -> int:
    found = _NUMBER.fullmatch(word)
    if not found:
        raise Fault(f"test: Illegal number: {word[:40]}")
    return int(found[1])


def _compared(shell: Shell, left: str, operator: str, right: str) -> Truth:
    try:
        return file_tests.compare_files(shell.machine, operator, shell.path(left), shell.path(right))
    except NotUnderstood:
        return None


def unary(shell: Shell, operator: str, word: Value) -> Truth:
    """A test of one word: of the text itself, or of the file that it names."""
    if isinstance(word, Doubt):
        return None
    match operator:
        case "-n":
            return word != ""
        case "-z":
            return word == ""
        case "-t":
            return False
        case "-v":
            return shell.get(word) is not None
    if not word:
        return False
    return file_test(shell, operator, shell.path(word))


def file_test(shell: Shell, operator: str, path: str) -> Truth:
    """A test of a file of the tree, as root sees it."""
    tree, doubts = shell.machine.tree, shell.machine.state(UnknownFiles).doubts
    if doubts and operator[1] not in "hL":
        try:
            if tree.place(path) in doubts and tree.find(path) is None:
                return None
        except ImageError:
            return False
    if operator[1] in "efxrs" and is_assumed(path):
        return True
    try:
        return file_tests.file_test(shell.machine, "e" if operator == "-a" else operator[1], path)
    except NotUnderstood:
        return None


BUILTINS: Mapping[str, Builtin] = {"test": _test, "[": _test}
