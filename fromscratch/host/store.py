"""The store: every download and every built tree, named by digest.

One folder, shared by all recipes and by several processes at once. Under it:

    blobs/sha256/HEX      bytes, named by their digest; written once, never changed
    records/KIND/KEY      small facts that change: what an address answered last, which packages a recipe means
    derived/KIND/HEX      what was made of a blob and can be made again (an unpacked archive)
    work/KIND/KEY/        long-lived folders of builds
    partial/              downloads under way
    locks/                one file a lock

A name appears only when all its bytes are there: everything is written beside its place and renamed.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import ImageError, NotFetched
from fromscratch.host import disk


class Store:
    """Raises ImageError when its folder cannot be written."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def has(self, digest: Digest) -> bool:
        return self._blob(digest).is_file()

    def path(self, digest: Digest) -> Path:
        """The file of a blob. Raises NotFetched."""
        path = self._blob(digest)
        if not path.is_file():
            raise NotFetched(f"the store has no {digest}", "run fetch first")
        return path

    def open(self, digest: Digest) -> BinaryIO:
        return open(self.path(digest), "rb")

    def read(self, digest: Digest) -> bytes:
        """A whole blob; for small ones."""
        return self.path(digest).read_bytes()

    def add(self, data: bytes) -> Digest:
        """Keep these bytes."""
        digest = Digest.of(data)
        if not self.has(digest):
            disk.write_atomically(self._blob(digest), data)
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
        with disk.explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        return digest

    def discard(self, digest: Digest) -> None:
        """Forget a blob that proved to be bad."""
        self._blob(digest).unlink(missing_ok=True)

    def record(self, kind: str, key: str) -> bytes | None:
        """A fact kept under this key, or None. Keys may be any text."""
        try:
            return self._record(kind, key).read_bytes()
        except FileNotFoundError:
            return None

    def write_record(self, kind: str, key: str, data: bytes) -> None:
        disk.write_atomically(self._record(kind, key), data)

    def derived(self, digest: Digest, kind: str, make: Callable[[Path, Path], None]) -> Path:
        """What `make(blob, target)` makes of a blob; made once, by one process."""
        target = self.root / "derived" / kind / digest.hex
        if target.exists():
            return target
        blob = self.path(digest)
        with self.lock(f"derived-{kind}-{digest.hex}"):
            if not target.exists():
                with self.temporary() as fresh, disk.explained(target):
                    make(blob, fresh)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(fresh, target)
        return target

    def workspace(self, kind: str, key: str) -> Path:
        """A folder that lives on between builds. The caller holds a lock of its own while it uses it."""
        path = self.root / "work" / kind / _key(key)
        with disk.explained(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def partial(self, key: str) -> Path:
        """Where a download of this key grows. The caller holds its lock."""
        path = self.root / "partial" / _key(key)
        with disk.explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def lock(self, name: str, waiting: Callable[[], None] | None = None) -> AbstractContextManager[object]:
        """A lock between processes (and threads) of this name. `waiting` is called once if it is held elsewhere."""
        from filelock import FileLock, Timeout

        path = self.root / "locks" / _key(name)
        with disk.explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)
        if waiting is not None:
            try:
                return lock.acquire(timeout=0)
            except Timeout:
                waiting()
        return lock.acquire()

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """A name for a file beside the blobs, gone at the end unless it was moved away."""
        folder = self.root / "partial"
        with disk.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="new-", dir=folder)
            os.close(handle)
        path = Path(name)
        try:
            yield path
        except OSError as error:
            raise disk.explain(error, path) from error
        finally:
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove everything. Raises ImageError if the folder is no store."""
        if self.root.exists():
            if not (self.root / "blobs").is_dir() and any(self.root.iterdir()):
                raise ImageError(f"{self.root} does not look like a store", "remove it by hand if it is one")
            with disk.explained(self.root):
                shutil.rmtree(self.root)

    def _blob(self, digest: Digest) -> Path:
        return self.root / "blobs" / digest.algorithm / digest.hex

    def _record(self, kind: str, key: str) -> Path:
        return self.root / "records" / kind / _key(key)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]
