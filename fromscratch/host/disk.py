"""Files of this machine: written whole or not at all, and failures told in plain words."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fromscratch.errors import ImageError

_HINTS = {
    errno.ENOSPC: "the disk is full: free some room (fromscratch clean --store frees the store) and run it again",
    errno.EDQUOT: "the disk quota is used up: free some room and run it again",
    errno.EACCES: "give yourself the right to write there, or name another folder",
    errno.EPERM: "give yourself the right to write there, or name another folder",
    errno.EROFS: "that filesystem is read-only: name another folder",
}


def explain(error: OSError, path: Path) -> ImageError:
    """The error of the house for a failure of the operating system."""
    reason = error.strerror or str(error)
    return ImageError(f"cannot write {path}: {reason}", _HINTS.get(error.errno or 0, "see whether the path is right"))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns an OSError of the block into an ImageError about `path`."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


@contextmanager
def atomic(path: Path, mode: int = 0o644) -> Iterator[BinaryIO]:
    """A stream whose bytes appear at `path`, all at once, when the block ends well."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                os.fchmod(stream.fileno(), mode & ~_umask())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """All of `data`, or nothing, at `path`. Raises ImageError."""
    with atomic(path, mode) as stream:
        stream.write(data)


def _umask() -> int:
    # Linux tells the umask without setting it, which would race with other threads.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022
