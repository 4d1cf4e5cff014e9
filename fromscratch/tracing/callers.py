"""The processes whose system calls are recorded, as /proc shows them: program, root, working directory, memory."""

import ctypes
import os
import time
from contextlib import suppress

from fromscratch.paths import decode
from fromscratch.tracing import other_users

_PAGE = 4096
_FIRST_READ = 512  # most paths are shorter; a longer one is read in full
_MOST = 256
_STALE = 1.0  # seconds after which a process is looked at again, since its number may be another's by now
AT_CWD = -100
# linux/openat2.h: the same number everywhere, counted from the base of the ABI.
_OPENAT2 = 437 + {"mips64": 5000, "mips": 4000}.get(os.uname().machine, 0)
_IN_ROOT = 0x10
_ABSENT = (2, 20)  # ENOENT, ENOTDIR


class _How(ctypes.Structure):
    """struct open_how of linux/openat2.h."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_LIBC = ctypes.CDLL(None, use_errno=True)
_syscall = _LIBC.syscall
_syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_long)
_syscall.restype = ctypes.c_long
_FOLLOW = _How(os.O_PATH | os.O_CLOEXEC, 0, _IN_ROOT)
_STAY = _How(os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, 0, _IN_ROOT)
_FOLLOW_AT, _STAY_AT, _HOW_SIZE = ctypes.addressof(_FOLLOW), ctypes.addressof(_STAY), ctypes.sizeof(_How)


def open_in_root(root: int, path: bytes) -> int:
    """A descriptor of `path` with its symlinks resolved inside `root`, or -1."""
    return int(_syscall(_OPENAT2, root, path, _FOLLOW_AT, _HOW_SIZE))


def can_look_in_root() -> bool:
    """Whether the kernel can resolve symlinks inside a root: Linux 5.6."""
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    found = open_in_root(root, b"/")
    os.close(root)
    if found >= 0:
        os.close(found)
    return found >= 0


def exists(root: int, path: bytes, follows: bool) -> bool:
    """Whether `path` exists in `root`; what cannot be looked at does."""
    found = _syscall(_OPENAT2, root, path, _FOLLOW_AT if follows else _STAY_AT, _HOW_SIZE)
    if found >= 0:
        os.close(found)
        return True
    return ctypes.get_errno() not in _ABSENT


Seen = dict[tuple[int, int, bytes, bytes], bytes]
"""What was called, with which flags, folder and text; and the path if it did not exist then, else nothing."""
Known = dict[tuple[bytes, bytes | None], Seen]
"""What was seen of each program and root."""


class Root:
    """The root that paths are recorded in: that of this machine, or of a container, by one of its processes.

    It stays open until `close`, which the owner of the container calls before that ends.
    """

    def __init__(self, pid: int) -> None:
        self.fd = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        found = os.fstat(self.fd)
        self._identity = found.st_dev, found.st_ino
        self._mounts = _link(b"/proc/%d/ns/mnt" % pid)

    def prefix(self, pid: int) -> bytes | None:
        """Where the root of a process is in this one: empty for the same, None if it is not below this one."""
        found = os.stat(b"/proc/%d/root" % pid)  # noqa: PTH116 - bytes
        if (found.st_dev, found.st_ino) == self._identity:
            return b""
        link = _link(b"/proc/%d/root" % pid)
        below = open_in_root(self.fd, link)
        if below < 0:
            return None
        same = os.fstat(below)
        os.close(below)
        return link if (same.st_dev, same.st_ino) == (found.st_dev, found.st_ino) else None

    def has_mounts_of(self, pid: int) -> bool:
        """Whether a process sees the same mounts, so that what exists for it exists here."""
        return _link(b"/proc/%d/ns/mnt" % pid) == self._mounts

    def close(self) -> None:
        os.close(self.fd)


def program_of(pid: int, root: int) -> bytes:
    """The path of a process's program in a root; empty for one that is not there, such as an emulator of this machine.

    Raises OSError for a process that has ended.
    """
    program = _link(b"/proc/%d/exe" % pid)
    return program if exists(root, program, True) else b""


class Caller:
    """A process that makes calls. `seen` is shared by all with its program and root.

    `prefix` is where its root is in the recorded one, None if it is elsewhere: nothing of it is recorded then.
    """

    __slots__ = ("born", "memory", "own_root", "pid", "prefix", "program", "seen")

    def __init__(self, pid: int, root: Root, known: Known, *, nameless: bool) -> None:
        self.pid, self.born = pid, time.monotonic()
        self.prefix = root.prefix(pid)
        self.own_root = bool(self.prefix) or not root.has_mounts_of(pid)
        program = b"" if nameless else program_of(pid, root.fd)
        self.program = decode(program)
        self.seen = known.setdefault((program, self.prefix), {})
        try:
            self.memory = os.open(b"/proc/%d/mem" % pid, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:  # it is another user's, of a user namespace of ours
            self.memory = -1

    def close(self) -> None:
        if self.memory >= 0:
            os.close(self.memory)

    def text(self, address: int) -> bytes | None:
        """The bytes at an address of its memory up to a NUL; None if they are not there or have no end."""
        try:
            data = self._read(_FIRST_READ, address)
            end = data.find(b"\0")
            if end < 0 and data:
                data = self._read(_PAGE, address)
                end = data.find(b"\0")
        except OSError:
            return None
        return data[:end] if end >= 0 else None

    def bytes_at(self, address: int, size: int) -> bytes:
        """So many bytes of its memory; fewer or none if they are not there."""
        with suppress(OSError):
            return self._read(size, address)
        return b""

    def _read(self, size: int, address: int) -> bytes:
        if self.memory < 0:
            return other_users.memory(self.pid, size, address)
        return os.pread(self.memory, size, address)

    def folder(self, number: int) -> bytes:
        """What a relative path of it is relative to: its open folder of this number, or its working directory."""
        number &= 0xFFFFFFFF
        if number == AT_CWD & 0xFFFFFFFF:
            return self.link(b"cwd")
        if self.memory < 0:
            return other_users.open_file(self.pid, number)
        return self.link(b"fd/%d" % number)

    def link(self, name: bytes) -> bytes:
        """What a link of /proc/PID leads to, as it is called in the recorded root."""
        return _link(b"/proc/%d/%s" % (self.pid, name))

    def sees(self, root: Root, path: bytes, follows: bool) -> bool:
        """Whether `path`, which is absolute in the recorded root, exists for it."""
        if not self.own_root:
            return exists(root.fd, path, follows)
        own = os.open(b"/proc/%d/root" % self.pid, os.O_PATH | os.O_CLOEXEC)
        try:
            return exists(own, path[len(self.prefix or b"") :] or b"/", follows)
        finally:
            os.close(own)


class Callers:
    """The processes that were seen last. Not safe for several threads.

    `starters` has the run of each process that became the command of one.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self._callers: dict[int, Caller] = {}
        self._known: dict[int, Known] = {}
        self._own: bytes | None = None
        self.starters: dict[int, int] = {}

    def get(self, pid: int, run: int) -> Caller:
        """The process with this number. Raises OSError if it has ended, or may not be looked into."""
        caller = self._callers.get(pid)
        if caller is not None and time.monotonic() - caller.born < _STALE:
            return caller
        self.forget(pid)
        if len(self._callers) >= _MOST:
            for old in list(self._callers)[: _MOST // 2]:
                self.forget(old)
        caller = Caller(pid, self.root, self._known.setdefault(run, {}), nameless=self._is_starter(pid, run))
        self._callers[pid] = caller
        return caller

    def _is_starter(self, pid: int, run: int) -> bool:
        """Whether this is still our own program, which becomes the command of the run: it makes the first call."""
        words = command_line(pid)
        if self._own is None:
            self._own = words
        if words != self._own:
            return False
        self.starters[pid] = run
        return True

    def forget(self, pid: int) -> None:
        """Look at this process again the next time: it becomes another program, or gets another root."""
        caller = self._callers.pop(pid, None)
        if caller is not None:
            caller.close()

    def forget_all(self) -> None:
        for pid in list(self._callers):
            self.forget(pid)


def _link(path: bytes) -> bytes:
    return os.readlink(path)  # noqa: PTH115 - bytes


def command_line(pid: int) -> bytes:
    """The words of a process, each with a NUL behind it. Raises OSError."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read(_PAGE)
