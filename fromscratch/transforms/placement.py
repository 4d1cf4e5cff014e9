"""The place, owner and modes of a source's tree, which several kinds of source take from the recipe."""

import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from fromscratch.errors import ImageError, NotInTree, UsageError
from fromscratch.model.entry import Directory, Entry, HardLink, Origin, Symlink, with_meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.paths import ROOT, TreePath, join, name, parent, tree_path

_MAX_ID = (1 << 32) - 2


def parse_owner(text: str) -> tuple[int, int] | None:
    """`UID:GID` as numbers, or None for `keep`. Raises ValueError for other text."""
    if text == "keep":
        return None
    numbers = re.fullmatch(r"([0-9]{1,10}):([0-9]{1,10})", text)
    if not numbers or int(numbers[1]) > _MAX_ID or int(numbers[2]) > _MAX_ID:
        raise ValueError(f"owner: {text!r} is not an owner; write two numbers, such as 0:0, or keep")
    return int(numbers[1]), int(numbers[2])


def parse_modes(modes: Mapping[str, str]) -> dict[TreePath, int]:
    """Modes by path. Raises ValueError for what is not an octal mode or no path."""
    parsed = {}
    for text, mode in modes.items():
        if not re.fullmatch(r"0?[0-7]{3,4}", mode):
            raise ValueError(f'modes: {mode!r} is not a mode; write it in octal and quotes, such as "4755"')
        parsed[_path("modes", text)] = int(mode, 8)
    return parsed


def check_paths(key: str, texts: Iterable[str]) -> None:
    """Raises ValueError, naming the key of the recipe, for a text that is not a path or glob of a tree."""
    for text in texts:
        if not text.strip("/"):
            raise ValueError(f"{key}: {text!r} would be everything; write which part of it")
        _path(key, text)


def placed(tree: Rootfs, into: TreePath) -> Rootfs:
    """The tree below `into`, which its root becomes."""
    if into == ROOT:
        return tree

    def moved(path: TreePath) -> TreePath:
        return into if path == ROOT else TreePath(into + path)

    def entry(present: Entry) -> Entry:
        return replace(present, target=moved(present.target)) if isinstance(present, HardLink) else present

    return Rootfs({moved(path): entry(present) for path, present in tree.items()})


def landed(tree: Rootfs, below: Rootfs) -> Rootfs:
    """The tree with each entry at the place where `Rootfs.merged` would put it over `below`, its symlinks followed.

    Raises Conflict for two different entries of it that land at one place.
    """
    places = {ROOT: ROOT}
    for path, entry in tree.items():
        if path == ROOT:
            continue
        place = join(places[parent(path)], name(path))
        end = below.find(place) if isinstance(entry, Directory) else None
        places[path] = below.resolve(place) if isinstance(end, Directory) else place
    if all(path == place for path, place in places.items()):
        return tree
    first: dict[TreePath, Entry] = {}
    again: dict[TreePath, Entry] = {}
    for path, entry in tree.items():
        moved = replace(entry, target=places[entry.target]) if isinstance(entry, HardLink) else entry
        (again if places[path] in first else first)[places[path]] = moved
    return Rootfs(first).merged(Rootfs(again), directories="keep")


def with_owner(tree: Rootfs, owner: tuple[int, int] | None) -> Rootfs:
    """The tree with this owner everywhere; None leaves it as it is."""
    if owner is None:
        return tree
    uid, gid = owner
    return tree.mapped(lambda _, entry: with_meta(entry, replace(entry.meta, uid=uid, gid=gid)))


def with_modes(tree: Rootfs, modes: Mapping[TreePath, int], *because: Origin) -> Rootfs:
    """The tree with these modes, and the reasons for them added. Raises UsageError for a path that is not there, or is
    a symlink."""
    changed: dict[TreePath, Entry] = {}
    for text, mode in modes.items():
        try:
            path = tree.resolve(text, follow_last=False)
        except NotInTree as error:
            near = nearest(text, tree)
            raise UsageError(f"modes: {error.message}", f"did you mean {near[0]}?" if near else error.hint) from error
        entry = tree.inode(path)
        if isinstance(entry, Symlink):
            raise UsageError(f"modes: {text} is a symlink, which has no mode", f"name what it leads to: {entry.target}")
        target = tree[path]
        place = target.target if isinstance(target, HardLink) else path
        changed[place] = replace(entry, meta=replace(entry.meta, mode=mode), origins=(*entry.origins, *because))
    return Rootfs({**tree, **changed}) if changed else tree


def _path(key: str, text: str) -> TreePath:
    try:
        return tree_path(text)
    except ImageError as error:
        raise ValueError(f"{key}: {error.message}") from error
