"""The processes of a session, setsid(2): a program that we started in one, with all that it started in turn."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_DEATH = 5.0  # a killed process may still have to come back from the kernel


def end(process: subprocess.Popen[bytes], grace: float) -> None:
    """End the whole session that `process` leads.

    SIGTERM to all, SIGKILL to what is left after `grace` seconds or a second interruption.
    """
    gone = False
    try:
        send(process, signal.SIGTERM)
        gone = _gone(process, grace)
    finally:
        if not gone:
            send(process, signal.SIGKILL)
            _gone(process, _DEATH)


def send(process: subprocess.Popen[bytes], number: int) -> None:
    """A signal to every process of the session, as far as it is ours."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
    # Some children, those of timeout(1) for one, have a process group of their own.
    for pid, group in _members(process.pid):
        if group != process.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _gone(process: subprocess.Popen[bytes], patience: float) -> bool:
    """Whether the whole session has ended within so many seconds."""
    deadline = time.monotonic() + patience
    while process.poll() is None or any(_members(process.pid)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _members(session: int) -> Iterator[tuple[int, int]]:
    """The living processes of a session, each with its process group, by proc_pid_stat(5)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group, its_session = stat.read_bytes().rpartition(b")")[2].split()[:4]
        except (OSError, ValueError):
            continue  # it has ended while we looked
        if int(its_session) == session and state not in (b"Z", b"X"):
            yield int(stat.parent.name), int(group)
