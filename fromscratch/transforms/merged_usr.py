"""A root whose /bin, /sbin and /lib* are folders, laid out as one where they are links into /usr.

file-hierarchy(7), "/usr merge"; what usrmerge does to a running system. Every path leads where it did.
"""

import posixpath
from collections.abc import Mapping

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, Symlink, also_from, is_implied
from fromscratch.model.merge import Directories, equal_but_for_time
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath

NAMES = ("bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin")
"""The folders of the root that a merged system has below /usr."""


def merged(lower: Rootfs, upper: Rootfs, *, replace: bool = False, directories: Directories = "agree") -> Rootfs:
    """`Rootfs.merged`, where a merged root may lie over one that is not: the lower one is laid out as the upper one is.

    Raises Conflict.
    """
    tops = [top for top in map(_top, NAMES) if _is_merged(upper, top) and isinstance(lower.get(top), Directory)]
    if tops:
        lower = with_merged_usr(lower, tops)
    return lower.merged(upper, replace=replace, directories=directories)


def with_merged_usr(tree: Rootfs, tops: list[TreePath]) -> Rootfs:
    """The tree with what is below these folders of the root moved below /usr, and links in their place.

    Raises Conflict for two different files of which each program would see the other.
    """
    moves = {top: TreePath(f"/usr{top}") for top in tops}
    merged: dict[TreePath, Entry] = {}
    conflicts: list[str] = []
    moved = {path: entry for path, entry in tree.items() if _folder(path, moves)}
    for path, entry in tree.items():
        if path not in moved:
            merged[path] = _relinked(path, path, entry, moves)
    for path, entry in moved.items():
        place = _place(path, moves)
        fresh = _relinked(path, place, entry, moves)
        present = merged.get(place)
        if present is None:
            merged[place] = fresh
        elif (chosen := _settled(tree, path, fresh, place, present)) is not None:
            merged[place] = chosen
        else:
            conflicts.append(f"{path} and {place}")
    if conflicts:
        raise Conflict(
            f"/usr cannot be merged below what is merged, since both differ: {', '.join(conflicts)}",
            "leave one of them out, or take a root that is laid out as the items above it",
        )
    links = {top: Symlink(Meta(0o777), f"usr{top}", tree[top].origins) for top in tops}
    return Rootfs(merged | links)


def _top(name: str) -> TreePath:
    return TreePath(f"/{name}")


def _is_merged(tree: Rootfs, top: TreePath) -> bool:
    entry = tree.get(top)
    return isinstance(entry, Symlink) and entry.target.strip("/") == f"usr{top}"


def _folder(path: TreePath, moves: Mapping[TreePath, TreePath]) -> TreePath | None:
    """The folder of the root that a path is or is in, if it is one that is moved."""
    return next((top for top in moves if paths.is_within(path, top)), None) if path != ROOT else None


def _place(path: TreePath, moves: Mapping[TreePath, TreePath]) -> TreePath:
    top = _folder(path, moves)
    return path if top is None else TreePath(moves[top] + path[len(top) :])


def _relinked(path: TreePath, place: TreePath, entry: Entry, moves: Mapping[TreePath, TreePath]) -> Entry:
    """The entry, whose links lead where they did."""
    if isinstance(entry, HardLink):
        return replace(entry, target=_place(entry.target, moves))
    if not isinstance(entry, Symlink) or place == path or ".." not in entry.target.split("/"):
        return entry
    end = TreePath(posixpath.normpath(posixpath.join(paths.parent(path), entry.target)))
    return replace(entry, target=posixpath.relpath(_place(end, moves), paths.parent(place)))


def _settled(tree: Rootfs, path: TreePath, fresh: Entry, place: TreePath, present: Entry) -> Entry | None:
    """What stands where a moved entry meets one that is there: None if they differ."""
    if isinstance(fresh, Directory) and isinstance(present, Directory):
        return also_from(present if is_implied(fresh) or not is_implied(present) else fresh, fresh)
    if _leads_to(tree, path, place):
        return present
    if _leads_to(tree, place, path):
        return fresh
    if isinstance(fresh, HardLink) and fresh.target == place:
        return present
    if isinstance(present, HardLink) and present.target == place:
        return fresh
    if isinstance(present, HardLink) or isinstance(fresh, HardLink):
        same = equal_but_for_time(tree.inode(path), tree.inode(place))
    else:
        same = equal_but_for_time(fresh, present)
    return also_from(present, fresh) if same else None


def _leads_to(tree: Rootfs, link: TreePath, end: TreePath) -> bool:
    """Whether a symlink leads, perhaps by others, to another path."""
    if not isinstance(tree.get(link), Symlink):
        return False
    try:
        return tree.resolve(link) == tree.resolve(end, follow_last=False)
    except NotInTree:
        return False
