"""Calls of the command within the test's own process: a tenth of what a process of its own costs.

For the many calls of which only the answer matters; what a process is the point of goes through `command.Desk`.
"""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from fromscratch.cli.main import main
from fromscratch.cli.output import progress
from tests.cli.command import Answer

_NEVER = 24 * 3600.0  # seconds: how long work must last before it is told of, which is another answer on a slow machine


def called(folder: Path, *words: str, **variables: str) -> Answer:
    """`fromscratch WORDS` in a folder, with a store beside it and these variables besides our own."""
    out, err = io.StringIO(), io.StringIO()
    with _as_a_process(folder, variables), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return Answer(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _as_a_process(folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """What a call changes of a process is as it was afterwards."""
    store = {"FROMSCRATCH_STORE": str(folder.parent / "store")}
    with (
        handlers_restored(),
        mock.patch.object(sys, "unraisablehook", sys.unraisablehook),
        mock.patch.dict("os.environ", {**store, **variables}),
        mock.patch.object(progress, "_WORTH_A_LINE", _NEVER),
        _standing_in(folder),
    ):
        yield


@contextlib.contextmanager
def handlers_restored() -> Iterator[None]:
    """Have the signal handlers back that a call replaces: at its end it leaves signals to the system."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _standing_in(folder: Path) -> Iterator[None]:
    """Back by descriptor: whoever has become another user meanwhile may not be let through the folders above."""
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(before)
        os.close(before)
