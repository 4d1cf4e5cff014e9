"""Some paths of a tree, by globs of the recipe: what `include` and `exclude` leave."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import NotInTree, UsageError
from fromscratch.model.entry import Entry, HardLink, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath, matcher

_WILD = frozenset("*?[")


def selected(tree: Rootfs, include: Sequence[str], exclude: Sequence[str], what: str) -> Rootfs:
    """What both leave of a tree, whose name in messages is `what`: all, if nothing is to be included."""
    tree = excluded(tree, exclude) if exclude else tree
    return included(tree, include, what) if include else tree


def included(tree: Rootfs, include: Sequence[str], what: str) -> Rootfs:
    """What these globs match, with all below it, and the folders above it.

    A path without wildcards may lead through symlinks, as /bin/sh does in a merged root: what is there is found at the
    path that was written. A symlink that is matched comes with what it leads to. Raises UsageError for a glob that
    matches nothing in `what`.
    """
    through = dict(_through_links(tree, include))
    matched = {path for glob in include if glob not in through for path in _matched(tree, glob, what)}
    matched.update(end for path in [*matched, *through.values()] for end in _link_targets(tree, path))
    below = {each for path in matched for each in tree.within(path)}
    above = {folder for path in below for folder in paths.ancestors(path)}
    found = tree.without([path for path in tree if path not in below and path not in above])
    for written, place in through.items():
        path = paths.tree_path(written)
        if found.locate(path) not in found:
            found = found.merged(Rootfs(_moved(tree, place, path)), directories="keep")
    return found


def excluded(tree: Rootfs, exclude: Sequence[str]) -> Rootfs:
    """The tree without what these globs match."""
    matches = matcher(exclude)
    return tree.without([path for path in tree if matches(path)])


def _matched(tree: Rootfs, glob: str, what: str) -> list[TreePath]:
    """The paths that a glob matches, without those below another."""
    matches = matcher([glob])
    found = [path for path in tree if matches(path) and not matches(paths.parent(path))]
    if not found:
        near = nearest(glob, tree, count=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see whether the path is right"
        raise UsageError(f"include: {glob} matches nothing in {what}", hint)
    return found


def _through_links(tree: Rootfs, include: Sequence[str]) -> Iterator[tuple[str, TreePath]]:
    """The globs that are paths and lead through a symlink among their parents, and where they lead."""
    for text in include:
        if text.startswith("/") and not _WILD & set(text):
            path = paths.tree_path(text)
            try:
                place = tree.resolve(path, follow_last=False)
            except NotInTree:
                continue
            if place != path:
                yield text, place


def _link_targets(tree: Rootfs, path: TreePath) -> Iterator[TreePath]:
    """What a symlink leads to, link by link; nothing for a circle, or where it leads to nothing."""
    seen: list[TreePath] = [path]
    while isinstance(link := tree.inode(seen[-1]), Symlink):
        start = "" if link.target.startswith("/") else paths.parent(seen[-1])
        try:
            end = tree.resolve(f"{start}/{link.target}", follow_last=False)
        except NotInTree:
            return
        if end in seen:
            return
        seen.append(end)
        yield end


def _moved(tree: Rootfs, place: TreePath, path: TreePath) -> dict[TreePath, Entry]:
    """What stands at a place, at another path. A relative symlink becomes absolute, to lead where it did."""

    def at(below: TreePath) -> TreePath:
        return TreePath(path + below[len(place) :])

    moved: dict[TreePath, Entry] = {}
    for below in tree.within(place):
        entry = tree[below]
        if isinstance(entry, HardLink) and paths.is_within(entry.target, place):
            entry = replace(entry, target=at(entry.target))
        elif isinstance(entry, HardLink):
            entry = replace(tree.inode(below), origins=entry.origins)
        elif below == place and isinstance(entry, Symlink) and not entry.target.startswith("/"):
            end = next(_link_targets(tree, below), None)
            entry = entry if end is None else replace(entry, target=str(end))
        moved[at(below)] = entry
    return moved
