"""Packages cut to the paths that chisel's definitions of slices list, and what these make beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.formats.debian.chisel import ChosenSlice, PathDefinition, expression
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin, Symlink, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import ROOT, TreePath

_WILD = frozenset("*?")
_SHOWN = 10


class Chiselled(Struct, frozen=True):
    """A package's tree with what slices take of it; `slices` are those that list a path, by the path."""

    tree: Rootfs
    slices: Mapping[TreePath, Sequence[str]]


def chiselled(tree: Rootfs, slices: Iterable[ChosenSlice], place: str) -> Chiselled:
    """What these slices of one package take of its tree, with the folders above it.

    Raises NotInTree, naming for `place` each path that the package does not have, with what comes near.
    """
    names = {_with_end(path, entry): path for path, entry in tree.items()}
    places: dict[TreePath, list[str]] = {}
    other: dict[TreePath, Entry] = {}
    modes: dict[TreePath, int] = {}
    faults: list[str] = []
    for one in slices:
        for target, of in one.contents.items():
            if not of.is_of_package:
                continue
            found = list(_matching(names, of.copy or target))
            if not found:
                faults.append(f"{one.key}: {of.copy or target}{_near(of.copy or target, names)}")
            for path in found:
                end = path if not of.copy or of.copy == target else _target(target)
                if end != path:
                    other[end] = tree.inode(path)
                places.setdefault(end, []).append(one.key)
                if of.permissions is not None:
                    modes[end] = of.permissions
    if faults:
        shown = [*faults[:_SHOWN], *([f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else [])]
        raise NotInTree(
            f"{place}: slices list what their packages do not have:\n  " + "\n  ".join(shown),
            "take definitions of the same release as the packages",
        )
    return Chiselled(_with_modes(_cut(tree, places.keys(), other), modes), places)


def made(slices: Iterable[ChosenSlice], label: str) -> Chiselled:
    """The folders, texts and symlinks that slices make themselves."""
    entries: dict[TreePath, Entry] = {}
    places: dict[TreePath, list[str]] = {}
    for one in slices:
        for target, of in one.contents.items():
            if entry := _made(of, (Origin(label, "made by", f"the slice {one.key}"),)):
                entries[_target(target)] = entry
                places.setdefault(_target(target), []).append(one.key)
    return Chiselled(Rootfs(entries), places)


def preferred(slices: Sequence[ChosenSlice]) -> list[ChosenSlice]:
    """The slices without the paths that they leave to another package, where that has them too."""
    owners: dict[str, set[str]] = {}
    for one in slices:
        for path in one.contents:
            owners.setdefault(path, set()).add(one.package)

    def is_left(path: str, of: PathDefinition) -> bool:
        return bool(of.prefer) and of.prefer in owners[path]

    return [
        replace(one, contents={path: of for path, of in one.contents.items() if not is_left(path, of)})
        for one in slices
    ]


def _cut(tree: Rootfs, places: Iterable[TreePath], other: Mapping[TreePath, Entry]) -> Rootfs:
    selected = {*places} - {*other}
    selected |= {above for path in selected for above in paths.ancestors(path)}
    cut = tree.without([path for path in tree if path not in selected and path != ROOT])
    return cut.merged(Rootfs(dict(other)), directories="keep") if other else cut


def _with_modes(tree: Rootfs, modes: Mapping[TreePath, int]) -> Rootfs:
    changed = {
        path: with_meta(tree.inode(path), replace(tree.inode(path).meta, mode=mode)) for path, mode in modes.items()
    }
    return Rootfs({**tree, **changed}) if changed else tree


def _made(of: PathDefinition, origins: tuple[Origin, ...]) -> Entry | None:
    if of.make:
        return Directory(Meta(0o755 if of.permissions is None else of.permissions), origins)
    if of.symlink:
        return Symlink(Meta(0o777), of.symlink, origins)
    if of.text is not None:
        return File(Meta(0o644 if of.permissions is None else of.permissions), Inline(paths.encode(of.text)), origins)
    return None


def _matching(names: Mapping[str, TreePath], target: str) -> Iterator[TreePath]:
    if not _WILD & {*target}:
        yield from ([names[target]] if target in names else [])
        return
    matches = expression(target).fullmatch
    yield from (path for name, path in names.items() if path != ROOT and matches(name))


def _with_end(path: TreePath, entry: Entry) -> str:
    return f"{path}/" if isinstance(entry, Directory) and path != ROOT else path


def _target(text: str) -> TreePath:
    return paths.tree_path(text)


def _near(target: str, names: Mapping[str, TreePath]) -> str:
    near = nearest(target, sorted(names), count=2)
    return f" (there is {' and '.join(near)})" if near else ""
