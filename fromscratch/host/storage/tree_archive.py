"""A tree of files in the store, as a tar archive."""

import hashlib

from fromscratch.digest import Digest
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.model.rootfs import Rootfs


def add_tree(store: Store, tree: Rootfs) -> Digest:
    """Put the archive of a tree into the store. Returns its digest."""
    with store.temporary() as path:
        hasher = hashlib.sha256()
        with disk.explained(path), open(path, "wb") as out:
            for block in blocks(tree):
                hasher.update(block)
                out.write(block)
        return store.adopt(path, Digest("sha256", hasher.hexdigest()))
