"""The store: every download and every built tree, named by digest.

One folder, shared by all recipes and by several processes at once. Under it:

    blobs/sha256/HEX      bytes, named by their digest; written once, never changed
    records/KIND/KEY      small facts that change: what an address answered last, which packages a recipe means
    derived/KIND/HEX      what was made of a blob and can be made again (an unpacked archive)
    seen/KEY              what stat(2) told of a file when its bytes were last seen to be right
    work/KIND/KEY/        long-lived folders of builds
    partial/              downloads under way
    locks/                one file a lock
    CACHEDIR.TAG          says that this is a store, to `clear` and to programs that back folders up

A name appears only when all its bytes are there: everything is written beside its place and renamed.
Blobs and records are on the disk before they get their name: a power cut must not leave an empty file
under it. That costs less than a millisecond a file.

Names are not believed for ever: a disk may rot, and whoever may write here may err. What leaves the store for an
image has been read once, and is read again when inode, size or times have changed. What is damaged counts as not
there: `fetch` brings it again, what is derived is made again, and a record that is damaged is none.
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
from fromscratch.host.storage.sealed import sealed, unsealed
from fromscratch.host.storage.store_folder import StoreFolder, key_of
from fromscratch.host.storage.verified_files import Sound
from fromscratch.limits import Limits
from fromscratch.opening import contents, opened

_POLL = 0.1
_DEFAULT = Limits()


class GivenUp(Exception):
    """The wait for a lock was ended by the one who waited."""


class Store:
    """Raises ImageError when its folder cannot be written. `limits` are what archives may expand to in it.

    One that is read-only is read from, and what is made on the way lands in a folder that is gone with this process;
    without `spare` it is an error to write to it.
    """

    def __init__(self, root: Path, limits: Limits = _DEFAULT, *, spare: bool = True) -> None:
        self.root = root.absolute()
        self.limits = limits
        self._folder = StoreFolder(self.root, spare=spare)
        self._sound = Sound(self._folder)

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def hold(self) -> None:
        """Keep the store, if it is there, from being removed by others. Raises ImageError where none can ever be."""
        self._folder.hold()

    def lasting(self) -> "Store":
        """The same store for what is to be kept: it is an error if it cannot be written."""
        return Store(self.root, self.limits, spare=False)

    def has(self, digest: Digest) -> bool:
        """Whether its bytes are here, and are the right ones."""
        return self.vouches(self._blob(digest), digest)

    def vouches(self, path: Path, digest: Digest) -> bool:
        """Whether the file there has this digest; read once, and again when it has changed."""
        with disk.readable(path):
            return self._sound.is_whole(path, digest)

    def path(self, digest: Digest) -> Path:
        """The file of a blob. Raises NotFetched if it is not there, or damaged."""
        if not self.has(digest):
            if self._blob(digest).exists():
                raise NotFetched(f"{digest} in the store is damaged", "run fetch again: it brings it anew")
            raise NotFetched(f"the store has no {digest}", "run fetch first")
        return self._blob(digest)

    def open(self, digest: Digest) -> BinaryIO:
        path = self.path(digest)
        with disk.readable(path):
            return opened(path)

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
        target = self._folder.make("blobs", digest.algorithm) / digest.hex
        with disk.explained(target):
            disk.settle(path)
            os.replace(path, target)
        return digest

    def discard(self, digest: Digest) -> None:
        """Forget a blob that proved to be bad."""
        self._blob(digest).unlink(missing_ok=True)
        self._sound.forget(self._blob(digest))

    def record(self, kind: str, key: str) -> bytes | None:
        """A fact kept under this key, or None, also for one that is damaged. Keys may be any text."""
        path = self._folder.find("records", kind, key_of(key))
        with disk.readable(path):
            try:
                return unsealed(contents(path), kind, key_of(key))
            except FileNotFoundError:
                return None

    def write_record(self, kind: str, key: str, data: bytes, *, durable: bool = True) -> None:
        """Keep a fact; one that is not `durable` may be lost after a power cut."""
        place = self._folder.make("records", kind) / key_of(key)
        self._folder.put(place, sealed(data, kind, key_of(key)), durable=durable)

    def derived(self, digest: Digest, kind: str, make: Callable[[Path, Path], object]) -> Path:
        """The file that `make(blob, target)` makes of a blob; made once, by one process, and again if it is damaged.

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
                    disk.settle(fresh)
                    os.replace(fresh, target)
            self.write_record(f"derived-{kind}", digest.hex, str(made).encode(), durable=False)
        return target

    def _derived(self, kind: str, digest: Digest) -> Path | None:
        path = self._folder.find("derived", kind, digest.hex)
        said = self.record(f"derived-{kind}", digest.hex)
        return path if said is not None and self.vouches(path, Digest.parse(said.decode())) else None

    def workspace(self, kind: str, key: str) -> Path:
        """A folder that lives on between builds. The caller holds a lock of its own while it uses it."""
        place = self._folder.make("work", kind, key_of(key))
        with suppress(OSError):
            os.utime(place)  # when it was last of use
        return place

    def partial(self, key: str) -> Path:
        """Where a download of this key grows. The caller holds its lock."""
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
            handle = self._taken(path, waiting, give_up)
        try:
            yield
        finally:
            os.close(handle)

    def _taken(self, path: Path, waiting: Callable[[], None] | None, give_up: Callable[[], bool] | None) -> int:
        with suppress(BlockingIOError):
            return locks.taken_file(path)
        if waiting is not None:
            waiting()
        while True:
            if give_up is not None and give_up():
                raise GivenUp
            time.sleep(_POLL)
            with suppress(BlockingIOError):
                return locks.taken_file(path)

    def temporary(self) -> AbstractContextManager[Path]:
        """An empty file beside the blobs, gone at the end unless it was moved away.

        What killed processes left of theirs is removed first.
        """
        return self._folder.temporary()

    def whole_name(self, path: Path) -> tuple[str, ...]:
        """The name within the store of a blob or of what is derived of one, such as ("blobs", "sha256", HEX)."""
        return self._folder.whole_name(path)

    def alone(self) -> AbstractContextManager[bool]:
        """Keep other processes away while the block runs; False if there is no store. Errors as for `clear`."""
        return self._folder.alone()

    def check_look(self) -> None:
        """Raises ImageError if the folder does not look like a store, or cannot be looked at."""
        self._folder.check_look()

    def remove(self, path: Path) -> None:
        """Remove one thing in the store, at once; only while it is `alone`. Raises OSError."""
        self._folder.remove(path)

    def clear(self) -> None:
        """Remove everything. Raises ImageError if the folder is no store, or another process works with it."""
        self._folder.clear()

    def _blob(self, digest: Digest) -> Path:
        return self._folder.find("blobs", digest.algorithm, digest.hex)
