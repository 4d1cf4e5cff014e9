"""Ending a session of processes, setsid(2): a program that was started in one, and all that it started in turn."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_DEATH = 5.0  # seconds: a killed process may first have to return from a system call


def end(process: subprocess.Popen[bytes], grace: float) -> None:
    """End the whole session that `process` leads.

    SIGTERM to all, SIGKILL to what is left after `grace` seconds or a second interruption.
    """
    ended = False
    try:
        send(process, signal.SIGTERM)
        ended = _has_ended(process, grace)
    finally:
        if not ended:
            send(process, signal.SIGKILL)
            _has_ended(process, _DEATH)


def send(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to every process of the session that we may signal."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
    # Some children have a process group of their own, such as those of timeout(1).
    for pid, group in _members(process.pid):
        if group != process.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _has_ended(process: subprocess.Popen[bytes], patience: float) -> bool:
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
            continue  # it has just ended
        if int(its_session) == session and state not in (b"Z", b"X"):
            yield int(stat.parent.name), int(group)
