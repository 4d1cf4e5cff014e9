"""Which packages the items of a recipe below another one have already, so that it does not bring them again.

What an item has is read from its tree, which is laid for that before the build. So only items count that are unpacked
or read, and neither those that compile theirs nor those that choose packages themselves.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from fromscratch.errors import ImageError
from fromscratch.formats.databases.catalogue import records
from fromscratch.formats.installed import Records
from fromscratch.host.storage.store import Store
from fromscratch.model.rootfs import Rootfs
from fromscratch.recipe.items import Item
from fromscratch.sources.contract import Source

_KIND = "packages-below"
_FORMAT = 1


class PackagesBelow:
    """The records of some items, which are read when they are first asked for; the store keeps what was read."""

    def __init__(self, items: Sequence[tuple[Item, Source]]) -> None:
        self._items = [
            (item, source) for item, source in items if not source.build_folders and not source.chooses_packages
        ]
        self._found: Records | None = None if self._items else Records()

    def __call__(self, store: Store) -> Records:
        """Nothing where an item cannot be laid yet: laying it for the image tells what is wrong with it."""
        if self._found is None:
            try:
                self._found = self._read(store)
            except ImageError:
                return Records()
        return self._found

    def _read(self, store: Store) -> Records:
        key = hashlib.sha256(f"{_FORMAT}".encode())
        for item, source in self._items:
            key.update(f"\0{item.replace} {source.label} {source.fingerprint(store)}".encode())
        known = store.record(_KIND, key.hexdigest())
        if known is not None:
            try:
                return msgspec.msgpack.decode(known, type=Records)
            except msgspec.DecodeError:
                pass  # another version of this program wrote it
        tree = Rootfs()
        for item, source in self._items:
            tree = source.lay(tree, store, replace=item.replace)
        found = records(tree)
        store.write_record(_KIND, key.hexdigest(), msgspec.msgpack.encode(found), durable=False)
        return found
