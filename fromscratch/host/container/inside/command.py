"""The process that becomes the image's command, after it has given up all rights that a container must not have."""

import base64
import ctypes
import errno
import fcntl
import os
import resource
import signal
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from fromscratch.host.container.inside import kernel
from fromscratch.host.container.inside.kernel import Failed
from fromscratch.host.container.inside.listening import FilterProgram, listen
from fromscratch.host.container.inside.waiting import FORWARDED

_JOIN_SESSION_KEYRING = 1  # linux/keyctl.h


def become_command(spec: dict[str, Any], announce: Callable[[int], None] | None = None) -> NoReturn:
    """Raises Failed for what keeps the command from running.

    `announce` gets the descriptor of the second filter, if `spec` has a "listener"; it must not make a system call that
    the filter holds back, for nobody listens before it has returned.
    """
    os.setsid()
    _take_terminal(spec["terminals"])
    _limit(spec["processes"])
    if spec["keyctl"] is not None:
        kernel.libc.syscall(spec["keyctl"], _JOIN_SESSION_KEYRING, None)
    if spec["no_new_privileges"]:
        kernel.call("privileges", "prctl", kernel.SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in (*FORWARDED, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)
    environment = {_bytes(name): _bytes(value) for name, value in spec["env"].items()}
    _drop_rights(spec, announce)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.chdir(_bytes(spec["cwd"]))
    except OSError as error:
        raise Failed("cwd", error) from error
    _execute([_bytes(word) for word in spec["argv"]], environment, [_bytes(word) for word in spec.get("prefix", [])])


def _take_terminal(terminals: list[int]) -> None:
    """Make the terminal the controlling one of this session, so that a shell has job control and Ctrl-C works."""
    if terminals:
        with suppress(OSError):
            fcntl.ioctl(terminals[0], termios.TIOCSCTTY, 0)


def _limit(processes: int) -> None:
    """Limit the number of processes, unless it is 0, and allow no core files: the machine's handler would get them."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    if processes and (hard == resource.RLIM_INFINITY or hard > processes):
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def _drop_rights(spec: dict[str, Any], announce: Callable[[int], None] | None) -> None:
    """Drop capabilities, identity and system calls. Raises Failed: the command must not run with more rights."""
    kernel.libc.prctl(kernel.CAP_AMBIENT, kernel.CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        # Anything but 1: it is not in the set, or the kernel has no such capability.
        there = number not in spec["capabilities"] and kernel.libc.prctl(kernel.CAPBSET_READ, number, 0, 0, 0) == 1
        if there and kernel.libc.prctl(kernel.CAPBSET_DROP, number, 0, 0, 0):
            raise Failed.now("privileges")
    # Before the identity changes: it takes privileges to set a filter while new ones may still be had.
    if announce is not None and spec.get("listener"):
        listener = listen(spec["listener"])
        announce(listener)
        os.close(listener)
    _set_filter(base64.b64decode(spec["filter"]))
    if spec["map"] != "own":
        try:
            os.setgroups(spec["groups"])
            os.setgid(spec["gid"])
            os.setuid(spec["uid"])
        except OSError as error:
            raise Failed("privileges", error) from error
    # No inheritable ones: a file that has them would give them back (CVE-2022-24769).
    permitted = sum(1 << number for number in spec["capabilities"]) if spec["uid"] == 0 else 0
    kernel.set_capabilities(permitted & kernel.permitted_capabilities())
    if spec["one_user"]:
        _set_filter(base64.b64decode(spec["one_user"]))


def _set_filter(program: bytes) -> None:
    filter_program = FilterProgram.of(program)
    kernel.call(
        "privileges", "prctl", kernel.SET_SECCOMP, kernel.SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0
    )


def _execute(argv: list[bytes], environment: dict[bytes, bytes], prefix: list[bytes]) -> NoReturn:
    """As execvp(3): become the first candidate that can be executed, or the program `prefix` that runs it."""
    found: OSError | None = None
    for path in _candidates(argv[0], environment.get(b"PATH", b"")):
        try:
            if prefix:
                os.close(os.open(path, os.O_RDONLY))
                os.execve(prefix[0], [*prefix, path, *argv[1:]], environment)  # noqa: S606 - no shell is wanted
            os.execve(path, argv, environment)  # noqa: S606
        except OSError as error:
            if found is None or found.errno == errno.ENOENT:
                missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
                # A file that is there and still "not found" lacks the interpreter that it names.
                found = OSError(errno.ELIBACC, "") if missing and os.path.lexists(path) else error
    raise Failed("exec", found or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))


def _candidates(program: bytes, path: bytes) -> list[bytes]:
    if b"/" in program:
        return [program]
    return [os.path.join(folder or b".", program) for folder in path.split(b":")]  # noqa: PTH118


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
