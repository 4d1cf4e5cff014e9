"""flock(2) on files and folders of this machine, with its answers told apart: held, gone, and cannot."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


def taken(path: Path, *, shared: bool = False, wait: bool = False) -> int:
    """A descriptor that holds the lock of the file or folder at `path` until it is closed, or this process ends.

    Raises BlockingIOError if somebody else holds it (unless told to `wait`), FileNotFoundError if nothing is there or
    it was replaced meanwhile, and any other OSError if it cannot be locked; see `is_unsupported`.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock(handle, path, shared=shared, wait=wait)
    except BaseException:
        os.close(handle)
        raise
    return handle


def lock(handle: int, path: Path, *, shared: bool = False, wait: bool = False) -> None:
    """The same for what is open already, which must still be what lies at `path`."""
    fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    if not os.path.samestat(os.fstat(handle), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def taken_file(path: Path) -> int:
    """The same for a file that is only there to be locked, which is made if it is not there."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            lock(handle, path)
        except FileNotFoundError:
            os.close(handle)  # somebody has removed it since
        except BaseException:
            os.close(handle)
            raise
        else:
            return handle


def is_unsupported(error: OSError) -> bool:
    """Whether the filesystem has no such locks: then nobody can hold one, and nobody can sweep by them."""
    return error.errno in _UNSUPPORTED


@contextmanager
def held_folder(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a folder, which is made if it is not there, and gone again if it is left empty.

    `waiting` is called once if somebody else holds it. Raises OSError.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    handle = _held(folder, waiting)
    try:
        yield
    finally:
        with suppress(OSError):
            for path in missing:
                path.rmdir()
        if handle is not None:
            os.close(handle)


@contextmanager
def turn(folder: Path) -> Iterator[bool]:
    """The turn of one writer of a folder that is replaced whole; False if it is not there, and nobody to wait for.

    Whoever writes one gives its place to another folder, on which he holds the lock already: a writer who has waited
    for the old one finds it gone, and waits for that. Raises OSError.
    """
    handle: int | None = None
    while True:
        try:
            handle = taken(folder, wait=True)
        except FileNotFoundError:
            if folder.exists():
                continue
            yield False
            return
        except OSError as error:
            if not is_unsupported(error):
                raise
        break
    try:
        yield True
    finally:
        if handle is not None:
            os.close(handle)


def _held(folder: Path, waiting: Callable[[], None]) -> int | None:
    wait = False
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return taken(folder.resolve(), wait=wait)
        except BlockingIOError:
            if wait:
                raise  # it was told to wait
            waiting()
            wait = True
        except FileNotFoundError:
            continue  # whoever held it left it empty, and it is gone
        except OSError as error:
            if is_unsupported(error):
                return None
            raise
