"""Where results grow: beside their place, under a name that tells of it, locked by who writes them.

Whoever writes to the same place next sweeps away what killed writers left, and knows them by the lock that is free.
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
    """A new file or folder beside `place` by `make`, and the descriptor of its lock, which the caller closes.

    `make` may answer the descriptor of what it made, which is then locked. On a filesystem without locks, of which
    nothing is ever swept, there is a descriptor only if `make` gave one. Raises OSError; nothing stays then.
    """
    for left in range(_TRIES, -1, -1):
        path = place.parent / f"{_prefix(place)}{os.urandom(8).hex()}"
        handle = make(path)
        try:
            if handle is None:
                return path, locks.taken(path)
            locks.lock(handle, path)
        except OSError as error:
            if locks.is_unsupported(error):
                return path, handle
            if handle is not None:
                os.close(handle)
            _forget(path)
            # A sweep that came between the making and the lock is no reason to give up.
            if left and isinstance(error, BlockingIOError | FileNotFoundError):
                continue
            raise
        return path, handle
    raise AssertionError  # the last round returns or raises


def leftovers(place: Path) -> Iterator[Path]:
    """All that stands beside `place` and grew, or grows, for it."""
    pattern = _pattern(place)
    names: list[str] = []
    with suppress(OSError):
        names = [name for name in os.listdir(place.parent) if pattern.fullmatch(name)]
    yield from (place.parent / name for name in names)


def sweep(place: Path, remove: Callable[[Path], None]) -> None:
    """Remove what killed writers left of their way to `place`. What cannot be removed is left to the next one."""
    for path in leftovers(place):
        if path.name.endswith(".old") and not os.path.lexists(place):
            with suppress(OSError):
                path.rename(place)  # the one before, of a writer that was killed while nothing was at the place
                continue
        try:
            handle = locks.taken(path)
        except OSError:
            continue
        with suppress(OSError):
            if _may_be_swept(handle, place.parent):
                remove(path)
        os.close(handle)


def _may_be_swept(handle: int, folder: Path) -> bool:
    """Where everybody may write, as in /tmp, only what is ours: a stranger may have laid it there to be removed."""
    return os.fstat(handle).st_uid == os.geteuid() or not folder.stat().st_mode & stat.S_IWOTH


def is_of(name: str, place: str) -> bool:
    """Whether what is called `name` grows, or was left, for what is called `place`."""
    return _pattern(Path(place)).fullmatch(name) is not None


def _pattern(place: Path) -> re.Pattern[str]:
    return re.compile(re.escape(_prefix(place)) + r"[0-9a-f]{16}(\.old)?")


def _prefix(place: Path) -> str:
    # A name has 255 bytes at most; the end of `place`'s may be cut off.
    return os.fsdecode(b".%b.new-" % os.fsencode(place.name)[:200])


def _forget(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
