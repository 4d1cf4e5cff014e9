"""This machine's folders as a `View` and as a `Ground`: looked into, never scanned as a whole.

Paths are those inside the root that the folder is; for the machine's own root the kernel follows
symlinks, which is what the loader would do, and for any other we do, so that none leads out of it.
"""

import os
import stat
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fromscratch import paths
from fromscratch.errors import FormatError, ImageError, NotInTree
from fromscratch.formats.elf import Read, read_elf
from fromscratch.host.scan import entry_of
from fromscratch.linker.ground import Opened
from fromscratch.model import view as views
from fromscratch.model.content import HostFile, changed
from fromscratch.model.entry import Directory, Entry, File, HardLink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, decode, encode


class MachineView:
    """A folder of this machine as a root. What was looked at once stays as it was then."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._prefix = "" if root == Path("/") else os.fspath(root.resolve())
        self._entries: dict[TreePath, Entry | None] = {}
        self._children: dict[TreePath, Sequence[str]] = {}

    def host_path(self, path: str) -> bytes:
        """Where a path of the view lies on the machine."""
        return encode(f"{self._prefix}{path}")

    def get(self, path: TreePath, /) -> Entry | None:
        """Raises ImageError for what this user may not look at."""
        if path not in self._entries:
            self._entries[path] = self._look(path)
        return self._entries[path]

    def _look(self, path: TreePath) -> Entry | None:
        if path != ROOT and not isinstance(self.get(paths.parent(path)), Directory):
            return None  # a symlink on the way might lead out of the root
        where = self.host_path(path)
        try:
            facts = os.stat(where) if path == ROOT else os.lstat(where)  # noqa: PTH116  a Path holds no bytes
            if stat.S_ISSOCK(facts.st_mode):
                return None  # no image can hold one
            return entry_of(os.fsdecode(where), facts)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(where, error) from error

    def children(self, directory: TreePath, /) -> Sequence[str]:
        """Raises ImageError for a directory that this user may not list."""
        known = self._children.get(directory)
        if known is None:
            where = self.host_path(directory)
            try:
                known = sorted(decode(name) for name in os.listdir(where))
            except (FileNotFoundError, NotADirectoryError):
                known = ()
            except OSError as error:
                raise _unreadable(where, error) from error
            self._children[directory] = known
        return known


class MachineGround:
    """A folder of this machine as the loader model asks of it."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.view = MachineView(root)
        self._whole = root == Path("/")
        self._names: dict[str, Container[str]] = {}
        self._opened: dict[str, Opened | None] = {}

    def names(self, directory: str, /) -> Container[str]:
        known = self._names.get(directory)
        if known is None:
            known = self._names[directory] = self._listed(directory)
        return known

    def _listed(self, directory: str) -> Container[str]:
        where = self._followed(directory)
        if where is None:
            return ()
        try:
            return frozenset(decode(name) for name in os.listdir(where))
        except PermissionError:
            return _Unlisted(where)
        except OSError:
            return ()

    def opened(self, path: str, /) -> Opened | None:
        """Raises IntegrityError for a file that changes while it is read."""
        try:
            return self._opened[path]
        except KeyError:
            found = self._opened[path] = self._open(path)
            return found

    def _open(self, path: str) -> Opened | None:
        where = self._followed(path)
        if where is None:
            return None
        try:
            with reading(where) as (read, before, descriptor):
                if not stat.S_ISREG(before.st_mode):
                    return None
                identity = (before.st_dev, before.st_ino)
                try:
                    return Opened(identity, read_elf(read))
                except FormatError as error:
                    after = os.fstat(descriptor)
                    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                        raise changed(path) from error
                    return Opened(identity, None, error.message)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return Opened(path, None, f"it cannot be read: {error.strerror}")

    @contextmanager
    def reading(self, path: str, /) -> Iterator[Read]:
        """Raises ImageError for what cannot be read."""
        where = self._followed(path)
        if where is None:
            raise NotInTree(f"{path} is no regular file", "see whether the path is right")
        try:
            with reading(where) as (read, _, _):
                yield read
        except OSError as error:
            raise _unreadable(where, error) from error

    def _followed(self, path: str) -> bytes | None:
        if self._whole:
            return encode(path)
        try:
            place = views.place(self.view, path)
        except (ImageError, NotInTree):
            return None
        return None if place is None else self.view.host_path(place)


class _Unlisted:
    """A directory that may be searched but not listed, as the loader may: each name is asked for."""

    def __init__(self, where: bytes) -> None:
        self._where = where

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and os.path.lexists(self._where + b"/" + encode(name))


def with_hard_links(tree: Rootfs) -> Rootfs:
    """The tree with files that are one inode on this machine as names of one inode in it too."""
    first: dict[tuple[int, int], TreePath] = {}
    linked: dict[TreePath, Entry] = {}
    for path, entry in tree.items():
        if isinstance(entry, File) and isinstance(entry.content, HostFile):
            facts = os.lstat(entry.content.path)
            if facts.st_nlink > 1:
                target = first.setdefault((facts.st_dev, facts.st_ino), path)
                if target != path:
                    linked[path] = HardLink(tree.inode(target).meta, target, entry.origins)
    return tree.with_entries(linked) if linked else tree


@contextmanager
def reading(where: bytes) -> Iterator[tuple[Read, os.stat_result, int]]:
    """An open file: how to read it, what fstat(2) said at first, and its descriptor. Never waits for a FIFO."""
    descriptor = os.open(where, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield lambda offset, size: os.pread(descriptor, size, offset), os.fstat(descriptor), descriptor
    finally:
        os.close(descriptor)


def _unreadable(where: bytes, error: OSError) -> ImageError:
    return ImageError(f"cannot look at {decode(where)}: {error.strerror}", "run it as a user who may read that")
