"""A lock that child processes inherit: it is released when they have ended too.

When this process is killed, a program that it started may work on for a while; the next process must not begin in the
same folder before that program has ended.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fromscratch.host.storage import disk, locks


@contextmanager
def inherited_lock(path: Path, waiting: Callable[[], None]) -> Iterator[int]:
    """Lock the file `path`, which is made if it is missing. The answer is its descriptor, for programs to inherit.

    `waiting` is called once if another process holds the lock. Raises ImageError if the file cannot be locked.
    """
    with disk.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with disk.explained(path):
            try:
                locks.lock(descriptor, path)
            except BlockingIOError:
                waiting()
                locks.lock(descriptor, path, wait=True)
        yield descriptor
    finally:
        os.close(descriptor)
