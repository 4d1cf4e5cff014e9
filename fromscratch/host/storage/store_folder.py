"""The folder of a store: where it is read and written, and who works with it.

Whoever uses a store holds a shared lock on its folder for as long as the process lives, so that nobody removes it
under him. What lies on a read-only filesystem, or belongs to somebody else, is used with a folder beside it in which
everything lands that is made on the way; that is gone when the process ends.
"""

import errno
import hashlib
import os
import tempfile
import threading
import weakref
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
_NO_PLACE = (errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG)  # where no store can ever be


class StoreFolder:
    """`root` is the store. With `spare` one that cannot be written has a second folder, else writing to it fails."""

    def __init__(self, root: Path, *, spare: bool) -> None:
        self.root = root
        self._may_spare = spare
        self._spare: Path | None = None
        self._guard = threading.RLock()
        self._lock: _Held | None = None

    def find(self, *parts: str) -> Path:
        """Where something of this name lies, or would be looked for."""
        self.hold()
        if self._spare is not None and (path := self._spare.joinpath(*parts)).exists():
            return path
        return self.root.joinpath(*parts)

    def make(self, *parts: str) -> Path:
        """A folder to write to, made if it is not there; the store itself with its tag. Raises ImageError."""
        folder = self.root.joinpath(*parts)
        with self._guard, disk.explained(folder):
            if self._is_read_only():
                folder = self._beside(parts)
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
        """All of these bytes, or nothing, at a place in the store. Raises ImageError."""
        with self.temporary() as path, disk.explained(place):
            path.write_bytes(data)
            if durable:
                disk.settle(path)
            os.replace(path, place)

    def whole_name(self, path: Path) -> tuple[str, ...]:
        """The name of a path within the store; nothing for one that is not in it."""
        for top in (self.root, self._spare):
            if top is not None and path.is_relative_to(top):
                return path.relative_to(top).parts
        return ()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep every other process away from the store; False if there is none.

        Raises ImageError if another one works with it, or it does not look like a store.
        """
        with self._guard:
            self._lock = None
            with disk.explained(self.root):
                try:
                    handle: int | None = locks.taken(self.root.resolve())
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
            self._lock = held = _Held(handle)
            try:
                self.check_look()
                yield True
            finally:
                if self._lock is held:
                    self._lock = None

    def clear(self) -> None:
        """Remove everything. Raises ImageError if the folder is no store, or somebody else works with it."""
        with self.alone() as there, disk.explained(self.root):
            if not there:
                return
            self._take_away([name for name in FOLDERS if (self.root / name).exists()])
            disk.remove(self.root / "partial")
            for left in staging.leftovers(self.root / TAG):
                disk.remove(left)
            (self.root / TAG).unlink(missing_ok=True)  # last: a removal that is interrupted can be repeated
            self.root.rmdir()

    def remove(self, path: Path) -> None:
        """Remove something in the store, which loses its name first. Only while the store is `alone`; raises OSError.

        Half a folder under its name would be taken for the whole by the build that goes on in it.
        """
        self._take_away([str(path.relative_to(self.root))])

    def _take_away(self, names: list[str]) -> None:
        with staged_folder.staged(self.root / "partial" / "new") as aside:
            for number, name in enumerate(names):
                if name != "partial":
                    (self.root / name).rename(aside / str(number))

    def check_look(self) -> None:
        """Raises ImageError if it does not look like a store, or like the very beginning of one."""
        tag = self.root / TAG
        with disk.readable(self.root):
            names = {path.name for path in self.root.iterdir()}
            names -= {left.name for left in staging.leftovers(tag)}
            marked = tag.is_file() and tag.read_bytes() == _TAG_TEXT
        strange = sorted(names - {*FOLDERS, TAG})
        if strange or (names and not marked):
            why = f": it holds {strange[0]!r}" if strange else ""
            raise ImageError(f"{self.root} does not look like a store{why}", "remove it by hand if it is one")

    def _is_read_only(self) -> bool:
        return (
            self._may_spare and self.root.is_dir() and not os.access(self.root, os.W_OK | os.X_OK, effective_ids=True)
        )

    def _start(self) -> None:
        """Make the store itself, if it is not there."""
        for _ in range(_TRIES):
            if self._lock is not None and (self.root / TAG).exists():
                return
            self.root.mkdir(parents=True, exist_ok=True)
            self.hold()
            if self._lock is not None:
                disk.write_atomically(self.root / TAG, _TAG_TEXT, durable=True)
                return
        raise ImageError(f"{self.root} is removed again and again", "see which other process does that")

    def hold(self) -> None:
        """Hold the store, if it is there, for as long as this process uses it."""
        if self._lock is not None:
            return
        with self._guard:
            for _ in range(_TRIES):
                try:
                    self._lock = _Held(locks.taken(Path(os.path.realpath(self.root)), shared=True, wait=True))
                    return
                except FileNotFoundError:
                    if not self.root.exists():
                        return  # there is none, or somebody has removed it while we waited
                except OSError as error:
                    if error.errno in _NO_PLACE:
                        raise disk.explain(error, self.root) from error
                    self._lock = _Held(None)  # no locks there, or not for us: then nobody is kept away either
                    return

    def _beside(self, parts: tuple[str, ...]) -> Path:
        """The folder of this name in the second folder; what the store has in it already is seen there too."""
        if self._spare is None:
            stack = ExitStack()
            self._spare = stack.enter_context(staged_folder.staged(Path(tempfile.gettempdir()) / "fromscratch-store"))
            weakref.finalize(self, stack.close)
        folder = self._spare.joinpath(*parts)
        if parts[0] == "work" and not folder.exists():
            folder.mkdir(parents=True)
            with suppress(OSError):
                for path in self.root.joinpath(*parts).iterdir():
                    (folder / path.name).symlink_to(path)
        return folder


def key_of(text: str) -> str:
    """A name for a file out of any text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]


class _Held:
    """A lock that is held until the last reference to it goes."""

    def __init__(self, handle: int | None) -> None:
        self._close = weakref.finalize(self, os.close, handle) if handle is not None else None
