"""Modification times of a whole tree, settled so that the same files give the same bytes on any day."""

from typing import Literal

from msgspec.structs import replace

from fromscratch.model.entry import Entry, Meta, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

Times = Literal["epoch", "clamp", "keep"]
_SECOND = 1_000_000_000


def normalised(tree: Rootfs, epoch: int, times: Times = "epoch") -> Rootfs:
    """The tree with its mtimes settled. `epoch` counts seconds since 1970.

    "epoch" sets every mtime to it; "clamp" lowers later ones to it, as reproducible-builds.org
    defines SOURCE_DATE_EPOCH; "keep" changes nothing. (Order is the tree's own invariant.)
    """
    if times == "keep":
        return tree
    limit = epoch * _SECOND
    known: dict[Meta, Meta] = {}  # thousands of files share one

    def settled(_path: TreePath, entry: Entry) -> Entry:
        meta = entry.meta
        moment = limit if times == "epoch" else min(meta.mtime, limit)
        if meta.mtime == moment:
            return entry
        if meta not in known:
            known[meta] = replace(meta, mtime=moment)
        return with_meta(entry, known[meta])

    return tree.mapped(settled)
