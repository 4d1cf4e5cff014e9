"""The program of a sed command, as records: XCU sed, and the manual of GNU sed."""

from msgspec import Struct

from fromscratch.transforms.shell.posix_regex import Regex


class Address(Struct, frozen=True):
    """Which lines: `line` a number, `last` the last one, `pattern` an expression (None for the last one used).

    `kind` is the word for what counts; `step` is that of `first~step`, or of a range's `+N` and `~N`.
    """

    kind: str  # line, last, pattern, every, plus, multiple
    line: int = 0
    step: int = 0
    pattern: Regex | None = None


class Substitution(Struct, frozen=True):
    """`s`: `parts` of the replacement are texts, numbers of groups, and the letters L, U, l, u, E after a backslash."""

    pattern: Regex | None
    parts: tuple[str | int, ...]
    every: bool = False
    nth: int = 1
    prints: bool = False
    file: str = ""


class Step(Struct, frozen=True):
    """One command of the program. `text` is what a, i, c add, a label, or a file; `goal` where a block ends."""

    letter: str
    first: Address | None = None
    last: Address | None = None
    negated: bool = False
    text: str = ""
    number: int | None = None
    substitution: Substitution | None = None
    table: tuple[tuple[str, str], ...] = ()
    goal: int = 0


Program = tuple[Step, ...]
