"""A lock that programs inherit: it is free again only when they have ended too.

When we are killed, what we started may work on for a while; whoever comes next must not begin in
the same folder before that has stopped.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fromscratch.host.storage import disk


@contextmanager
def heritable_lock(path: Path, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold flock(2) on `path`. The answer is its descriptor, to be handed to the programs that work under it.

    `waiting` is called once if somebody else holds it. Raises ImageError if the file cannot be made.
    """
    with disk.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
