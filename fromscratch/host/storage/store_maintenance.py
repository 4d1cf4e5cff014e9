"""Maintenance of a store: finding damaged parts, and removing those that have not been used for long."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.host.storage import disk, locks
from fromscratch.host.storage.checksummed import without_checksum
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.store_folder import key_of
from fromscratch.lazy_regex import lazy_regex
from fromscratch.progress import SILENT, Progress

_TEMPORARY = lazy_regex(r"\.new\.new-[0-9a-f]{16}")
_LOCK = "lock"  # the lock file in a work folder: host.storage.inherited_lock


class Part(Struct, frozen=True):
    """One thing in a store: a blob, a file derived from one, a record, a work folder, a partial download."""

    kind: str
    path: Path
    size: int
    used: float
    """The time of its last use, in seconds since 1970; the real one may be about a day later."""


class Checked(Struct, frozen=True, kw_only=True):
    """The result of a check: the number of parts and their size, and the damaged ones."""

    parts: int
    size: int
    damaged: tuple[Part, ...]


def check(store: Store, *, repair: bool = False, progress: Progress = SILENT) -> Checked:
    """Read all that the store holds; with `repair`, remove what is damaged, so that it is fetched or made again.

    Raises ImageError for what can be neither read nor removed, and for a folder that is not a store: an OCI layout
    has blobs too, which must not be removed.
    """
    if os.path.lexists(store.root):
        store.check_look()
    found = list(parts(store))
    damaged = []
    with progress.task("check the store", total=sum(part.size for part in found)) as task:
        for part in found:
            if not _is_whole(store, part):
                damaged.append(part)
            task.advance(part.size)
    if repair:
        for part in damaged:
            with disk.explained(part.path):
                disk.remove(part.path)
    return Checked(parts=len(found), size=sum(part.size for part in found), damaged=tuple(damaged))


def prune(store: Store, *, unused_since: float | None = None, keep_size: int | None = None) -> list[Part]:
    """Remove what was last used before `unused_since`, and then the least recently used until `keep_size` is left.

    The answer is what was removed. Records stay: they are small, and builds need them. Raises ImageError if another
    process uses the store. A work folder with a program in it that outlived its build stays.
    """
    with store.exclusively_locked() as exists:
        if not exists:
            return []
        found = sorted((part for part in parts(store) if part.kind != "record"), key=lambda part: part.used)
        chosen = _chosen(found, unused_since, keep_size)
        return [part for part in chosen if _remove(store, part)]


def _chosen(found: Sequence[Part], unused_since: float | None, keep_size: int | None) -> list[Part]:
    """The parts to remove, of parts in the order of their last use."""
    old = [part for part in found if unused_since is not None and part.used < unused_since]
    rest = found[len(old) :]
    left = sum(part.size for part in rest)
    for part in rest:
        if keep_size is None or left <= keep_size:
            break
        old.append(part)
        left -= part.size
    return old


def parts(store: Store) -> Iterator[Part]:
    """All parts of the store; not its locks, nor its records of verified files."""
    for kind, pattern in (("blob", "blobs/*/*"), ("derived", "derived/*/*"), ("record", "records/*/*")):
        for path in sorted(store.root.glob(pattern)):
            with suppress(FileNotFoundError):
                state = path.lstat()
                yield Part(kind, path, _size(path), max(state.st_mtime, _seen(store, path)))
    for path in sorted(store.root.glob("work/*/*")):
        with suppress(FileNotFoundError):
            yield Part("workspace", path, _size(path), path.lstat().st_mtime)
    for path in sorted(store.root.glob("partial/*")):
        if not _TEMPORARY.fullmatch(path.name):
            with suppress(FileNotFoundError):
                yield Part("download", path, _size(path), path.lstat().st_mtime)


def _is_whole(store: Store, part: Part) -> bool:
    """Whether its bytes are the right ones: they are read, whatever has been recorded."""
    kind, name = part.path.parent.name, part.path.name
    match part.kind:
        case "blob":
            expected = _digest(f"{kind}:{name}")
        case "derived":
            recorded = store.record(f"derived-{kind}", name)
            expected = _digest(recorded.decode()) if recorded else None
        case "record":
            return part.path.is_file() and without_checksum(part.path.read_bytes(), kind, name) is not None
        case _:
            return True
    if expected is None or not stat.S_ISREG(part.path.lstat().st_mode):
        return False
    with disk.readable(part.path), open(part.path, "rb") as stream:
        return hashlib.file_digest(stream, expected.algorithm).hexdigest() == expected.hex


def _digest(text: str) -> Digest | None:
    with suppress(FormatError):
        return Digest.parse(text)
    return None


def _remove(store: Store, part: Part) -> bool:
    """Remove a part; False if a program still works in it."""
    if part.kind == "workspace" and not _is_free(part.path / _LOCK):
        return False
    with disk.explained(part.path):
        store.remove(part.path)
    _seen_record(store, part.path).unlink(missing_ok=True)
    return True


def _is_free(lock: Path) -> bool:
    try:
        os.close(locks.acquire(lock))
    except FileNotFoundError:
        return True
    except OSError as error:
        return locks.is_unsupported(error)
    return True


def _seen(store: Store, path: Path) -> float:
    """When it was last used for an image; 0 if it never was."""
    try:
        return _seen_record(store, path).lstat().st_mtime
    except OSError:
        return 0.0


def _seen_record(store: Store, path: Path) -> Path:
    return store.root / "seen" / key_of(str(path))


def _size(path: Path) -> int:
    """The bytes of a file, or of all files below a folder; hard links count once."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    sizes: dict[tuple[int, int], int] = {}
    for folder, _, names in disk.walk(path):
        for name in names:
            with suppress(OSError):
                state = (folder / name).lstat()
                sizes[state.st_dev, state.st_ino] = state.st_blocks * 512
    return sum(sizes.values())
