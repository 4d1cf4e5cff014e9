"""Packages cut to the files that slices list."""

from collections.abc import Iterable, Mapping, Sequence, Set

from msgspec import Struct

from fromscratch import paths
from fromscratch.advice import Command, advice
from fromscratch.errors import NotInTree
from fromscratch.model.entry import Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath
from fromscratch.transforms.trim import settled

_SPECIAL = frozenset("*?[")
_SHOWN = 10


class Matched(Struct, frozen=True):
    """`places` is what the entries of a slice stand for in a tree, and `missing` those that stand for nothing."""

    places: frozenset[TreePath]
    missing: tuple[str, ...] = ()


def matched(tree: Rootfs, own: Set[TreePath], files: Iterable[str]) -> Matched:
    """What the entries of a slice stand for among a package's `own` paths in a tree.

    A path may go through the links of a merged /usr. A glob that matches a folder takes all below it along.
    """
    places: set[TreePath] = set()
    missing: list[str] = []
    for entry in files:
        found = _matching(tree, own, entry)
        places |= found
        if not found:
            missing.append(entry)
    return Matched(frozenset(places), tuple(missing))


def sliced(
    tree: Rootfs, packages: Mapping[TreePath, Sequence[str]], slices: Mapping[str, Iterable[str]], place: str
) -> Rootfs:
    """The tree with what the slices list of their packages, and all that belongs to no package or to another.

    `packages` are those that ship an entry; `slices` are the entries of `Slice.files` by the package. Links that then
    lead nowhere are removed too, where no package ships them. Raises NotInTree, naming for `place` each entry that
    stands for nothing, with what comes near.
    """
    own: dict[str, set[TreePath]] = {name: set() for name in slices}
    for path, names in packages.items():
        for name in own.keys() & set(names):
            own[name].add(path)
    chosen: set[TreePath] = set()
    faults: list[tuple[str, str]] = []
    for name, files in slices.items():
        found = matched(tree, own[name], files)
        chosen |= found.places
        faults += [(name, entry) for entry in found.missing]
    if faults:
        shown = [f"{name}: {entry}{_near(entry, own[name])}" for name, entry in faults[:_SHOWN]]
        shown += [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise NotInTree(
            f"{place}: slices list what their packages do not have:\n  " + "\n  ".join(shown),
            advice(
                "see how the package has changed with `", Command(("slice", "check", "FILE")), "`, and fix the slice"
            ),
        )
    removed = {path for path in set().union(*own.values()) - chosen if set(packages[path]) <= slices.keys()}
    parents = {above for path in tree if path not in removed for above in paths.ancestors(path)}
    return _without_dangling(tree, tree.without(removed - parents), packages)


def _matching(tree: Rootfs, own: Set[TreePath], entry: str) -> set[TreePath]:
    if not _SPECIAL & set(entry):
        try:
            place = tree.locate(paths.tree_path(entry))
        except NotInTree:
            return set()
        return {place} & own
    matches = paths.matcher([settled(tree, entry)])
    return {path for path in own if matches(path)}


def _near(entry: str, own: Set[TreePath]) -> str:
    near = nearest(entry, sorted(own), count=2)
    return f" (there is {' and '.join(near)})" if near else ""


def _without_dangling(full: Rootfs, cut: Rootfs, packages: Mapping[TreePath, Sequence[str]]) -> Rootfs:
    """Without the links that stand in for what scripts make, such as alternatives, whose ends are gone."""
    while True:
        dangling = [
            path
            for path, entry in cut.items()
            if isinstance(entry, Symlink) and not packages.get(path) and cut.find(path) is None and full.find(path)
        ]
        if not dangling:
            return cut
        cut = cut.without(dangling)
