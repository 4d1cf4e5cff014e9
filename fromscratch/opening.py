"""Files that somebody else names, opened without waiting.

What lies there may be a FIFO, a device, a socket or a folder: opening it would wait for ever, or mislead.
"""

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFDIR: "it is a folder, not a file",
    stat.S_IFIFO: "it is a FIFO, not a file",
    stat.S_IFSOCK: "it is a socket, not a file",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
}
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NotAFile(OSError):
    """Something else than a regular file is there; `strerror` says what."""


def opened(path: Path) -> BinaryIO:
    """A regular file for reading. A pipe that the caller has open (/dev/stdin, a shell's `<(…)`) is read too.

    Raises OSError as open() does, and NotAFile for whatever would make it wait for somebody, or is not a file.
    """
    return os.fdopen(_descriptor(path), "rb")


def unbuffered(path: Path) -> io.FileIO:
    """The same, each read being one of the kernel."""
    return io.FileIO(_descriptor(path), "rb")


def contents(path: Path) -> bytes:
    """What such a file holds."""
    with opened(path) as stream:
        return stream.read()


def text(path: Path) -> str:
    """The same as UTF-8, its lines ended by a newline. Raises UnicodeDecodeError too."""
    with io.TextIOWrapper(opened(path), "utf-8") as stream:
        return stream.read()


def _descriptor(path: Path) -> int:
    try:
        descriptor = os.open(path, _READING)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket cannot be opened at all
            raise NotAFile(errno.EINVAL, _KINDS[stat.S_IFSOCK], str(path)) from error
        raise
    try:
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind != stat.S_IFREG and not (kind == stat.S_IFIFO and _is_own(path)):
            raise NotAFile(errno.EINVAL, _KINDS.get(kind, "it is not a file"), str(path))
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_own(path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(f"/proc/{os.getpid()}/fd")
