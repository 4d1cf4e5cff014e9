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

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """`step` is what was being done, for `host.container.private_root` to say in words."""

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
    """Show `source` at `target`, where nothing can be written to it, nor its mode changed. Raises Failed."""
    mount(source, target, flags=BIND)
    # In a user namespace the flags of the filesystem below are locked, and have to be given again.
    told = os.statvfs(target).f_flag
    kept = sum(flag for known, flag in ((os.ST_NOSUID, NOSUID), (os.ST_NODEV, NODEV)) if told & known)
    kept |= NOEXEC if told & os.ST_NOEXEC else 0
    kept |= 1024 if told & os.ST_NOATIME else 0
    kept |= 2048 if told & os.ST_NODIRATIME else 0
    kept |= 1 << 21 if told & os.ST_RELATIME else 0
    mount(b"", target, flags=REMOUNT | BIND | RDONLY | kept | flags)


def permitted_capabilities() -> int:
    """The set as bits. Raises Failed."""
    had = ctypes.create_string_buffer(24)
    call("privileges", "capget", struct.pack("=Ii", _CAPABILITY_VERSION, 0), had)
    _, low, _, _, high, _ = struct.unpack("=6I", had.raw)
    return int(low) | int(high) << 32


def set_capabilities(kept: int, inheritable: int = 0) -> None:
    """Make `kept` the permitted and effective set. Raises Failed."""
    low = (kept & 0xFFFFFFFF,) * 2, inheritable & 0xFFFFFFFF
    high = (kept >> 32,) * 2, inheritable >> 32
    data = struct.pack("=6I", *low[0], low[1], *high[0], high[1])
    call("privileges", "capset", struct.pack("=Ii", _CAPABILITY_VERSION, 0), data)


def keep_capabilities_over_exec() -> None:
    """Let a program that we become have them all, whoever its user is. Raises Failed."""
    have = permitted_capabilities()
    set_capabilities(have, have)
    for number in range(64):
        if have >> number & 1:
            libc.prctl(CAP_AMBIENT, CAP_AMBIENT_RAISE, number, 0, 0)


def end_with_parent(parent: int = 0) -> None:
    """Nothing may outlive whoever started us, even if that is killed."""
    libc.prctl(SET_PDEATHSIG, 9, 0, 0, 0)
    if parent and os.getppid() != parent:
        os._exit(1)


def report(error_fd: int, failure: BaseException) -> None:
    """Tell `host.container.private_root` why the command does not run."""
    import json

    if isinstance(failure, Failed):
        told = {"step": failure.step, "errno": failure.error.errno, "text": str(failure.error)}
    else:
        told = {"step": "bug", "errno": 0, "text": "".join(traceback.format_exception(failure))}
    with suppress(OSError):
        os.write(error_fd, json.dumps(told).encode())


def write(path: str, text: str) -> None:
    """Write a file of /proc. Raises Failed."""
    try:
        Path(path).write_text(text)
    except OSError as error:
        raise Failed("namespaces", error) from error


def is_absent(failure: Failed) -> bool:
    return failure.error.errno in (errno.ENOENT, errno.ENOTDIR)
