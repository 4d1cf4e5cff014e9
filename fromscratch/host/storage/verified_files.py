"""Files that have the digest they are taken for: read once to see that, then remembered by what stat(2) tells of them.

Remembered are inode, size and the times of the last changes, of which no program can set that of the inode. A file that
was changed so lately that its next change might have the same time is never remembered.
"""

import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.host.storage.sealed import sealed, unsealed
from fromscratch.host.storage.store_folder import StoreFolder, key_of
from fromscratch.opening import unbuffered

# The clock of a filesystem ticks every 10 ms or more often, or else shows times that are round.
_TICK, _COARSE, _ROUND = 20_000_000, 2_000_000_000, 1_000_000

SEEN = "seen"
_DAY = 24 * 3600.0


class Sound:
    """What is remembered between runs lies in the folder of a store; what is lost of it is read once more."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[str, ...]] = {}

    def is_whole(self, path: Path, digest: Digest) -> bool:
        """Whether a regular file is there with this digest. Raises OSError for one that cannot be read."""
        try:
            before = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISREG(before.st_mode):
            return False
        facts = _facts(before, digest)
        if self._known.get(path) == facts:
            return True
        if self._recall(str(path)) == facts:
            self._known[path] = facts
            return True
        with unbuffered(path) as stream:
            found = hashlib.file_digest(stream, digest.algorithm).hexdigest()
            after = os.fstat(stream.fileno())
        if found != digest.hex:
            return False
        if _facts(after, digest) == facts and is_settled(after.st_ctime_ns):
            self._known[path] = facts
            self._remember(str(path), facts)
        return True

    def forget(self, path: Path) -> None:
        """What was known of it counts no more in this process."""
        with suppress(KeyError):
            del self._known[path]

    def _recall(self, name: str) -> tuple[str, ...]:
        path = self._folder.find(SEEN, key_of(name))
        with suppress(OSError):
            data = unsealed(path.read_bytes(), SEEN, key_of(name))
            if data is not None:
                if time.time() - path.stat().st_mtime > _DAY:
                    os.utime(path)  # when it was last of use
                return tuple(data.decode().split())
        return ()

    def _remember(self, name: str, words: tuple[str, ...]) -> None:
        with suppress(ImageError):  # it is only read once more
            place = self._folder.make(SEEN) / key_of(name)
            self._folder.put(place, sealed(" ".join(words).encode(), SEEN, key_of(name)), durable=False)


def _facts(state: os.stat_result, digest: Digest) -> tuple[str, ...]:
    numbers = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return (str(digest), *(str(number) for number in numbers))


def is_settled(ctime_ns: int, now_ns: int | None = None) -> bool:
    """Whether the next change to the inode will have another time: a filesystem's clock is coarser than ours.

    `now_ns` is the time of the machine's clock if it is not given.
    """
    now = time.time_ns() if now_ns is None else now_ns
    return now - ctime_ns > (_TICK if ctime_ns % _ROUND else _COARSE)
