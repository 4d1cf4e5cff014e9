"""The installed `fromscratch` command: the verbs as one program."""

import difflib
import signal
import sys
from collections.abc import Sequence
from typing import Any

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from fromscratch import __version__
from fromscratch.cli import asking, delivering, making, setting_up
from fromscratch.cli.verb import VERBS

__all__ = ["asking", "delivering", "main", "making", "namespace", "setting_up"]

USAGE = 2


def namespace() -> Collection:
    """Every verb, as a collection of invoke tasks."""
    collection = Collection()
    for verb in VERBS.values():
        collection.add_task(verb)
    return collection


class Fromscratch(Program):
    """Invoke's program, but with exit code 2 for a wrong call, and a guess at what was meant."""

    def parse_core(self, argv: list[str] | None) -> None:
        super().parse_core(argv)
        sys.dont_write_bytecode = False  # invoke forbids it, and every start would compile everything anew

    def parse_tasks(self) -> None:
        try:
            super().parse_tasks()
        except ParseError as error:
            raise Exit(f"error: {error}\n hint: {self._guess(str(error))}", code=USAGE) from error

    def _guess(self, message: str) -> str:
        word = message.split("'")[1] if message.count("'") > 1 else ""
        known = [*VERBS, *(f"--{name}" for name in self._options())]
        near = difflib.get_close_matches(word, known, 1)
        return f"did you mean {near[0]}?" if near else "`fromscratch --help` lists the verbs, `--help VERB` the options"

    def _options(self) -> list[str]:
        return [name for context in self.parser.contexts.values() for name in context.args]


def main(argv: Sequence[str] | None = None) -> Any:
    """The entry point. Exit codes: 0 done; 1 the work failed; 2 the call or the recipe is wrong."""
    signal.signal(signal.SIGTERM, _interrupted)
    program = Fromscratch(version=__version__, namespace=namespace(), name="fromscratch", binary="fromscratch")
    program.run(list(argv) if argv is not None else None)


def _interrupted(_number: int, _frame: object) -> None:
    # SIGTERM cleans up exactly as Ctrl-C does: everything below unwinds.
    raise KeyboardInterrupt
