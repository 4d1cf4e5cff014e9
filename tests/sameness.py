"""When two trees are the same: all that they say, and the bytes of every file."""

from typing import Any

from fromscratch.digest import Digest
from fromscratch.formats.tar.writer import blocks
from fromscratch.model.content import digest_of
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath


def everything(tree: Rootfs) -> dict[TreePath, tuple[Any, ...]]:
    """All that a tree says, with the digest of each content instead of the place where it lies."""
    return {
        path: (type(entry), entry.meta, digest_of(entry.content)) if isinstance(entry, File) else (entry,)
        for path, entry in tree.items()
    }


def archive_of(tree: Rootfs) -> Digest:
    """The digest of the tree as a tar."""
    return Digest.of(b"".join(blocks(tree)))
