"""Replacing a folder in one step by another that was filled beside it, so that a complete one is always there."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fromscratch.host.storage import disk, staging

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h


@contextmanager
def staged(place: Path, remove: Callable[[Path], None] = disk.remove) -> Iterator[Path]:
    """An empty folder beside `place`, for the caller to fill; removed at the end unless `swap_in` moved it.

    `remove` is for folders that others may have filled. What killed writers left is removed first. Raises OSError.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    staging.sweep(place, remove)
    fresh, handle = staging.fresh(place, Path.mkdir)
    try:
        yield fresh
    finally:
        if handle is not None:
            os.close(handle)
        with contextlib.suppress(OSError):  # the next writer tries again
            remove(fresh)


def swap_in(fresh: Path, place: Path) -> None:
    """Put `fresh` at `place`, where nothing or another folder may be; that one is then at `fresh`. Raises OSError."""
    if not take_empty_place(fresh, place):
        _exchange(fresh, place)


def take_empty_place(fresh: Path, place: Path) -> bool:
    """Put `fresh` at `place` if nothing, or an empty folder, is there; False if something is. Raises OSError."""
    try:
        fresh.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _exchange(one: Path, other: Path) -> None:
    import ctypes  # slow to import, and seldom needed

    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    if rename is not None:
        if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number), str(other))
    # On a filesystem that cannot exchange (NFS, some FUSE), nothing is at the place for a moment.
    aside = one.with_name(one.name + ".old")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
