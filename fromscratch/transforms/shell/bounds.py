"""Bounds on what one script may cause: commands, output, nesting. Honest scripts stay far below them."""

COMMANDS = 30_000
OUTSIDE = 10
"""What a command outside the shell counts for: it may go through the whole tree."""
OUTPUT = 16 << 20
NESTING = 40
"""Functions, subshells and files in one another: each level takes a dozen calls of the interpreter's own."""
PATTERN = 5_000_000
"""Comparisons of characters that one script's patterns may take."""
VALUE = 4 << 20
"""Characters of one variable."""
FIELDS = 500_000
"""Words that expansions may give: `set -- "$@" "$@"` doubles them each time."""
PATH_LENGTH = 4096
"""Characters of a path, as on Linux."""


class TooMuch(Exception):
    """A script goes beyond a bound."""


class Budget:
    """What is left of the bounds to one script."""

    def __init__(self) -> None:
        self._commands, self._output, self._pattern, self._fields = COMMANDS, OUTPUT, PATTERN, FIELDS
        self.depth = 0

    def command(self, count: int = 1) -> None:
        self._commands -= count
        if self._commands < 0:
            raise TooMuch(f"it takes more than {COMMANDS} commands")

    def output(self, size: int) -> None:
        self._output -= size
        if self._output < 0:
            raise TooMuch(f"it writes more than {OUTPUT} bytes")

    def pattern(self, work: int) -> None:
        self._pattern -= work
        if self._pattern < 0:
            raise TooMuch("its patterns take too long")

    def fields(self, count: int) -> None:
        self._fields -= count
        if self._fields < 0:
            raise TooMuch(f"its expansions give more than {FIELDS} words")

    def enter(self) -> None:
        """Another function, subshell or file begins. The caller calls `leave` at its end."""
        self.depth += 1
        if self.depth > NESTING:
            self.depth -= 1
            raise TooMuch(f"its functions and files nest deeper than {NESTING} levels")

    def leave(self) -> None:
        self.depth -= 1
