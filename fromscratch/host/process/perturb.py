"""Changes to the conditions that a process works under: a second build shows that its result depends on none of them.

To be imported and called before anything else: what other modules have imported from `os` or `time` stays as it was.
The numbers are those of linux/sched.h, linux/prctl.h and linux/capability.h.
"""

import ctypes
import os
import struct
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

_NEWUSER = 0x10000000
_SET_KEEPCAPS = 8
_CAPABILITY_VERSION_3 = 0x20080522
_DAC_READ_SEARCH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def umask() -> int:
    """The umask of this process: umask(2) could tell it only by setting another, which other threads would see."""
    with open("/proc/self/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022  # Linux before 4.7 does not report it


def become(uid: int) -> None:
    """Become another user for good, in the one group of the same number, with a right to read every file.

    No other right of root is kept, and this one only if the kernel allows it. It is needed because Python, the store
    or the recipe may lie in root's own folder.
    Raises OSError without the right to become anybody.
    """
    _libc.prctl(_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    effective = permitted = 1 << _DAC_READ_SEARCH
    _libc.capset(header, struct.pack("=6I", effective, permitted, 0, 0, 0, 0))  # refused where root had no such right


def appear_as(uid: int) -> None:
    """Have another user ID, in a user namespace (user_namespaces(7)). Raises OSError if none is allowed."""
    maps = (("setgroups", "deny"), ("uid_map", f"{uid} {os.geteuid()} 1"), ("gid_map", f"{uid} {os.getegid()} 1"))
    if _libc.unshare(_NEWUSER):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    for name, text in maps:
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def list_backwards() -> None:
    """Reverse the order of every folder listing in Python: the filesystem decides on it, and may choose another."""
    listdir, scandir = os.listdir, os.scandir

    def listed(*arguments: Any) -> list[Any]:
        return listdir(*arguments)[::-1]

    def scanned(*arguments: Any) -> _Listing:
        with scandir(*arguments) as found:
            return _Listing(list(found)[::-1])

    os.listdir, os.scandir = listed, scanned  # type: ignore[assignment]


class _Listing(Iterator[Any]):
    """What os.scandir gives: an iterator, and a context."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> "_Listing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def close(self) -> None:
        """As the context does."""


def put_the_clock_forward(seconds: int) -> None:
    """Change what Python's `time` answers; `datetime` and other programs still have the machine's time.

    Nobody but the administrator of a machine can set its clock, and a time namespace has no other wall clock.
    """
    now, now_ns = time.time, time.time_ns
    time.time, time.time_ns = lambda: now() + seconds, lambda: now_ns() + seconds * 10**9
