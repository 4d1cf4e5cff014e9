"""The folder of a store, its locks, and a temporary folder for a store that cannot be written.

Each process holds a shared lock on the folder as long as it lives, so that no other process removes the store. A store
on a read-only filesystem, or of another user, is used together with a temporary folder, which takes all that is
written, and is removed when the process ends.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from fromscratch.errors import ImageError
from fromscratch.host.storage import disk, locks, staged_folder, staging

TAG = "CACHEDIR.TAG"
_TAG_TEXT = b"""Signature: 8a477f597d28d172789f06886806bc55
# This folder is the store of fromscratch. All that is in it can be fetched and built again.
"""
FOLDERS = ("blobs", "records", "derived", "seen", "work", "partial", "locks")
_TRIES = 8
_NO_PLACE = (errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG)  # a store cannot be made at such a path


class StoreFolder:
    """The store at `root`. With `fallback`, one that cannot be written has a temporary folder; else writing fails."""

    def __init__(self, root: Path, *, fallback: bool) -> None:
        self.root = root
        self._may_fall_back = fallback
        self._fallback: Path | None = None
        self._guard = threading.RLock()
        self._lock: _HeldLock | None = None

    def find(self, *parts: str) -> Path:
        """The path of something in the store, whether it is there or not."""
        self.lock_against_removal()
        if self._fallback is not None and (path := self._fallback.joinpath(*parts)).exists():
            return path
        return self.root.joinpath(*parts)

    def make(self, *parts: str) -> Path:
        """A folder to write to; it is made if it is missing, and so is the store with its tag. Raises ImageError."""
        folder = self.root.joinpath(*parts)
        with self._guard, disk.explained(folder):
            if self._is_read_only():
                folder = self._in_fallback(parts)
            else:
                self._start()
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """See `Store.temporary`."""
        place = self.make("partial") / "new"
        with disk.explained(place), staged_folder.staged(place) as folder:
            path = folder / "file"
            os.close(disk.create(path))
            yield path

    def put(self, place: Path, data: bytes, *, durable: bool) -> None:
        """Write a file of the store, all of it or nothing. Raises ImageError."""
        with self.temporary() as path, disk.explained(place):
            path.write_bytes(data)
            if durable:
                disk.sync(path)
            os.replace(path, place)

    def whole_name(self, path: Path) -> tuple[str, ...]:
        """The parts of a path below the store; empty for one that is not in it."""
        for top in (self.root, self._fallback):
            if top is not None and path.is_relative_to(top):
                return path.relative_to(top).parts
        return ()

    @contextmanager
    def exclusively_locked(self) -> Iterator[bool]:
        """Lock the store exclusively for the block; False if there is no store.

        Raises ImageError if another process uses it, or it does not look like a store.
        """
        with self._guard:
            self._lock = None
            with disk.explained(self.root):
                try:
                    handle: int | None = locks.acquire(self.root.resolve())
                except FileNotFoundError:
                    yield False
                    return
                except BlockingIOError:
                    raise ImageError(
                        f"another process works with the store {self.root}", "run it again when that has ended"
                    ) from None
                except OSError as error:
                    if not locks.is_unsupported(error):
                        raise
                    handle = None
            self._lock = lock = _HeldLock(handle)
            try:
                self.check_look()
                yield True
            finally:
                if self._lock is lock:
                    self._lock = None

    def clear(self) -> None:
        """Remove everything. Raises ImageError if the folder is not a store, or another process uses it."""
        with self.exclusively_locked() as exists, disk.explained(self.root):
            if not exists:
                return
            self._move_aside([name for name in FOLDERS if (self.root / name).exists()])
            disk.remove(self.root / "partial")
            for left in staging.leftovers(self.root / TAG):
                disk.remove(left)
            (self.root / TAG).unlink(missing_ok=True)  # last, so that an interrupted removal can be repeated
            self.root.rmdir()

    def remove(self, path: Path) -> None:
        """Remove something in the store, after moving it aside; only while it is `exclusively_locked`. Raises OSError.

        A folder that was removed in part must not keep its name: the next build would continue in it.
        """
        self._move_aside([str(path.relative_to(self.root))])

    def _move_aside(self, names: list[str]) -> None:
        with staged_folder.staged(self.root / "partial" / "new") as aside:
            for number, name in enumerate(names):
                if name != "partial":
                    (self.root / name).rename(aside / str(number))

    def check_look(self) -> None:
        """Raises ImageError if the folder does not look like a store, or like one that is being made."""
        tag = self.root / TAG
        with disk.readable(self.root):
            names = {path.name for path in self.root.iterdir()}
            names -= {left.name for left in staging.leftovers(tag)}
            marked = tag.is_file() and tag.read_bytes() == _TAG_TEXT
        unknown = sorted(names - {*FOLDERS, TAG})
        if unknown or (names and not marked):
            why = f": it holds {unknown[0]!r}" if unknown else ""
            raise ImageError(f"{self.root} does not look like a store{why}", "remove it by hand if it is one")

    def _is_read_only(self) -> bool:
        return (
            self._may_fall_back
            and self.root.is_dir()
            and not os.access(self.root, os.W_OK | os.X_OK, effective_ids=True)
        )

    def _start(self) -> None:
        """Make the store itself, if it is missing."""
        for _ in range(_TRIES):
            if self._lock is not None and (self.root / TAG).exists():
                return
            self.root.mkdir(parents=True, exist_ok=True)
            self.lock_against_removal()
            if self._lock is not None:
                disk.write_atomically(self.root / TAG, _TAG_TEXT, durable=True)
                return
        raise ImageError(f"{self.root} is removed again and again", "see which other process does that")

    def lock_against_removal(self) -> None:
        """Lock the store, if it exists, against removal until this process ends."""
        if self._lock is not None:
            return
        with self._guard:
            for _ in range(_TRIES):
                try:
                    self._lock = _HeldLock(locks.acquire(Path(os.path.realpath(self.root)), shared=True, wait=True))
                    return
                except FileNotFoundError:
                    if not self.root.exists():
                        return  # there is no store, or it was removed meanwhile
                except OSError as error:
                    if error.errno in _NO_PLACE:
                        raise disk.explain(error, self.root) from error
                    # Not supported or not permitted: then other processes cannot lock it either.
                    self._lock = _HeldLock(None)
                    return

    def _in_fallback(self, parts: tuple[str, ...]) -> Path:
        """A folder of this name in the temporary folder, with symlinks to what the store has in it."""
        if self._fallback is None:
            import tempfile  # slow to import, as weakref, and seldom needed
            import weakref

            stack = ExitStack()
            self._fallback = stack.enter_context(
                staged_folder.staged(Path(tempfile.gettempdir()) / "fromscratch-store")
            )
            weakref.finalize(self, stack.close)
        folder = self._fallback.joinpath(*parts)
        if parts[0] == "work" and not folder.exists():
            folder.mkdir(parents=True)
            with suppress(OSError):
                for path in self.root.joinpath(*parts).iterdir():
                    (folder / path.name).symlink_to(path)
        return folder


def key_of(text: str) -> str:
    """A file name for any text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]


class _HeldLock:
    """A lock that is held as long as this object exists."""

    def __init__(self, handle: int | None) -> None:
        self._handle = handle
        self._close = os.close  # the module may be gone when the interpreter ends

    def __del__(self) -> None:
        if self._handle is not None:
            self._close(self._handle)
