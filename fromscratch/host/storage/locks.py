"""Locks on files and folders by flock(2), with separate errors for held, removed, and not supported."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


def acquire(path: Path, *, shared: bool = False, wait: bool = False) -> int:
    """Lock the file or folder at `path`. The answer is a descriptor: the lock lasts until it is closed.

    Raises BlockingIOError if another process holds it (unless `wait`), FileNotFoundError if nothing is there or it
    was replaced meanwhile, and any other OSError if it cannot be locked; see `is_unsupported`.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock(handle, path, shared=shared, wait=wait)
    except BaseException:
        os.close(handle)
        raise
    return handle


def lock(handle: int, path: Path, *, shared: bool = False, wait: bool = False) -> None:
    """Lock an open file, which must still be the one at `path`. Errors as for `acquire`."""
    fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    if not os.path.samestat(os.fstat(handle), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def acquire_file(path: Path) -> int:
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
    """Whether the filesystem does not support locks; then no process can hold one."""
    return error.errno in _UNSUPPORTED


@contextmanager
def locked_folder(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Lock a folder for the block. It is made if it is missing, and then removed again if it is left empty.

    `waiting` is called once if another process holds the lock. Raises OSError.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    handle = _acquire_folder(folder, waiting)
    try:
        yield
    finally:
        with suppress(OSError):
            for path in missing:
                path.rmdir()
        if handle is not None:
            os.close(handle)


@contextmanager
def writer_turn(folder: Path) -> Iterator[bool]:
    """Wait for the turn to replace a folder as a whole; False if there is no folder, and so no other writer.

    A writer replaces the folder by a new one that it has locked already. A writer who has waited for the old folder
    finds it gone, and waits for the new one. Raises OSError.
    """
    handle: int | None = None
    while True:
        try:
            handle = acquire(folder, wait=True)
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


def _acquire_folder(folder: Path, waiting: Callable[[], None]) -> int | None:
    wait = False
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return acquire(folder.resolve(), wait=wait)
        except BlockingIOError:
            if wait:
                raise  # not by flock(2), which waits
            waiting()
            wait = True
        except FileNotFoundError:
            continue  # the process that held it has removed it, since it was empty
        except OSError as error:
            if is_unsupported(error):
                return None
            raise
