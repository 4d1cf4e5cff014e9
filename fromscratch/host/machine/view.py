"""Folders of this machine as a `View`: read where they are looked into, never scanned as a whole.

Paths are those inside the folder as a root, and symlinks are followed inside it, so that none leads out of it.
"""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from fromscratch import paths
from fromscratch.errors import ImageError
from fromscratch.host.machine.scan import entry_of
from fromscratch.model.content import HostFile, changed
from fromscratch.model.entry import Directory, Entry, File, HardLink
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.view import Unchanging
from fromscratch.paths import ROOT, TreePath, decode, encode


class MachineView(Unchanging):
    """A folder of this machine as a root. Entries are cached when they are first read."""

    def __init__(self, root: Path = Path("/")) -> None:
        super().__init__()
        self.root = root
        self._prefix = "" if root == Path("/") else os.fspath(root.resolve())
        self._entries: dict[TreePath, Entry | None] = {}
        self._children: dict[TreePath, Sequence[str]] = {}

    def host_path(self, path: str) -> bytes:
        """The path on the machine of a path in the view."""
        return encode(f"{self._prefix}{path}")

    def get(self, path: TreePath, /) -> Entry | None:
        """The entry at a path. Raises ImageError for one that this user may not read."""
        if path not in self._entries:
            for above in paths.ancestors(path):
                if above not in self._entries:
                    self._entries[above] = self._read_entry(above)
                if not isinstance(self._entries[above], Directory):
                    return None  # a symlink on the way might lead out of the root
            self._entries[path] = self._read_entry(path)
        return self._entries[path]

    def _read_entry(self, path: TreePath) -> Entry | None:
        where = self.host_path(path)
        try:
            facts = os.stat(where) if path == ROOT else os.lstat(where)  # noqa: PTH116  a Path holds no bytes
            if stat.S_ISSOCK(facts.st_mode):
                return None  # no image can hold one
            return entry_of(os.fsdecode(where), facts)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # no name holds a NUL
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise unreadable(where, error) from error

    def children(self, directory: TreePath, /) -> Sequence[str]:
        """The names in a directory. Raises ImageError for one that this user may not list."""
        known = self._children.get(directory)
        if known is None:
            known = self._children[directory] = self._list(directory)
        return known

    def _list(self, directory: TreePath) -> Sequence[str]:
        if not isinstance(self.get(directory), Directory):
            return ()  # a symlink might lead out of the root
        where = self.host_path(directory)
        try:
            return sorted(decode(name) for name in os.listdir(where))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise unreadable(where, error) from error


def with_hard_links(tree: Rootfs) -> Rootfs:
    """The tree with files that share an inode on this machine as hard links of one file.

    Raises IntegrityError for a file that is gone.
    """
    first: dict[tuple[int, int], TreePath] = {}
    linked: dict[TreePath, Entry] = {}
    for path, entry in tree.items():
        if isinstance(entry, File) and isinstance(entry.content, HostFile):
            try:
                facts = os.lstat(entry.content.path)
            except OSError as error:
                raise changed(str(entry.content.path)) from error
            if facts.st_nlink > 1:
                target = first.setdefault((facts.st_dev, facts.st_ino), path)
                if target != path:
                    linked[path] = HardLink(tree.inode(target).meta, target, entry.origins)
    return tree.with_entries(linked) if linked else tree


def unreadable(where: bytes, error: OSError) -> ImageError:
    """The error for a path of the machine that this user may not look at."""
    return ImageError(f"cannot look at {decode(where)}: {error.strerror}", "run it as a user who may read that")
