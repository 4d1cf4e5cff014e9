"""fanotify(7) on the filesystem of a container: every file of it that is opened, by whom- and however that is done.

It sees what no system call names (interpreters that the kernel loads, io_uring), and nothing but opening. Only ever
notified of what has happened: an event that asks for permission could stop the whole machine. Only on filesystems
that no other part of the machine has mounted.
"""

import ctypes
import os
import select
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from fromscratch.errors import ImageError
from fromscratch.paths import decode
from fromscratch.tracing.callers import program_of
from fromscratch.tracing.recording import Recording

# linux/fanotify.h
_INIT_FLAGS = 0x1 | 0x2 | 0x10 | 0x20  # CLOEXEC, NONBLOCK, UNLIMITED_QUEUE, UNLIMITED_MARKS
_LARGE_FILE = 0o100000  # what Python's os.O_LARGEFILE is 0 for
_ADD, _FILESYSTEM = 0x1, 0x100
_IGNORE = _ADD | 0x20 | 0x40 | 0x200  # IGNORED_MASK, IGNORED_SURV_MODIFY, EVICTABLE
_OPEN, _OPEN_EXEC, _ON_DIRECTORY, _OVERFLOW = 0x20, 0x1000, 0x40000000, 0x4000
_EVENT = struct.Struct("=IBBHQii")
_VERSION = 3
_BUFFER = 1 << 18
FULL = "the kernel's queue of opened files was full"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)

Names = dict[tuple[int, int], list[bytes]]
"""The paths of each inode, by the numbers of its device and its own."""


def refusal() -> str:
    """Why this process may not mark a filesystem; empty if it may."""
    fd = _libc.fanotify_init(_INIT_FLAGS, os.O_RDONLY | os.O_CLOEXEC)
    if fd < 0:
        return f"fanotify: {os.strerror(ctypes.get_errno())}"
    os.close(fd)
    return "" if os.geteuid() == 0 else "fanotify marks on filesystems need root"


def is_of_its_own(root: int) -> bool:
    """Whether the filesystem of an open folder is mounted nowhere else on this machine but in its own namespace.

    An overlay is one even if this machine sees it too, as the engines mount theirs.
    """
    device = os.fstat(root).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            mount, _, kind = line.partition(" - ")
            fields = mount.split()
            if fields[2] == number and (fields[4] == "/" or not kind.startswith("overlay ")):
                return False
    return True


def scan(root: int) -> Names:
    """Every path in the filesystem of an open folder, other filesystems below it left out."""
    device = os.fstat(root).st_dev
    names: Names = {(device, os.fstat(root).st_ino): [b"/"]}
    waiting = [b"."]
    while waiting:
        folder = waiting.pop()
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
        except OSError:
            continue  # it has gone, or may not be read
        with suppress(OSError):
            try:
                for name in os.listdir(fd):
                    path = folder + b"/" + os.fsencode(name)
                    found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    names.setdefault((found.st_dev, found.st_ino), []).append(path[1:])
                    if found.st_mode & 0o170000 == 0o040000 and found.st_dev == device:
                        waiting.append(path)
            finally:
                os.close(fd)
    return names


class Fanotify:
    """Records what is opened below a root, which is marked from now on. Raises ImageError.

    `run_of` gives the run of a process. `close` reads what is left first.
    """

    def __init__(self, recording: Recording, root: int, run_of: Callable[[int], int]) -> None:
        self._recording, self._run_of = recording, run_of
        self._root, self._names = root, scan(root)
        self._own = os.getpid()
        self._fd = _checked(
            _libc.fanotify_init(_INIT_FLAGS, os.O_RDONLY | os.O_CLOEXEC | os.O_NOATIME | _LARGE_FILE), "start fanotify"
        )
        try:
            place = b"/proc/self/fd/%d/." % root
            mask = _OPEN | _OPEN_EXEC | _ON_DIRECTORY
            _checked(_libc.fanotify_mark(self._fd, _ADD | _FILESYSTEM, mask, -100, place), "mark the filesystem")
        except BaseException:
            os.close(self._fd)
            raise
        self._wake, self._stop = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._follow, name="fanotify", daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._stop)
        self._thread.join()
        os.close(self._wake)
        os.close(self._fd)

    def _follow(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._fd in ready:
                self._read()
            elif ready:
                return

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _BUFFER)
        except BlockingIOError:
            return
        except OSError as error:  # such as too many open files
            self._recording.lose(f"an event of fanotify could not be read: {error.strerror}")
            return
        at = 0
        while at + _EVENT.size <= len(data):
            length, version, _, _, mask, fd, pid = _EVENT.unpack_from(data, at)
            at += length
            if mask & _OVERFLOW:
                self._recording.lose(FULL)
            if fd < 0:
                continue
            try:
                if version == _VERSION and pid != self._own:
                    self._record(fd, mask, pid)
            finally:
                os.close(fd)

    def _record(self, fd: int, mask: int, pid: int) -> None:
        """Record a file by its names before the start; one that was made since then is not of the image."""
        # Once is enough: the mark is forgotten together with the inode, when memory is short.
        _libc.fanotify_mark(self._fd, _IGNORE, _OPEN | _OPEN_EXEC, fd, None)
        found = os.fstat(fd)
        names = self._names.get((found.st_dev, found.st_ino))
        if not names:
            return
        path = os.readlink(b"/proc/self/fd/%d" % fd)  # noqa: PTH115 - bytes
        program = ""
        with suppress(OSError):
            program = decode(program_of(pid, self._root))
        if program == "/":  # our own, which is about to become the command, and is mounted where nobody sees it
            program = ""
        # The path may be one in another root, and there is none for what a mount covers.
        for name in [name for name in names if path.endswith(name)] or names:
            self._recording.add("exec" if mask & _OPEN_EXEC else "open", name, program, self._run_of(pid))


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise ImageError(
            f"cannot {what}: {os.strerror(ctypes.get_errno())}",
            "record without it: only root outside of containers may watch a filesystem",
        )
    return result
