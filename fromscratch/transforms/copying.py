"""Parts of a tree at other places of a new one, as COPY of a Dockerfile has them."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import UsageError
from fromscratch.model.entry import Directory, Entry, HardLink
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath, matcher

_WILD = frozenset("*?[")


def copied(tree: Rootfs, copies: Mapping[str, str], what: str) -> Rootfs:
    """What stands at these paths or globs, each at the path that it is mapped to.

    Of a folder it is what is in it that lands there. With "/" behind the destination, or where a glob matches several,
    it is the folder that files land in under their names. A symlink stands for what it leads to. Raises UsageError for
    a source that is not in `what`, and Conflict for two that land at one place.
    """
    found = Rootfs({})
    for source, destination in copies.items():
        matches = list(_sources(tree, source, what))
        into = destination.endswith("/") or len(matches) > 1
        for name, place in matches:
            target = paths.tree_path(destination)
            if into and not isinstance(tree[place], Directory):
                target = paths.join(target, name)
            found = found.merged(Rootfs(dict(_moved(tree, place, target))), directories="keep")
    return found


def _sources(tree: Rootfs, source: str, what: str) -> list[tuple[str, TreePath]]:
    """The names that a path or glob means, each with the place of what is there."""
    if _WILD & {*source}:
        matches = matcher([source])
        paths_found = [path for path in tree if matches(path) and not matches(paths.parent(path))]
    else:
        paths_found = [paths.tree_path(source)]
    found = [(paths.name(path), tree.resolve(path)) for path in paths_found if tree.find(path) is not None]
    if not found:
        near = nearest(source, tree, count=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see whether the path is right"
        raise UsageError(f"copy: {source} is not in {what}", hint)
    return found


def _moved(tree: Rootfs, place: TreePath, target: TreePath) -> Iterator[tuple[TreePath, Entry]]:
    """An entry and all below it, at another path."""

    def at(path: TreePath) -> TreePath:
        inside = path.removeprefix(place) if place != paths.ROOT else path.removesuffix("/")
        return TreePath((inside if target == paths.ROOT else target + inside) or paths.ROOT)

    for path in tree.within(place):
        entry = tree[path]
        if isinstance(entry, HardLink):
            inode = replace(tree.inode(path), origins=entry.origins)
            entry = replace(entry, target=at(entry.target)) if paths.is_within(entry.target, place) else inode
        yield at(path), entry
