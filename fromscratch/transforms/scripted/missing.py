"""Entries added to a tree only where nothing stands yet."""

from collections.abc import Mapping

from fromscratch import paths
from fromscratch.model.entry import Entry, File, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath


def with_missing(tree: Rootfs, made: Mapping[TreePath, Entry]) -> Rootfs:
    """The tree with those entries for which nothing is there yet."""
    added: dict[TreePath, Entry] = {}
    for path, entry in made.items():
        place = tree.locate(path)
        if place not in tree:
            added[place] = entry
    return tree.with_entries(added) if added else tree


def by_script(label: str, package: str, entry: Entry, what: str = "the postinst of") -> Origin:
    """The origin of what a script of a package would have made; `entry` is a file of that package."""
    return Origin(label, "made by", f"{what} {package}", entry.origins[0] if entry.origins else None)


def folder_place(tree: Rootfs, path: TreePath) -> TreePath:
    """Where a folder really lies, also one that is not there yet."""
    return paths.parent(tree.locate(paths.join(path, "any")))


def bytes_of(tree: Rootfs, path: TreePath) -> bytes:
    """The bytes of the file that a path leads to; empty if there is none."""
    from fromscratch.model.content import read

    entry = tree.find(path)
    return read(entry.content) if isinstance(entry, File) else b""
