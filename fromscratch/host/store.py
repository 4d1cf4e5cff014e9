"""The store: every download and every built tree, named by digest.

One folder, shared by all recipes and by several processes at once. Under it:

    blobs/sha256/HEX      bytes, named by their digest; written once, never changed
    records/KIND/KEY      small facts that change: what an address answered last, which packages a recipe means
    derived/KIND/HEX      what was made of a blob and can be made again (an unpacked archive)
    work/KIND/KEY/        long-lived folders of builds
    partial/              downloads under way
    locks/                one file a lock
    CACHEDIR.TAG          says that this is a store, to `clear` and to programs that back folders up

A name appears only when all its bytes are there: everything is written beside its place and renamed.
Blobs and records are on the disk before they get their name: has() asks for the name only, so a
power cut must not leave an empty file under it. That costs less than a millisecond a file.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import ImageError, NotFetched
from fromscratch.formats.limits import Limits
from fromscratch.host import disk

_TAG = "CACHEDIR.TAG"
_TAG_TEXT = b"""Signature: 8a477f597d28d172789f06886806bc55
# This folder is the store of fromscratch. All that is in it can be fetched and built again.
"""
_FOLDERS = ("blobs", "records", "derived", "work", "partial", "locks")
_ABANDONED = 24 * 3600.0
_POLL = 0.1
_DEFAULT = Limits()


class GivenUp(Exception):
    """The wait for a lock was ended by the one who waited."""


class Store:
    """Raises ImageError when its folder cannot be written. `limits` are what archives may expand to in it."""

    def __init__(self, root: Path, limits: Limits = _DEFAULT) -> None:
        self.root = root.absolute()
        self.limits = limits

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def has(self, digest: Digest) -> bool:
        path = self._blob(digest)
        with disk.readable(path):
            return path.is_file()

    def path(self, digest: Digest) -> Path:
        """The file of a blob. Raises NotFetched."""
        if not self.has(digest):
            raise NotFetched(f"the store has no {digest}", "run fetch first")
        return self._blob(digest)

    def open(self, digest: Digest) -> BinaryIO:
        path = self.path(digest)
        with disk.readable(path):
            return open(path, "rb")

    def read(self, digest: Digest) -> bytes:
        """A whole blob; for small ones."""
        with self.open(digest) as stream:
            return stream.read()

    def add(self, data: bytes) -> Digest:
        """Keep these bytes."""
        digest = Digest.of(data)
        if not self.has(digest):
            with self.temporary() as path:
                path.write_bytes(data)
                self.adopt(path, digest)
        return digest

    def add_stream(self, stream: BinaryIO) -> Digest:
        """Keep what is left in `stream`, read in bounded pieces."""
        with self.temporary() as path:
            hasher = hashlib.sha256()
            with open(path, "wb") as out:
                while piece := stream.read(CHUNK):
                    hasher.update(piece)
                    out.write(piece)
            return self.adopt(path, Digest("sha256", hasher.hexdigest()))

    def adopt(self, path: Path, digest: Digest) -> Digest:
        """Move a finished file of the same filesystem, whose digest the caller has computed, into the store."""
        target = self._blob(digest)
        self._make(target.parent)
        with disk.explained(target):
            disk.settle(path)
            os.replace(path, target)
        return digest

    def discard(self, digest: Digest) -> None:
        """Forget a blob that proved to be bad."""
        self._blob(digest).unlink(missing_ok=True)

    def record(self, kind: str, key: str) -> bytes | None:
        """A fact kept under this key, or None. Keys may be any text."""
        path = self._record(kind, key)
        with disk.readable(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def write_record(self, kind: str, key: str, data: bytes, *, durable: bool = True) -> None:
        """Keep a fact; one that is not `durable` may be lost, or found empty, after a power cut."""
        path = self._record(kind, key)
        self._make(path.parent)
        disk.write_atomically(path, data, durable=durable)

    def derived(self, digest: Digest, kind: str, make: Callable[[Path, Path], None]) -> Path:
        """What `make(blob, target)` makes of a blob, a file or a folder; made once, by one process.

        `target` is an empty file, which `make` fills or replaces.
        """
        target = self.root / "derived" / kind / digest.hex
        if target.exists():
            return target
        blob = self.path(digest)
        with self.lock(f"derived-{kind}-{digest.hex}"):
            if not target.exists():
                with self.temporary() as fresh, disk.explained(target):
                    make(blob, fresh)
                    if fresh.is_file():
                        disk.settle(fresh)
                    self._make(target.parent)
                    os.replace(fresh, target)
        return target

    def workspace(self, kind: str, key: str) -> Path:
        """A folder that lives on between builds. The caller holds a lock of its own while it uses it."""
        return self._make(self.root / "work" / kind / _key(key))

    def partial(self, key: str) -> Path:
        """Where a download of this key grows. The caller holds its lock."""
        return self._make(self.root / "partial") / _key(key)

    @contextmanager
    def lock(
        self, name: str, waiting: Callable[[], None] | None = None, *, give_up: Callable[[], bool] | None = None
    ) -> Iterator[None]:
        """A lock between processes (and threads) of this name; a killed holder frees it.

        `waiting` is called once if it is held elsewhere. `give_up` is asked now and then; when it
        says so, the wait ends with GivenUp.
        """
        from filelock import FileLock, Timeout

        path = self._make(self.root / "locks") / _key(name)
        lock = FileLock(path, thread_local=False)
        with disk.explained(path):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if waiting is not None:
                    waiting()
                while not lock.is_locked:
                    if give_up is not None and give_up():
                        raise GivenUp from None
                    with suppress(Timeout):
                        lock.acquire(timeout=_POLL * 5, poll_interval=_POLL)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """A name for a file beside the blobs, gone at the end unless it was moved away."""
        path = self._make(self.root / "partial") / f"new-{os.urandom(8).hex()}"
        with disk.explained(path):
            os.close(disk.create(path))
            try:
                yield path
            finally:
                disk.remove(path)

    def tidy(self) -> None:
        """Remove what killed writers left behind: temporary files that nobody has touched for a day."""
        for path in (self.root / "partial").glob("new-*"):
            with suppress(OSError):
                if time.time() - path.lstat().st_mtime > _ABANDONED:
                    disk.remove(path)

    def clear(self) -> None:
        """Remove everything. Raises ImageError if the folder is no store."""
        tag = self.root / _TAG
        with disk.readable(self.root):
            if not self.root.exists():
                return
            names = {path.name for path in self.root.iterdir()}
            marked = tag.is_file() and tag.read_bytes() == _TAG_TEXT
        strange = sorted(names - {*_FOLDERS, _TAG})
        if strange or (names and not marked):
            why = f": it holds {strange[0]!r}" if strange else ""
            raise ImageError(f"{self.root} does not look like a store{why}", "remove it by hand if it is one")
        with disk.explained(self.root):
            for name in _FOLDERS:
                disk.remove(self.root / name)
            tag.unlink(missing_ok=True)  # last: a removal that is interrupted can be repeated
            self.root.rmdir()

    def _make(self, folder: Path) -> Path:
        """A folder of the store, made if it is not there; the store itself with its tag."""
        if not folder.is_dir():
            tag = self.root / _TAG
            if not tag.exists():
                disk.write_atomically(tag, _TAG_TEXT)
            with disk.explained(folder):
                folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _blob(self, digest: Digest) -> Path:
        return self.root / "blobs" / digest.algorithm / digest.hex

    def _record(self, kind: str, key: str) -> Path:
        return self.root / "records" / kind / _key(key)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]
