"""Writing and removing files of this machine: whole or not at all, with errors that explain the failure."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fromscratch.errors import ImageError
from fromscratch.host.storage import os_errors, staging
from fromscratch.model.resolution import MAX_SYMLINKS

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def explain(error: OSError, path: Path) -> ImageError:
    """The ImageError for an OSError that was raised while `path` was written."""
    reason = error.strerror or str(error)
    about = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    elsewhere = bool(about) and Path(about).parent != path.parent
    what = f"cannot use {about}, needed for {path}: {reason}" if elsewhere else f"cannot write {path}: {reason}"
    return os_errors.failure(error, what, Path(about) if about else path)


# The errors of filesystems that cannot sync a folder, or need not.
_NEVER_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into an ImageError about `path`.

    An OSError without errno passes, such as the network failures of libraries.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise explain(error, path) from error


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn an OSError of the block, which reads `path`, into an ImageError."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        hint = os_errors.hint(error) or "see whether it is there and may be read"
        raise ImageError(f"cannot read {path}: {error.strerror}", hint) from error


@contextmanager
def atomic(path: Path, mode: int = 0o644, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A stream whose bytes appear at `path`, all at once, when the block ends without an exception.

    The umask applies to `mode`. A kill never leaves a part of them; with `durable`, they also survive a power cut.
    A pipe or a device, such as /dev/stdout, is written directly: it cannot be replaced by a file.
    """
    with explained(path):
        if is_stream(path):
            with open(path, "wb") as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.sweep(path, remove)
        fresh, handle = staging.fresh(path, lambda place: create(place, mode))
        assert handle is not None  # noqa: S101  `create` has returned it
        try:
            with open(handle, "wb") as stream:
                yield stream
                stream.flush()
                if durable:
                    os.fdatasync(handle)
                os.replace(fresh, path)  # while the lock is held: another process could sweep the file away
                if durable:
                    sync_folder(path.parent)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def is_stream(path: Path) -> bool:
    """Whether the path is neither file nor folder, or is an open file of this process."""
    return _is_own_descriptor(path) or (path.exists() and not path.is_file() and not path.is_dir())


def _is_own_descriptor(path: Path) -> bool:
    """Whether this is /proc/self/fd/N, over any symlinks: /dev/stdout may be one, by way of /dev/fd or not."""
    for _ in range(MAX_SYMLINKS):
        folder = os.path.realpath(path.parent)
        if folder == f"/proc/{os.getpid()}/fd":
            return True
        if not path.is_symlink():
            return False
        path = Path(folder, path.readlink())
    return False


def write_atomically(path: Path, data: bytes, mode: int = 0o644, *, durable: bool = False) -> None:
    """All of `data`, or nothing, at `path`. Raises ImageError."""
    with atomic(path, mode, durable=durable) as stream:
        stream.write(data)


def create(path: Path, mode: int = 0o644) -> int:
    """Create a file that does not exist yet, and return its descriptor; the umask applies to `mode`."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, mode)


def sync(path: Path) -> None:
    """Wait until the bytes of a file are on the disk, so that a later rename never shows an empty file."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NEVER_SYNCED:
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Wait until a folder and all that is in it are on the disk."""
    for path, _, names in walk(folder):
        for name in names:
            sync(path / name)
        sync_folder(path)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it, whatever its modes; nothing if it is missing. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    _empty(path)
    path.rmdir()


def discard(path: Path) -> None:
    """As `remove`, but ignore what cannot be removed."""
    with suppress(OSError):
        remove(path)


def walk(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with its folders and other names, as os.walk, but without recursion. Ignores unreadable folders."""
    pending = [top]
    while pending:
        folder = pending.pop()
        folders: list[str] = []
        others: list[str] = []
        with suppress(OSError), os.scandir(folder) as found:
            for item in found:
                (folders if item.is_dir(follow_symlinks=False) else others).append(item.name)
        yield folder, folders, others
        pending.extend(folder / name for name in folders)


def _empty(top: Path) -> None:
    """Remove what is in a folder.

    Any depth takes two descriptors, no recursion and no long path: `..` leads back up.
    """
    current = _open_folder(os.fspath(top))
    try:
        pending = [
            _remove_files(current)
        ]  # for each folder on the way down, the folders in it that are still to be removed
        way: list[tuple[str, os.stat_result]] = []
        while pending[-1] or way:
            if pending[-1]:
                name = pending[-1].pop()
                way.append((name, os.fstat(current)))
                current = _close_for(current, _open_folder(name, current))
                pending.append(_remove_files(current))
                continue
            current = _close_for(current, os.open("..", _FOLDER, dir_fd=current))
            pending.pop()
            name, facts = way.pop()
            if not os.path.samestat(os.fstat(current), facts):
                raise OSError(errno.ESTALE, "it was moved while it was removed", name)
            os.rmdir(name, dir_fd=current)
    finally:
        os.close(current)


def _close_for(old: int, new: int) -> int:
    os.close(old)
    return new


def _remove_files(folder: int) -> list[str]:
    """Remove all but the folders in it, and return those."""
    folders = []
    with os.scandir(folder) as found:
        for item in list(found):
            if item.is_dir(follow_symlinks=False):
                folders.append(item.name)
            else:
                os.unlink(item.name, dir_fd=folder)
    return folders


def _open_folder(name: str, within: int | None = None) -> int:
    """Open a folder after giving its owner all rights: build caches are read-only, images have closed folders."""
    if not os.access(name, os.R_OK | os.W_OK | os.X_OK, dir_fd=within):
        facts = os.stat(name, dir_fd=within, follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            with suppress(PermissionError):  # it belongs to another user: opening it raises the better error
                os.chmod(name, 0o700, dir_fd=within)
    return os.open(name, _FOLDER, dir_fd=within)
