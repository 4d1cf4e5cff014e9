"""Files of this machine: written whole or not at all, and failures told in plain words."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fromscratch.errors import ImageError

_HINTS = {
    errno.ENOSPC: "the disk is full: free some room (fromscratch clean --store frees the store) and run it again",
    errno.EDQUOT: "the disk quota is used up: free some room and run it again",
    errno.EACCES: "give yourself the right to write there, or name another folder",
    errno.EPERM: "give yourself the right to write there, or name another folder",
    errno.EFBIG: "it would be larger than the largest file allowed there: see ulimit -f, or use another filesystem",
    errno.EROFS: "that filesystem is read-only: name another folder",
    errno.EPIPE: "whoever reads it went away before everything was there: see what that program says",
    errno.ENOTDIR: "one of the folders on the way there is a file: see whether the path is right",
}


def explain(error: OSError, path: Path) -> ImageError:
    """The error of the house for a failure of the operating system while `path` was written."""
    reason = error.strerror or str(error)
    hint = _HINTS.get(error.errno or 0, "see whether the path is right")
    about = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if about and Path(about).parent != path.parent:
        return ImageError(f"cannot use {about}, needed for {path}: {reason}", hint)
    return ImageError(f"cannot write {path}: {reason}", hint)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns an OSError of the block into an ImageError about `path`.

    What is an OSError by its class only, as a library's network failures are, passes.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise explain(error, path) from error


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns an OSError of the block, which reads `path`, into an ImageError."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise ImageError(f"cannot read {path}: {error.strerror}", "see whether it is there and may be read") from error


@contextmanager
def atomic(path: Path, mode: int = 0o644, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A stream whose bytes appear at `path`, all at once, when the block ends well.

    `mode` is cut by the umask. A kill never leaves part of them; with `durable`, neither does a power cut.
    A pipe or a device, such as /dev/stdout, is written into: it cannot be replaced by a file.
    """
    with explained(path):
        if is_stream(path):
            with open(path, "wb") as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.parent / f".new-{os.urandom(8).hex()}"
        try:
            with open(create(fresh, mode), "wb") as stream:
                yield stream
                stream.flush()
                if durable:
                    os.fdatasync(stream.fileno())
            os.replace(fresh, path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def is_stream(path: Path) -> bool:
    """Whether something is there that is neither file nor folder, or that is one of our own open files."""
    own = path.is_symlink() and path.readlink().is_relative_to("/proc/self/fd")
    return own or (path.exists() and not path.is_file() and not path.is_dir())


def write_atomically(path: Path, data: bytes, mode: int = 0o644, *, durable: bool = False) -> None:
    """All of `data`, or nothing, at `path`. Raises ImageError."""
    with atomic(path, mode, durable=durable) as stream:
        stream.write(data)


def create(path: Path, mode: int = 0o644) -> int:
    """A descriptor of a new file, which must not be there yet; the kernel cuts `mode` by the umask."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, mode)


def settle(path: Path) -> None:
    """Wait until the bytes of a file lie on the disk, so that a later rename never shows an empty file."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it, whatever the modes in it. Missing is fine. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    _open_up(path)
    for folder, names, _ in os.walk(path):
        for name in names:
            _open_up(Path(folder, name))
    shutil.rmtree(path)


def _open_up(folder: Path) -> None:
    """Build systems make caches read-only, and images have folders that nobody may enter: rmtree stops at the first."""
    if not folder.is_symlink() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        with suppress(OSError):  # somebody else's, which may be empty
            folder.chmod(0o700)
