"""The invariants of a tree, established on a plain mapping of entries.

Every parent exists and is a directory, entries are ordered by path components, and the inode of hard links is at the
first of its names.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, Origin, also_from, kind_of
from fromscratch.paths import ROOT, TreePath


def with_invariants(given: Mapping[TreePath, Entry]) -> dict[TreePath, Entry]:
    """The entries with every invariant of `Rootfs` established."""
    entries = dict(given)
    entries.setdefault(ROOT, Directory(Meta(0o755)))
    for path in given:
        if path == ROOT:
            if not isinstance(entries[ROOT], Directory):
                raise Conflict("the root of a tree must be a directory", "fix the source that made it")
        elif not isinstance(entries.get(paths.parent(path)), Directory):
            add_parents(entries, path, entries[path])
    ordered = {path: entries[path] for path in sorted(entries, key=order)}
    _seal_hard_links(ordered)
    return ordered


def order(path: TreePath) -> str:
    """The sort key of a path: by components, the root first."""
    return "" if path == ROOT else paths.sort_key(path)


def _seal_hard_links(ordered: dict[TreePath, Entry]) -> None:
    """Move every inode to its first name and give its links its metadata."""
    groups: dict[TreePath, list[TreePath]] = {}
    for path, entry in ordered.items():
        if isinstance(entry, HardLink):
            groups.setdefault(entry.target, []).append(path)
    for target, names in groups.items():
        inode = ordered.get(target)
        if inode is None or isinstance(inode, Directory | HardLink):
            raise FormatError(
                f"{names[0]} is a hard link to {target}, which is not a file of the tree",
                "bring the file itself too, or make it a symlink",
            )
        first = min([target, *names], key=order)
        if first != target:
            ordered[target], ordered[first] = (
                HardLink(inode.meta, first, inode.origins),
                replace(inode, origins=ordered[first].origins),
            )
        for path in [target, *names]:
            entry = ordered[path]
            if isinstance(entry, HardLink) and (entry.target, entry.meta) != (first, inode.meta):
                ordered[path] = replace(entry, target=first, meta=inode.meta)


def add_parents(entries: dict[TreePath, Entry], path: TreePath, child: Entry) -> None:
    """Add the directories that are missing above a path. Raises Conflict if something else is in their way."""
    entries.update(missing_parents(entries, path, child))


def missing_parents(
    entries: Mapping[TreePath, Entry], path: TreePath, child: Entry
) -> list[tuple[TreePath, Directory]]:
    """The directories that are missing above a path. Raises Conflict if something else is in their way."""
    missing = []
    directory = paths.parent(path)
    while directory not in entries:
        because = child.origins[0] if child.origins else None
        reason = (Origin(because.source, "parent of", path, because),) if because else ()
        missing.append((directory, Directory(Meta(0o755), reason)))
        directory = paths.parent(directory)
    holder = entries[directory]
    if not isinstance(holder, Directory):
        raise Conflict(
            f"{path} would lie below {directory}, which is a {kind_of(holder)}",
            "leave one of the two out, or remove the other with a whiteout first",
        )
    return missing


def unlink(entries: dict[TreePath, Entry], gone: set[TreePath]) -> None:
    """Remove these names; an inode that has further names moves to the first of them."""
    orphans: dict[TreePath, list[TreePath]] = {}
    for path, entry in entries.items():
        if isinstance(entry, HardLink) and entry.target in gone and path not in gone:
            orphans.setdefault(entry.target, []).append(path)
    for target, names in orphans.items():
        names.sort(key=paths.sort_key)
        inode = entries[target]
        for path in names[1:]:
            entries[path] = HardLink(inode.meta, names[0], entries[path].origins)
        entries[names[0]] = also_from(replace(inode, origins=entries[names[0]].origins), inode)
    for path in gone:
        entries.pop(path, None)


def hard_link_targets(entries: Mapping[TreePath, Entry]) -> set[TreePath]:
    """The paths that hard links point to: they may only be replaced after `unlink`."""
    return {entry.target for entry in entries.values() if isinstance(entry, HardLink)}


def inode_of(entries: Mapping[TreePath, Entry], entry: Entry) -> Entry:
    """The entry itself; for a hard link, the file that it is a name of."""
    return entries[entry.target] if isinstance(entry, HardLink) else entry
