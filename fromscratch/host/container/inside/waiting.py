"""Waiting for one child while signals are passed on to it."""

import ctypes
import os
import signal
from contextlib import suppress
from types import FrameType

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

_PTRACE_DETACH = 17  # linux/ptrace.h


def wait(child: int) -> int:
    """Pass signals on until the child ends, and reap whatever else does; the answer is the exit code of a shell."""

    def forward(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for number in FORWARDED:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    while True:
        pid, status = os.waitpid(-1, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            resume(pid, os.WSTOPSIG(status))
        elif pid == child:
            return exit_code(status)


def exit_code(status: int) -> int:
    """The exit code that a shell gives for a status of waitpid(2): 128 + N for signal N."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def resume(pid: int, stopped_by: int) -> None:
    """Continue a stopped child: it is in a session of its own, so nobody outside could.

    One that asks to be traced (PTRACE_TRACEME) has us as its tracer, and would stop at every signal, SIGTERM too.
    So it is detached, and gets the signal.
    """
    passed = 0 if stopped_by == signal.SIGTRAP else stopped_by
    ptrace = ctypes.CDLL(None).ptrace
    ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    if ptrace(_PTRACE_DETACH, pid, None, passed):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
