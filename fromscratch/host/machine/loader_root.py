"""This machine's folders as the loader model asks of them.

In the machine's own root the kernel follows symlinks, as for the loader; in any other root they are followed here, so
that none leads out of it. Modules about trees are imported only when the view is used.
"""

import errno
import os
import stat
from collections.abc import Container, Iterator
from contextlib import contextmanager
from functools import cached_property

from fromscratch.errors import FormatError, ImageError, IntegrityError, NotInTree
from fromscratch.formats.elf.headers import Read, read_elf
from fromscratch.linker.root import UNREADABLE, RootFile
from fromscratch.named_tuple import TYPE_CHECKING
from fromscratch.paths import decode, encode

if TYPE_CHECKING:
    from pathlib import Path

    from fromscratch.host.machine.view import MachineView


class MachineRoot:
    """A folder of this machine as the loader model asks of it."""

    def __init__(self, root: "Path | str" = "/") -> None:
        self._root, self._whole = root, os.fspath(root) == "/"
        self._names: dict[str, Container[str]] = {}
        self._opened: dict[str, RootFile | None] = {}

    @cached_property
    def view(self) -> "MachineView":
        from pathlib import Path

        from fromscratch.host.machine.view import MachineView

        return MachineView(Path(self._root))

    def place(self, path: str, /) -> str | None:
        if self._whole:
            try:
                real = os.path.realpath(encode(path))
                return decode(real) if os.path.lexists(real) else None
            except ValueError:  # a NUL
                return None
        from fromscratch.model.view import place

        return place(self.view, path)

    def names(self, directory: str, /) -> Container[str]:
        known = self._names.get(directory)
        if known is None:
            known = self._names[directory] = self._list(directory)
        return known

    def _list(self, directory: str) -> Container[str]:
        where = self._resolved(directory)
        if where is None:
            return ()
        try:
            return frozenset(decode(name) for name in os.listdir(where))
        except PermissionError:
            return _SearchOnly(where)
        except (OSError, ValueError):  # a NUL in the name, which may come from a text file
            return ()

    def file(self, path: str, /) -> RootFile | None:
        """Raises IntegrityError for a file that changes while it is read."""
        try:
            return self._opened[path]
        except KeyError:
            found = self._opened[path] = self._open(path)
            return found

    def _open(self, path: str) -> RootFile | None:
        where = self._resolved(path)
        if where is None:
            return None
        try:
            with reading(where) as (read, before, descriptor):
                if not stat.S_ISREG(before.st_mode):
                    return None
                identity = (before.st_dev, before.st_ino)
                try:
                    return RootFile(identity, read_elf(read))
                except FormatError as error:
                    after = os.fstat(descriptor)
                    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                        raise _changed(path) from error
                    return RootFile(identity, None, error.message)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
                return None
            return RootFile(path, None, f"{UNREADABLE}: {error.strerror}")

    @contextmanager
    def reading(self, path: str, /) -> Iterator[Read]:
        """Raises ImageError for what cannot be read."""
        where = self._resolved(path)
        if where is None:
            raise NotInTree(f"{path} is not a regular file", "see whether the path is right")
        try:
            with reading(where) as (read, _, _):
                yield read
        except OSError as error:
            from fromscratch.host.machine.view import unreadable

            raise unreadable(where, error) from error

    def _resolved(self, path: str) -> bytes | None:
        if self._whole:
            return encode(path)
        try:
            place = self.place(path)
        except ImageError:
            return None
        return None if place is None else self.view.host_path(place)


class _SearchOnly:
    """A directory that this user may search but not list: each name is looked up, as the loader does."""

    def __init__(self, where: bytes) -> None:
        self._where = where

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and os.path.lexists(self._where + b"/" + encode(name))


@contextmanager
def reading(where: bytes) -> Iterator[tuple[Read, os.stat_result, int]]:
    """An open file: a function to read it, its first fstat(2), and its descriptor. Never waits for a FIFO."""
    descriptor = os.open(where, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield lambda offset, size: os.pread(descriptor, size, offset), os.fstat(descriptor), descriptor
    finally:
        os.close(descriptor)


def _changed(path: str) -> IntegrityError:
    return IntegrityError(f"{path} changed while it was read", "run it again when nothing writes to it")
