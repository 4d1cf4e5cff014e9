"""Verifying the digest of files: each is read once, and again only after a change of its stat(2).

Inode, size, mtime and ctime are recorded; no program can set the ctime. A file that was changed so recently that its
next change might have the same ctime is not recorded.
"""

import hashlib
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.host.storage.checksummed import with_checksum, without_checksum
from fromscratch.host.storage.store_folder import StoreFolder, key_of
from fromscratch.regular_file import open_unbuffered

# Timestamps of a filesystem have a resolution of 10 ms or better, or else are round numbers.
_TICK, _COARSE, _ROUND = 20_000_000, 2_000_000_000, 1_000_000

SEEN = "seen"
_DAY = 24 * 3600.0


class VerifiedFiles:
    """Records of verified files, in the folder of a store; a file whose record is lost is read again."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[str, ...]] = {}

    def matches(self, path: Path, digest: Digest) -> bool:
        """Whether the path is a regular file with this digest. Raises OSError for one that cannot be read."""
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
        with open_unbuffered(path) as stream:
            found = hashlib.file_digest(stream, digest.algorithm).hexdigest()
            after = os.fstat(stream.fileno())
        if found != digest.hex:
            return False
        if _facts(after, digest) == facts and is_settled(after.st_ctime_ns):
            self._known[path] = facts
            self._remember(str(path), facts)
        return True

    def forget(self, path: Path) -> None:
        """Verify the file again the next time."""
        with suppress(KeyError):
            del self._known[path]

    def _recall(self, name: str) -> tuple[str, ...]:
        path = self._folder.find(SEEN, key_of(name))
        with suppress(OSError):
            data = without_checksum(path.read_bytes(), SEEN, key_of(name))
            if data is not None:
                if time.time() - path.stat().st_mtime > _DAY:
                    os.utime(path)  # the time of its last use
                return tuple(data.decode().split())
        return ()

    def _remember(self, name: str, words: tuple[str, ...]) -> None:
        with suppress(ImageError):  # without the record, the file is read again
            place = self._folder.make(SEEN) / key_of(name)
            self._folder.put(place, with_checksum(" ".join(words).encode(), SEEN, key_of(name)), durable=False)


def _facts(state: os.stat_result, digest: Digest) -> tuple[str, ...]:
    numbers = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return (str(digest), *(str(number) for number in numbers))


def is_settled(ctime_ns: int, now_ns: int | None = None) -> bool:
    """Whether the next change of the inode will have another ctime: its resolution is coarser than the clock's.

    `now_ns` defaults to the current time.
    """
    now = time.time_ns() if now_ns is None else now_ns
    return now - ctime_ns > (_TICK if ctime_ns % _ROUND else _COARSE)
