"""Running a program of this machine in the network of a container."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from fromscratch.errors import CommandFailed
from fromscratch.host.container.capture import Exchange, discard
from fromscratch.host.process import run

# Enters each namespace that it has a descriptor of, and becomes the program: setns(2).
_ENTER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for handle in map(int, sys.argv[1].split(",")):
    if libc.setns(handle, 0):
        sys.exit("cannot enter the network of the container: " + os.strerror(ctypes.get_errno()))
    os.close(handle)
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Ended(Struct, frozen=True):
    """`code` is None for a program that took too long."""

    code: int | None
    stdout: bytes
    stderr: bytes


def run_in(namespaces: Sequence[int], argv: Sequence[str], env: Mapping[str, str], timeout: float) -> Ended:
    """Run a program to its end, or for so many seconds, in these namespaces. Raises CommandFailed, MissingTool."""
    program = run.need(argv[0], "this check")
    words = [sys.executable, "-I", "-S", "-c", _ENTER, ",".join(map(str, namespaces)), program, *argv[1:]]
    deadline = time.monotonic() + timeout
    out, err = os.pipe(), os.pipe()
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out[1],
            stderr=err[1],
            env=dict(env),
            pass_fds=tuple(namespaces),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        discard([out[0], err[0]])
        raise CommandFailed(f"cannot run {run.shown(argv)}: {error}", "try it by hand") from error
    finally:
        os.close(out[1])
        os.close(err[1])
    ends = os.pidfd_open(process.pid)
    with process:
        exchange = Exchange(b"", -1, (out[0], err[0]), ends)
        try:
            in_time = exchange.follow(deadline)
        finally:
            _kill_group(process.pid)
            discard(exchange.close())
            os.close(ends)
        code = process.wait()
    written = [exchange.written[handle].content() for handle in (out[0], err[0])]
    return Ended((code if code >= 0 else 128 - code) if in_time else None, *written)


def _kill_group(leader: int) -> None:
    """Kill what the program has left in its process group; nothing of it is to outlive the check."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
