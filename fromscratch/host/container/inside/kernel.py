"""The system calls that Python has no functions for, by ctypes, and the numbers that they take."""

import ctypes
import errno
import os
import struct
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

# linux/sched.h, linux/mount.h, linux/prctl.h
NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
NOATIME, NODIRATIME, RELATIME = 1024, 2048, 1 << 21
DETACH = 2
SET_PDEATHSIG, SET_DUMPABLE, SET_SECCOMP, CAPBSET_READ, CAPBSET_DROP, SET_NO_NEW_PRIVS, CAP_AMBIENT = (
    1,
    4,
    22,
    23,
    24,
    38,
    47,
)
SECCOMP_MODE_FILTER, CAP_AMBIENT_RAISE, CAP_AMBIENT_CLEAR_ALL = 2, 2, 4
_CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3 of linux/capability.h

LOCKED_FLAGS = (
    (os.ST_NOSUID, NOSUID),
    (os.ST_NODEV, NODEV),
    (os.ST_NOEXEC, NOEXEC),
    (os.ST_NOATIME, NOATIME),
    (os.ST_NODIRATIME, NODIRATIME),
    (os.ST_RELATIME, RELATIME),
)

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A step that failed: `step` is its name, from which `host.container.start_failure` makes a message."""

    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(step, error)
        self.step, self.error = step, error

    @classmethod
    def now(cls, step: str, where: str | None = None) -> "Failed":
        """For the call of libc that has just failed."""
        number = ctypes.get_errno()
        return cls(step, OSError(number, os.strerror(number), where))


def call(step: str, function: str, *arguments: Any) -> None:
    """Call a function of libc. Raises Failed, naming the second argument if that is a path."""
    if getattr(libc, function)(*arguments) != 0:
        where = next((word.decode("utf-8", "replace") for word in arguments[1:2] if isinstance(word, bytes)), None)
        raise Failed.now(step, where)


def mount(source: bytes, target: bytes, kind: bytes = b"", flags: int = 0, data: bytes = b"") -> None:
    """mount(2). Raises Failed."""
    call("mount", "mount", source, target, kind or None, ctypes.c_ulong(flags), data or None)


def bind_read_only(source: bytes, target: bytes, flags: int = 0) -> None:
    """Bind-mount `source` read-only at `target`: neither its content nor its mode can be changed. Raises Failed."""
    mount(source, target, flags=BIND)
    # In a user namespace the flags of the filesystem below are locked, and have to be given again.
    below = os.statvfs(target).f_flag
    locked = sum(flag for statvfs_flag, flag in LOCKED_FLAGS if below & statvfs_flag)
    mount(b"", target, flags=REMOUNT | BIND | RDONLY | locked | flags)


def permitted_capabilities() -> int:
    """The permitted set of this process, as bits. Raises Failed."""
    found = ctypes.create_string_buffer(24)
    call("privileges", "capget", struct.pack("=Ii", _CAPABILITY_VERSION, 0), found)
    _, low, _, _, high, _ = struct.unpack("=6I", found.raw)
    return int(low) | int(high) << 32


def set_capabilities(permitted: int, inheritable: int = 0) -> None:
    """Make `permitted` the permitted and effective set. Raises Failed."""
    low = (permitted & 0xFFFFFFFF,) * 2, inheritable & 0xFFFFFFFF
    high = (permitted >> 32,) * 2, inheritable >> 32
    data = struct.pack("=6I", *low[0], low[1], *high[0], high[1])
    call("privileges", "capset", struct.pack("=Ii", _CAPABILITY_VERSION, 0), data)


def keep_capabilities_over_exec() -> None:
    """Keep all capabilities over execve(2), whoever the user is. Raises Failed."""
    have = permitted_capabilities()
    set_capabilities(have, have)
    for number in range(64):
        if have >> number & 1:
            libc.prctl(CAP_AMBIENT, CAP_AMBIENT_RAISE, number, 0, 0)


def end_with_parent(parent: int = 0) -> None:
    """End this process together with its parent, even if that is killed."""
    libc.prctl(SET_PDEATHSIG, 9, 0, 0, 0)
    if parent and os.getppid() != parent:
        os._exit(1)


def report(error_fd: int, failure: BaseException) -> None:
    """Write to `host.container.private_root` why the command does not run."""
    import json

    if isinstance(failure, Failed):
        reason = {"step": failure.step, "errno": failure.error.errno, "text": str(failure.error)}
    else:
        reason = {"step": "bug", "errno": 0, "text": "".join(traceback.format_exception(failure))}
    with suppress(OSError):
        os.write(error_fd, json.dumps(reason).encode())


def write(path: str, text: str) -> None:
    """Write a file of /proc. Raises Failed."""
    try:
        Path(path).write_text(text)
    except OSError as error:
        raise Failed("namespaces", error) from error


def is_absent(failure: Failed) -> bool:
    return failure.error.errno in (errno.ENOENT, errno.ENOTDIR)
