"""`[[ … ]]` of bash: a condition whose words are neither split nor matched to file names."""

from fromscratch.formats.shell.syntax import Word
from fromscratch.transforms.shell import patterns
from fromscratch.transforms.shell.builtins.conditions import Truth, binary, both, either, negation, unary
from fromscratch.transforms.shell.expansion import Expansion
from fromscratch.transforms.shell.state import Shell
from fromscratch.transforms.shell.values import Doubtful, Fault, Status

_COMPARING = frozenset(("=", "==", "!=", "=~", "<", ">", "-eq", "-ne", "-gt", "-ge", "-lt", "-le", "-nt", "-ot", "-ef"))
_UNARY = frozenset(f"-{letter}" for letter in "abcdefghknprstuvwxzGLNOS")
_NESTING = 30


def double_brackets(shell: Shell, words: tuple[Word, ...], expansion: Expansion) -> Status:
    """The status of the condition between the brackets; None if nobody knows it. Raises Fault."""
    truth = _Reader(shell, words, expansion).whole()
    return None if truth is None else int(not truth)


class _Reader:
    def __init__(self, shell: Shell, words: tuple[Word, ...], expansion: Expansion) -> None:
        self._shell, self._words, self._expansion = shell, words, expansion
        self._at = self._depth = 0

    def whole(self) -> Truth:
        truth = self._or()
        if self._at != len(self._words):
            raise Fault("[[: cannot be read")
        return truth

    def _peek(self, ahead: int = 0) -> str:
        """The operator here: an unquoted literal; empty for anything else."""
        at = self._at + ahead
        if at >= len(self._words) or any(getattr(part, "quoted", False) for part in self._words[at].parts):
            return ""
        return self._words[at].literal or ""

    def _take(self) -> Word:
        if self._at >= len(self._words):
            raise Fault("[[: a word is missing")
        self._at += 1
        return self._words[self._at - 1]

    def _or(self) -> Truth:
        truth = self._and()
        while self._peek() == "||":
            self._at += 1
            truth = either(truth, self._and())
        return truth

    def _and(self) -> Truth:
        truth = self._not()
        while self._peek() == "&&":
            self._at += 1
            truth = both(truth, self._not())
        return truth

    def _not(self) -> Truth:
        negated = False
        while self._peek() == "!":
            negated = not negated
            self._at += 1
        truth = self._primary()
        return negation(truth) if negated else truth

    def _primary(self) -> Truth:
        if self._peek() == "(":
            self._depth += 1
            if self._depth > _NESTING:
                raise Fault("[[: nests too deep")
            self._at += 1
            truth = self._or()
            if self._peek() != ")":
                raise Fault("[[: a parenthesis is not closed")
            self._at += 1
            self._depth -= 1
            return truth
        operator = self._peek(1)
        if operator in _COMPARING and self._at + 2 < len(self._words):
            left = self._take()
            self._at += 1
            return self._compared(left, operator, self._take())
        operator = self._peek()
        if operator in _UNARY and self._at + 1 < len(self._words):
            self._at += 1
            return self._one(operator, self._take())
        return self._one("-n", self._take())

    def _one(self, operator: str, word: Word) -> Truth:
        try:
            return unary(self._shell, operator, self._expansion.single(word))
        except Doubtful:
            return None

    def _compared(self, left: Word, operator: str, right: Word) -> Truth:
        try:
            text = self._expansion.single(left)
            if operator in ("=", "==", "!="):
                fits = patterns.matches(self._expansion.pattern(right), text, self._shell.budget)
                return fits == (operator != "!=")
            return binary(self._shell, text, operator, self._expansion.single(right))
        except Doubtful:
            return None
