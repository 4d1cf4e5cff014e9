"""What a script writes while it runs: kept within bounds, with the command that it was at."""

import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fromscratch.address import without_secrets
from fromscratch.errors import CommandFailed
from fromscratch.host.storage import disk
from fromscratch.progress import Task
from fromscratch.sources.build_script import machine

MOST = 64 << 20
"""The bytes of a log; what a script writes beyond them is not kept, but for its last lines."""
TRACE = "+ script: "
"""The shell's PS4, before each command that it starts."""
_TRACED = re.compile(r"\++ script: (.*)", re.DOTALL)
_LAST, _SHOWN, _WIDTH = 200, 20, 300


class Log:
    """The output of one run of a script. `script` is its text."""

    def __init__(self, script: str, out: BinaryIO | None, task: Task) -> None:
        self._script, self._out, self._task = script.splitlines(), out, task
        self._room = MOST
        self._lines: deque[str] = deque(maxlen=_LAST)
        self._before = self._lines
        self._step = ""

    def line(self, raw: bytes) -> None:
        """Take one line as it comes."""
        text = raw.decode("utf-8", "replace").rstrip("\r\n").rpartition("\r")[2]  # the last state of a progress bar
        self._write(raw)
        traced = _TRACED.fullmatch(text)
        if traced is None:
            self._lines.append(text)
            return
        self._step = traced[1]
        self._before, self._lines = self._lines, deque(maxlen=_LAST)
        self._task.describe(self._step[:_WIDTH])
        self._task.advance(1)

    def failure(self, label: str, code: int, log: Path | None) -> CommandFailed:
        """The error for a script that ended with this code: the step, and the last lines that it wrote."""
        number = _line_of(self._step, self._script)
        where = f" at line {number}" if number else ""
        step = f", {self._step[:_WIDTH]}" if self._step else ""
        said = self._lines or self._before  # a command that fails in silence: what the one before it wrote
        shown = [line for line in said if line.strip()][-_SHOWN:]
        tail = "".join(f"\n  {line[:_WIDTH]}" for line in shown)
        how = f"was ended by signal {code - 128}" if code > 128 else f"failed with exit code {code}"
        name = machine.missing_in(shown) if code == 127 else ""
        hint = f"name {name} under needs:, and install it" if name else "fix the script or what it builds"
        whole = f"; the whole output is in {log}" if log else ""
        return CommandFailed(f"the script of {label} {how}{where}{step}" + (f":{tail}" if tail else ""), hint + whole)

    def _write(self, raw: bytes) -> None:
        if self._out is None or self._room <= 0:
            return
        data = os.fsencode(without_secrets(os.fsdecode(raw)))
        self._room -= len(data)
        self._out.write(data if self._room > 0 else b"[the script wrote more than is kept here]\n")


def _line_of(step: str, script: list[str]) -> int:
    """The line of a script where a command stands, by its first word; 0 where several do, or none.

    A shell tells the command as it is after expansion, and not every shell tells the line.
    """
    first = step.partition(" ")[0]
    found = [number for number, line in enumerate(script, 1) if first and first in line.split()]
    exact = [number for number in found if script[number - 1].strip() == step]
    best = exact or found
    return best[0] if len(best) == 1 else 0


@contextmanager
def log_of(script: str, path: Path | None, task: Task) -> Iterator[Log]:
    """A log that goes on in the file at `path`, if there is one."""
    if path is None:
        yield Log(script, None, task)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Unbuffered: it is read after a failure, and must be complete even when this process is killed.
    with disk.explained(path), open(path, "ab", buffering=0) as out:
        yield Log(script, out, task)
