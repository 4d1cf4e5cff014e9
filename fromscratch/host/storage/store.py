"""The store: every download and every built tree, named by digest.

One folder, shared by all recipes and by several processes at once. Under it:

    blobs/sha256/HEX      bytes, named by their digest; written once, never changed
    records/KIND/KEY      small facts that change: the last answer of an address, the packages of a recipe
    derived/KIND/HEX      what was made from a blob and can be made again (an unpacked archive)
    seen/KEY              the stat(2) of a file when its digest was last verified
    work/KIND/KEY/        work folders that builds continue in
    partial/              unfinished downloads
    locks/                one file for each lock
    CACHEDIR.TAG          marks the folder as a store, for `clear` and for backup programs

A name appears only when all its bytes are there: everything is written beside its place and renamed. Blobs and records
are synced to the disk before they get their name: a power cut must not leave an empty file under it. That costs less
than a millisecond for each file.

The digest in a name is verified: a disk may fail, and another program may write here. Whatever goes from the store into
an image has been read once, and is read again when inode, size or times have changed. What is damaged counts as
missing: `fetch` downloads it again, derived files are made again, and a damaged record is ignored.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import NotFetched
from fromscratch.host.storage import disk, locks
from fromscratch.host.storage.checksummed import with_checksum, without_checksum
from fromscratch.host.storage.store_folder import StoreFolder, key_of
from fromscratch.host.storage.verified_files import VerifiedFiles
from fromscratch.regular_file import open_buffered, read_bytes

_POLL = 0.1


class GivenUp(Exception):
    """The caller has given up waiting for a lock."""


class Store:
    """A store in the folder `root`.

    If it is read-only, what is written goes to a temporary folder, which is removed when this process ends; without
    `fallback` that is an error. Raises ImageError when its folder cannot be written.
    """

    def __init__(self, root: Path, *, fallback: bool = True) -> None:
        self.root = root.absolute()
        self._folder = StoreFolder(self.root, fallback=fallback)
        self._verified = VerifiedFiles(self._folder)

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def lock_against_removal(self) -> None:
        """Lock the store, if it exists, against removal by others. Raises ImageError for an impossible path."""
        self._folder.lock_against_removal()

    def without_fallback(self) -> "Store":
        """The same store without a temporary folder: it is an error if it cannot be written."""
        return Store(self.root, fallback=False)

    def has(self, digest: Digest) -> bool:
        """Whether the store has this blob, undamaged."""
        return self.matches(self._blob(digest), digest)

    def matches(self, path: Path, digest: Digest) -> bool:
        """Whether the file has this digest; it is read once, and again after a change."""
        with disk.readable(path):
            return self._verified.matches(path, digest)

    def path(self, digest: Digest) -> Path:
        """The file of a blob. Raises NotFetched if it is not there, or damaged."""
        if not self.has(digest):
            if self._blob(digest).exists():
                raise NotFetched(f"{digest} in the store is damaged", "run fetch again: it downloads it anew")
            raise NotFetched(f"the store has no {digest}", "run fetch first")
        return self._blob(digest)

    def open(self, digest: Digest) -> BinaryIO:
        path = self.path(digest)
        with disk.readable(path):
            return open_buffered(path)

    def read(self, digest: Digest) -> bytes:
        """A whole blob; for small ones."""
        with self.open(digest) as stream:
            return stream.read()

    def add(self, data: bytes) -> Digest:
        """Store these bytes."""
        digest = Digest.of(data)
        if not self.has(digest):
            with self.temporary() as path:
                path.write_bytes(data)
                self.adopt(path, digest)
        return digest

    def add_stream(self, stream: BinaryIO) -> Digest:
        """Store the rest of `stream`, read in bounded pieces."""
        with self.temporary() as path:
            hasher = hashlib.sha256()
            with open(path, "wb") as out:
                while piece := stream.read(CHUNK):
                    hasher.update(piece)
                    out.write(piece)
            return self.adopt(path, Digest("sha256", hasher.hexdigest()))

    def adopt(self, path: Path, digest: Digest) -> Digest:
        """Move a finished file of the same filesystem, whose digest the caller has computed, into the store."""
        target = self._folder.make("blobs", digest.algorithm) / digest.hex
        with disk.explained(target):
            disk.sync(path)
            os.replace(path, target)
        return digest

    def discard(self, digest: Digest) -> None:
        """Remove a damaged blob."""
        self._blob(digest).unlink(missing_ok=True)
        self._verified.forget(self._blob(digest))

    def record(self, kind: str, key: str) -> bytes | None:
        """The record of this key; None if there is none, or it is damaged. Keys may be any text."""
        path = self._folder.find("records", kind, key_of(key))
        with disk.readable(path):
            try:
                return without_checksum(read_bytes(path), kind, key_of(key))
            except FileNotFoundError:
                return None

    def write_record(self, kind: str, key: str, data: bytes, *, durable: bool = True) -> None:
        """Write a record; one that is not `durable` may be lost after a power cut."""
        place = self._folder.make("records", kind) / key_of(key)
        self._folder.put(place, with_checksum(data, kind, key_of(key)), durable=durable)

    def derived(self, digest: Digest, kind: str, make: Callable[[Path, Path], object]) -> Path:
        """The file that `make(blob, target)` makes from a blob: once, by one process, and again if it is damaged.

        `target` is an empty file, which `make` fills or replaces.
        """
        if (present := self._derived(kind, digest)) is not None:
            return present
        blob = self.path(digest)
        with self.lock(f"derived-{kind}-{digest.hex}"):
            if (present := self._derived(kind, digest)) is not None:
                return present
            with self.temporary() as fresh:
                target = self._folder.make("derived", kind) / digest.hex
                with disk.explained(target):
                    make(blob, fresh)
                    with open(fresh, "rb") as stream:
                        made = Digest.of_stream(stream)
                    disk.sync(fresh)
                    os.replace(fresh, target)
            self.write_record(f"derived-{kind}", digest.hex, str(made).encode(), durable=False)
        return target

    def _derived(self, kind: str, digest: Digest) -> Path | None:
        path = self._folder.find("derived", kind, digest.hex)
        recorded = self.record(f"derived-{kind}", digest.hex)
        return path if recorded is not None and self.matches(path, Digest.parse(recorded.decode())) else None

    def workspace(self, kind: str, key: str) -> Path:
        """A folder that builds continue in. The caller holds a lock of its own while it uses it."""
        place = self._folder.make("work", kind, key_of(key))
        with suppress(OSError):
            os.utime(place)  # the time of its last use
        return place

    def partial(self, key: str) -> Path:
        """The partial file of a download with this key. The caller holds its lock."""
        return self._folder.make("partial") / key_of(key)

    @contextmanager
    def lock(
        self, name: str, waiting: Callable[[], None] | None = None, *, give_up: Callable[[], bool] | None = None
    ) -> Iterator[None]:
        """A lock between processes (and threads) of this name; a killed holder frees it. Raises ImageError.

        `waiting` is called once if it is held elsewhere. `give_up` is asked now and then; when it
        says so, the wait ends with GivenUp.
        """
        path = self._folder.make("locks") / key_of(name)
        with disk.explained(path):
            handle = self._acquire_when_free(path, waiting, give_up)
        try:
            yield
        finally:
            os.close(handle)

    def _acquire_when_free(
        self, path: Path, waiting: Callable[[], None] | None, give_up: Callable[[], bool] | None
    ) -> int:
        with suppress(BlockingIOError):
            return locks.acquire_file(path)
        if waiting is not None:
            waiting()
        while True:
            if give_up is not None and give_up():
                raise GivenUp
            time.sleep(_POLL)
            with suppress(BlockingIOError):
                return locks.acquire_file(path)

    def temporary(self) -> AbstractContextManager[Path]:
        """An empty file beside the blobs, removed at the end unless it was moved away.

        What killed processes left is removed first.
        """
        return self._folder.temporary()

    def whole_name(self, path: Path) -> tuple[str, ...]:
        """The name within the store of a blob or a derived file, such as ("blobs", "sha256", HEX)."""
        return self._folder.whole_name(path)

    def exclusively_locked(self) -> AbstractContextManager[bool]:
        """Lock the store exclusively for the block; False if there is no store. Errors as for `clear`."""
        return self._folder.exclusively_locked()

    def check_look(self) -> None:
        """Raises ImageError if the folder does not look like a store, or cannot be read."""
        self._folder.check_look()

    def remove(self, path: Path) -> None:
        """Remove one thing in the store, at once; only while it is `exclusively_locked`. Raises OSError."""
        self._folder.remove(path)

    def clear(self) -> None:
        """Remove everything. Raises ImageError if the folder is not a store, or another process uses it."""
        self._folder.clear()

    def _blob(self, digest: Digest) -> Path:
        return self._folder.find("blobs", digest.algorithm, digest.hex)
