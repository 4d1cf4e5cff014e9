"""What each database of packages answers, and how its files are read."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Protocol

from fromscratch.formats.installed import Installed, Package
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Entry, File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

MOST_BYTES = 512 << 20
"""The bytes of one file of a database that are read into memory."""


class Database(Protocol):
    """The database of one package manager in a tree."""

    @property
    def installed(self) -> Sequence[Installed]: ...

    @property
    def notes(self) -> Sequence[str]:
        """What of it is not read, and why."""

    def cut(self, packages: Set[Package], remains: Callable[[str], bool]) -> Mapping[TreePath, Entry]:
        """Its files for these packages alone, and of those the paths, as it spells them, that remain."""


def bytes_at(tree: Rootfs, path: str) -> bytes | None:
    """The content of a file of the tree; None if it is not there, is not a file, or is too large."""
    entry = tree.find(path)
    return read(entry.content) if isinstance(entry, File) and entry.content.size <= MOST_BYTES else None


def rewritten(tree: Rootfs, path: str, data: bytes) -> dict[TreePath, Entry]:
    """The file at `path` with other content, its metadata kept, where it really lies; none if it is not there."""
    entry = tree.find(path)
    if not isinstance(entry, File):
        return {}
    return {tree.resolve(path): File(entry.meta, Inline(data), entry.origins)}
