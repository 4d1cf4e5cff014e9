"""The program between us and a command on this machine: it sets the filter, waits, and leaves no process behind.

It is a process of its own, so that there is somebody who ends the command with all its children when the recorder is
killed: their system calls would be answered with ENOSYS from then on. Only the standard library is imported here.

To the recorder it writes, each as one packet: "listener" with the descriptor; "failed" with why the command cannot be
started; "ended" with its exit code, and 1 if it has left processes behind. A packet from the recorder is the number of
a signal to send to the command.
"""

import ctypes
import errno
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

# linux/prctl.h, linux/seccomp.h
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 36, 38
_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 8, 32
_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def main() -> None:
    """`sys.argv` ends with the socket, the number of seccomp(2), the open file of the filter, the command's words."""
    channel = socket.socket(fileno=int(sys.argv[2]))
    channel.set_inheritable(False)
    call, words = int(sys.argv[3]), [os.fsencode(word) for word in sys.argv[5:]]
    with open(int(sys.argv[4]), "rb") as file:  # and closed: it is not for the command
        file.seek(0)
        program = file.read()
    _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what the command leaves behind becomes our child
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        _become(words, call, program, channel)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are the command's; a terminal sends some to both
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    _wait(child, channel, wake)


def _wait(child: int, channel: socket.socket, wake: int) -> None:
    """Until all children have ended. When the recorder closes its end they are killed."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        code, left = _reap(child)
        with suppress(BrokenPipeError):
            if code is not None:
                channel.send(b"ended %d %d" % (code, left))
        if not left:
            return None
        for fd, _ in poll.poll():
            if fd == wake:
                os.read(wake, 4096)
                continue
            order = channel.recv(16)
            if not order:
                return _kill_all()
            with suppress(ProcessLookupError):
                os.kill(child, int(order))


def _reap(child: int) -> tuple[int | None, bool]:
    """The exit code of the command if it is among the children that have ended, and whether others are left."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code, False
        if not pid:
            return code, True
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code


def _kill_all() -> None:
    """Kill every descendant. Those of a killed process become our children, so none escapes."""
    while True:
        for pid in _descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _descendants() -> list[int]:
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            parents[int(place.parent.name)] = int(place.read_bytes().rpartition(b")")[2].split()[1])
    found = [os.getpid()]
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found[1:]


def _become(words: list[bytes], call: int, program: bytes, channel: socket.socket) -> NoReturn:
    try:
        _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if program:
            listener = _listener(call, program)
            socket.send_fds(channel, [b"listener"], [listener])
            os.close(listener)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execvp(words[0], words)  # noqa: S606 - no shell is wanted
    except OSError as error:
        channel.send(b"failed %d %s" % (error.errno or 0, (error.strerror or "").encode()))
    os._exit(127)


def _listener(call: int, program: bytes) -> int:
    """Set the filter; the answer is its listener. Raises OSError."""
    code = _Program(len(program) // struct.calcsize("=HBBI"), program)

    def attempt(flags: int) -> int:
        return int(_libc.syscall(call, _SET_MODE_FILTER, _NEW_LISTENER | flags, ctypes.byref(code)))

    found = attempt(_WAIT_KILLABLE)
    if found < 0 and ctypes.get_errno() == errno.EACCES:
        # Only with CAP_SYS_ADMIN may a filter be set for programs that give their caller more rights.
        _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        found = attempt(_WAIT_KILLABLE)
    if found < 0 and ctypes.get_errno() == errno.EINVAL:
        found = attempt(0)  # before Linux 5.19
    if found < 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
    return found
