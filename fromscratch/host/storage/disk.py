"""Files of this machine: written whole or not at all, and failures told in plain words."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fromscratch.errors import ImageError
from fromscratch.host.storage import os_refusal, staging
from fromscratch.model.resolution import MAX_SYMLINKS

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def explain(error: OSError, path: Path) -> ImageError:
    """The error of the house for a failure of the operating system while `path` was written."""
    reason = error.strerror or str(error)
    about = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    elsewhere = bool(about) and Path(about).parent != path.parent
    what = f"cannot use {about}, needed for {path}: {reason}" if elsewhere else f"cannot write {path}: {reason}"
    return os_refusal.failure(error, what, Path(about) if about else path)


# What filesystems answer that cannot sync a folder, or need not.
_NEVER_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns an OSError of the block into an ImageError about `path`.

    What is an OSError by its class only, as a library's network failures are, passes.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise explain(error, path) from error


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns an OSError of the block, which reads `path`, into an ImageError."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        hint = os_refusal.hint(error) or "see whether it is there and may be read"
        raise ImageError(f"cannot read {path}: {error.strerror}", hint) from error


@contextmanager
def atomic(path: Path, mode: int = 0o644, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A stream whose bytes appear at `path`, all at once, when the block ends well.

    `mode` is cut by the umask. A kill never leaves part of them; with `durable`, they also outlast a power cut.
    A pipe or a device, such as /dev/stdout, is written into: it cannot be replaced by a file.
    """
    with explained(path):
        if is_stream(path):
            with open(path, "wb") as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.sweep(path, remove)
        fresh, handle = staging.fresh(path, lambda place: create(place, mode))
        assert handle is not None  # noqa: S101  `create` gave it
        try:
            with open(handle, "wb") as stream:
                yield stream
                stream.flush()
                if durable:
                    os.fdatasync(handle)
                os.replace(fresh, path)  # while the lock is held, or somebody's sweep would come between
                if durable:
                    settle_folder(path.parent)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def is_stream(path: Path) -> bool:
    """Whether something is there that is neither file nor folder, or that is one of our own open files."""
    return _is_own(path) or (path.exists() and not path.is_file() and not path.is_dir())


def _is_own(path: Path) -> bool:
    """Whether this is /proc/self/fd/N, whatever symlinks lead there: /dev/stdout may go by /dev/fd, or at once."""
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
    """A descriptor of a new file, which must not be there yet; the kernel cuts `mode` by the umask."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, mode)


def settle(path: Path) -> None:
    """Wait until the bytes of a file lie on the disk, so that a later rename never shows an empty file."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)


def settle_folder(folder: Path) -> None:
    """Wait until the names in a folder lie on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NEVER_SYNCED:
            raise
    finally:
        os.close(handle)


def settle_tree(folder: Path) -> None:
    """Wait until a folder lies on the disk with all that is in it."""
    for path, _, names in walk(folder):
        for name in names:
            settle(path / name)
        settle_folder(path)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it, whatever the modes in it. Missing is fine. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    _empty(path)
    path.rmdir()


def discard(path: Path) -> None:
    """The same as far as it can be done."""
    with suppress(OSError):
        remove(path)


def walk(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with its folders and other names, as os.walk, which recurses. What cannot be read is passed over."""
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

    However deep that is, it takes no recursion, two descriptors and no long path: `..` leads back up.
    """
    here = _entered(os.fspath(top))
    try:
        left = [_cleared(here)]  # for each folder on the way down, which of those in it are still there
        way: list[tuple[str, os.stat_result]] = []
        while left[-1] or way:
            if left[-1]:
                name = left[-1].pop()
                way.append((name, os.fstat(here)))
                here = _swapped(here, _entered(name, here))
                left.append(_cleared(here))
                continue
            here = _swapped(here, os.open("..", _FOLDER, dir_fd=here))
            left.pop()
            name, facts = way.pop()
            if not os.path.samestat(os.fstat(here), facts):
                raise OSError(errno.ESTALE, "it was moved while it was removed", name)
            os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)


def _swapped(old: int, new: int) -> int:
    os.close(old)
    return new


def _cleared(folder: int) -> list[str]:
    """The folders in it, all else being removed."""
    folders = []
    with os.scandir(folder) as found:
        for item in list(found):
            if item.is_dir(follow_symlinks=False):
                folders.append(item.name)
            else:
                os.unlink(item.name, dir_fd=folder)
    return folders


def _entered(name: str, within: int | None = None) -> int:
    """Build systems make caches read-only, and images have folders that nobody may enter."""
    if not os.access(name, os.R_OK | os.W_OK | os.X_OK, dir_fd=within):
        facts = os.stat(name, dir_fd=within, follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            with suppress(PermissionError):  # somebody else's: opening it tells that
                os.chmod(name, 0o700, dir_fd=within)
    return os.open(name, _FOLDER, dir_fd=within)
