"""`test` and `[`: XCU test, with a third outcome for what nobody knows."""

import re
from collections.abc import Callable, Mapping

from fromscratch.errors import ImageError
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, Symlink
from fromscratch.transforms.shell.lookup import is_assumed
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
    first, second = shell.machine.tree.find(shell.path(left)), shell.machine.tree.find(shell.path(right))
    if operator == "-ef":
        try:
            return shell.machine.tree.resolve(shell.path(left)) == shell.machine.tree.resolve(shell.path(right))
        except ImageError:
            return False
    if operator == "-ot":
        first, second = second, first
    if first is None or second is None:
        return first is not None
    return first.meta.mtime > second.meta.mtime


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


_KINDS: Mapping[str, Callable[[Entry], bool]] = {
    "-b": lambda entry: isinstance(entry, Device) and entry.kind == "b",
    "-c": lambda entry: isinstance(entry, Device) and entry.kind == "c",
    "-d": lambda entry: isinstance(entry, Directory),
    "-f": lambda entry: isinstance(entry, File),
    "-p": lambda entry: isinstance(entry, Fifo),
    "-S": lambda entry: False,
    "-h": lambda entry: isinstance(entry, Symlink),
    "-L": lambda entry: isinstance(entry, Symlink),
    "-g": lambda entry: bool(entry.meta.mode & 0o2000),
    "-k": lambda entry: bool(entry.meta.mode & 0o1000),
    "-u": lambda entry: bool(entry.meta.mode & 0o4000),
    "-O": lambda entry: not entry.meta.uid,
    "-G": lambda entry: not entry.meta.gid,
    "-x": lambda entry: isinstance(entry, Directory) or bool(entry.meta.mode & 0o111),
    "-s": lambda entry: not isinstance(entry, File) or entry.content.size > 0,
}


def file_test(shell: Shell, operator: str, path: str) -> Truth:
    """A test of a file of the tree, as root sees it."""
    link = operator in ("-h", "-L")
    tree = shell.machine.tree
    doubts = shell.machine.state(UnknownFiles).doubts
    if doubts:
        try:
            if tree.place(path, follow_last=not link) in doubts and not link and tree.find(path) is None:
                return None
        except ImageError:
            return False
    entry = tree.find(path, follow_last=not link)
    if path in ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom") and entry is None:
        return operator in ("-c", "-e", "-r", "-w")
    if entry is None:
        return operator in ("-e", "-f", "-x", "-r", "-s") and is_assumed(path)
    return _KINDS[operator](entry) if operator in _KINDS else True


BUILTINS: Mapping[str, Builtin] = {"test": _test, "[": _test}
