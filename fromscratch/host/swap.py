"""A folder that is made beside its place and then takes it in one step, so that the place always holds a whole one."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fromscratch.host import disk

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h


@contextmanager
def staged(place: Path) -> Iterator[Path]:
    """An empty folder beside `place`, for the caller to fill; gone at the end unless `swap_in` moved it.

    What killed writers left there is removed first. Raises OSError.
    """
    import glob

    # A name has 255 bytes at most; the end of `place`'s may be cut off.
    prefix = os.fsdecode(b".%b.new-" % os.fsencode(place.name)[:200])
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f"{glob.escape(prefix)}{16 * '[0-9a-f]'}*"):
        _remove_if_abandoned(left)
    while True:
        fresh = place.parent / f"{prefix}{os.urandom(8).hex()}"
        fresh.mkdir()
        handle = _locked(fresh)
        if handle is not None:
            break
    try:
        yield fresh
    finally:
        os.close(handle)
        _remove(fresh)


def swap_in(fresh: Path, place: Path) -> None:
    """Put `fresh` at `place`, where nothing or another folder may be; that one is then at `fresh`. Raises OSError."""
    try:
        fresh.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        _exchange(fresh, place)


def _exchange(one: Path, other: Path) -> None:
    import ctypes  # slow to load, and seldom wanted

    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    if rename is not None:
        if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number), str(other))
    # A filesystem that cannot exchange (NFS, some FUSE): for a moment nothing is at the place.
    aside = one.with_name(one.name + ".old")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _locked(folder: Path) -> int | None:
    """A handle that holds the folder's lock for as long as this process lives; None if it is held or gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), folder.stat()):
            return handle
    os.close(handle)
    return None


def _remove_if_abandoned(folder: Path) -> None:
    handle = _locked(folder)
    if handle is not None:
        _remove(folder)
        os.close(handle)


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):  # what stays is tried again by the next one
        disk.remove(folder)
