"""Temporary files and folders for new results: beside the final place, with a name derived from it, and locked.

The next writer for the same place removes what killed writers left: it knows them by their lock, which is free.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from fromscratch.host.storage import locks

_TRIES = 8


def fresh(place: Path, make: Callable[[Path], int | None]) -> tuple[Path, int | None]:
    """Make a file or folder beside `place` by `make`; and the descriptor of its lock, which the caller closes.

    `make` may return a descriptor of what it made, which is then locked. On a filesystem without locks, where nothing
    is ever removed, there is a descriptor only if `make` returned one. Raises OSError, and then nothing stays.
    """
    for left in range(_TRIES, -1, -1):
        path = place.parent / f"{_prefix(place)}{os.urandom(8).hex()}"
        handle = make(path)
        try:
            if handle is None:
                return path, locks.acquire(path)
            locks.lock(handle, path)
        except OSError as error:
            if locks.is_unsupported(error):
                return path, handle
            if handle is not None:
                os.close(handle)
            _forget(path)
            # Another process may remove it between its creation and the lock: try again.
            if left and isinstance(error, BlockingIOError | FileNotFoundError):
                continue
            raise
        return path, handle
    raise AssertionError  # the last round returns or raises


def leftovers(place: Path) -> Iterator[Path]:
    """The temporary files and folders beside `place`, also those in use."""
    pattern = _pattern(place)
    names: list[str] = []
    with suppress(OSError):
        names = [name for name in os.listdir(place.parent) if pattern.fullmatch(name)]
    yield from (place.parent / name for name in names)


def sweep(place: Path, remove: Callable[[Path], None]) -> None:
    """Remove what killed writers for `place` left. What cannot be removed is left to the next writer."""
    for path in leftovers(place):
        if path.name.endswith(".old") and not os.path.lexists(place):
            with suppress(OSError):
                path.rename(place)  # the earlier result: its writer was killed while nothing was at the place
                continue
        try:
            handle = locks.acquire(path)
        except OSError:
            continue
        with suppress(OSError):
            if _may_be_swept(handle, place.parent):
                remove(path)
        os.close(handle)


def _may_be_swept(handle: int, folder: Path) -> bool:
    """Whether it may be removed: in a folder where everybody may write, as in /tmp, only a file of this user."""
    return os.fstat(handle).st_uid == os.geteuid() or not folder.stat().st_mode & stat.S_IWOTH


def is_of(name: str, place: str) -> bool:
    """Whether `name` is that of a temporary file for the result `place`."""
    return _pattern(Path(place)).fullmatch(name) is not None


def _pattern(place: Path) -> re.Pattern[str]:
    return re.compile(re.escape(_prefix(place)) + r"[0-9a-f]{16}(\.old)?")


def _prefix(place: Path) -> str:
    # A name has 255 bytes at most, so a long one is cut.
    return os.fsdecode(b".%b.new-" % os.fsencode(place.name)[:200])


def _forget(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
