"""Reading files that a user names: only regular files are opened, since opening a FIFO or a device may block."""

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
    """The path is not of a regular file; `strerror` says what it is."""


def open_buffered(path: Path) -> BinaryIO:
    """Open a regular file for reading. A pipe that this process has open (/dev/stdin, a shell's `<(…)`) is read too.

    Raises OSError as open() does, and NotAFile for anything else.
    """
    return os.fdopen(_descriptor(path), "rb")


def open_unbuffered(path: Path) -> io.FileIO:
    """The same without a buffer."""
    return io.FileIO(_descriptor(path), "rb")


def read_bytes(path: Path) -> bytes:
    """The bytes of such a file."""
    with open_buffered(path) as stream:
        return stream.read()


def read_text(path: Path) -> str:
    """The text of such a file in UTF-8, with line ends as newlines. Raises UnicodeDecodeError too."""
    with io.TextIOWrapper(open_buffered(path), "utf-8") as stream:
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
