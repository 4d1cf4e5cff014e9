"""Hints for errors of the operating system, by their errno: errno(3)."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from fromscratch.errors import DiskFull, ImageError

MEMORY = "free some memory, or raise the limit that this process has (ulimit -v), and run it again"
THREADS = "raise the limits on processes (ulimit -u) and memory (ulimit -v), or end some processes, and run it again"
_FILES = "this process may not have more files open at once: raise the limit (ulimit -n 4096) and run it again"
# Limits and failures of the machine: another path or more rights would not help.
_OF_THE_MACHINE = {
    errno.EMFILE: _FILES,
    errno.ENFILE: "this machine has too many files open: end some programs, or raise fs.file-max, and run it again",
    errno.ENOMEM: MEMORY,
    errno.EIO: "the disk fails, or the network that it lies behind: see what `dmesg` says of it",
    errno.ESTALE: "the server of that filesystem has lost it: mount it again",
}
_OF_THE_PATH = {
    errno.ELOOP: "symlinks on the way there go round in a circle: fix them, or name another path",
    errno.ENAMETOOLONG: "name a shorter path",
}
_WRITING = {
    errno.EACCES: "give yourself the right to write there, or name another folder",
    errno.EPERM: "give yourself the right to write there, or name another folder",
    errno.EFBIG: "it would be larger than the largest file allowed there: see ulimit -f, or use another filesystem",
    errno.EROFS: "that filesystem is read-only: name another folder",
    errno.EPIPE: "the program that reads it ended before everything was written: see what it says",
    errno.EEXIST: "what is there is not a folder, or is a symlink that leads nowhere: name another place",
    errno.ENOTDIR: "one of the folders on the way there is a file: see whether the path is right",
    errno.ENOLCK: "that filesystem has no locks: name a folder on another one",
}


def hint(error: OSError) -> str:
    """The hint that holds for reading and writing alike; empty if there is none."""
    number = error.errno or 0
    return _OF_THE_MACHINE.get(number) or _OF_THE_PATH.get(number, "")


def of_the_machine(error: BaseException | None) -> str:
    """The hint for a limit or failure of the machine; empty for any other error."""
    return _OF_THE_MACHINE.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def failure(error: OSError, what: str, path: Path) -> ImageError:
    """The error for a failure to write `path`; `what` is its message."""
    number = error.errno or 0
    if number in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(what, _room(number, path), str(path))
    if number == errno.EACCES and _own_rights_are_masked():
        return ImageError(what, "the umask takes your own rights from all that you make: say `umask 022` and try again")
    return ImageError(what, hint(error) or _WRITING.get(number, "see whether the path is right"))


def _room(number: int, path: Path) -> str:
    if number == errno.EDQUOT:
        return "the disk quota is used up: free some room and run it again"
    there = existing(path)
    if not (there.is_file() or there.is_dir()):
        return "no disk is full: the device or pipe that is there takes no more; name a file"
    with suppress(OSError):
        state = os.statvfs(there)
        if state.f_files and state.f_favail < 64 and state.f_bavail:
            return f"the filesystem at {mount_point(there)} has no room for more files: remove some and run it again"
    return f"the disk is full: free some room on the one at {mount_point(there)}, or name a place on another"


def existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def mount_point(path: Path) -> Path:
    """The mount point of the filesystem of an existing path."""
    path = path.resolve()
    with suppress(OSError):
        device = path.stat().st_dev
        while path != path.parent and path.parent.stat().st_dev == device:
            path = path.parent
    return path


def _own_rights_are_masked() -> bool:
    """Whether the umask takes rights from the owner. umask(2) could read it only by changing it for all threads."""
    with suppress(OSError), open("/proc/self/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("Umask:"):
                return bool(int(line.split()[1], 8) & 0o700)
    return False
