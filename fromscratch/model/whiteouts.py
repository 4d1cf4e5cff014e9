"""Whiteouts: the entries of a layer that remove what lower layers have (image-spec/layer.md, "Whiteouts").

Engines apply a layer from its first entry to its last, each on its own kind of storage. They agree on a whiteout only
if the same layer changes nothing on the path to it, neither before nor after it. All others they read in different
ways (docker with overlayfs, podman with plain folders, umoci), and those are refused.
"""

from collections.abc import Sequence
from typing import Protocol

from fromscratch import paths
from fromscratch.errors import FormatError, NotInTree
from fromscratch.model.entry import Directory, Entry, Symlink
from fromscratch.model.resolution import Circle, walk
from fromscratch.paths import ROOT, TreePath

PREFIX = ".wh."
OPAQUE = ".wh..wh..opq"
RECORDS = ".wh..wh."  # of old storage drivers; hard links may name files in them
_HINT = "the layer is damaged, or was made to do harm: make the image again"
_AMBIGUOUS = "engines read this in different ways; make the image again with a program that writes whiteouts first"


def has_whiteout_name(path: TreePath) -> bool:
    """Whether the last component of a path begins as the name of a whiteout does."""
    return PREFIX in path and paths.name(path).startswith(PREFIX)


Change = tuple[TreePath, Entry | None]
"""An entry of a layer, or a whiteout."""


class Lower(Protocol):
    """What the lower layers make."""

    def get(self, path: TreePath, /) -> Entry | None:
        """What stands where the parents of a path lead. Raises NotInTree below what is not a directory."""


def is_whiteout(path: TreePath) -> bool:
    """Whether an entry of a layer is a whiteout and not a file. Raises FormatError for one that no engine can apply."""
    if PREFIX not in path:
        return False
    *above, name = path.split("/")
    if above[1:2] and above[1].startswith(RECORDS):
        return False
    if any(part.startswith(PREFIX) for part in above):
        raise FormatError("it lies below a whiteout, which is not a directory", _HINT)
    if not name.startswith(PREFIX):
        return False
    if name in (PREFIX, f"{PREFIX}.", f"{PREFIX}.."):
        raise FormatError("the whiteout would take away the directory that it is in, or one above", _HINT)
    return True


def effective(lower: Lower, changes: Sequence[Change]) -> list[TreePath]:
    """The whiteouts of a layer that can remove something; `changes` are in the order of the layer.

    One in a directory that the layer puts in the place of something else removes nothing, and is left out.
    Raises FormatError for one that engines read in different ways.
    """
    if all(entry is not None for _, entry in changes):
        return []
    own = {path: entry for path, entry in changes if entry is not None}
    before: dict[TreePath, Entry] = {}
    above: set[TreePath] = set()  # the directories of what came before
    places: dict[TreePath, TreePath] = {}  # where symlinks of lower layers brought what came before, by its name
    found = []
    for path, entry in changes:
        if entry is not None:
            places[_place(lower, before, path)] = path
            before[path] = entry
            above.update(_upwards(path, above))
        elif _is_effective(lower, path, before, above, own):
            _check_own_places(_place(lower, before, path), path, places)
            found.append(path)
    return found


def _check_own_places(mark: TreePath, name: TreePath, places: dict[TreePath, TreePath]) -> None:
    """Raises FormatError for a whiteout that meets, through a symlink, what its own layer has already.

    podman takes it away, for it knows only names of what a layer has.
    """
    if paths.name(mark) == OPAQUE:
        top = paths.parent(mark)
        met = any(paths.is_within(place, top) for place, path in places.items() if place != path or mark != name)
    else:
        top = paths.join(paths.parent(mark), paths.name(mark).removeprefix(PREFIX))
        met = any(paths.is_within(place, top) for place in places)
    if met:
        raise FormatError(f"the whiteout {name} takes away what its own layer has in {top}", _AMBIGUOUS)


def _place(lower: Lower, before: dict[TreePath, Entry], path: TreePath) -> TreePath:
    """Where a path leads by now; itself where that is nowhere."""
    try:
        return walk(_Seen(lower, before), path, follow_last=False, must_exist=False)
    except NotInTree:
        return path


def _upwards(path: TreePath, known: set[TreePath]) -> list[TreePath]:
    """The directories above a path, up to one that is known."""
    found = []
    while (path := paths.parent(path)) not in known and path != ROOT:
        found.append(path)
    return found


def _is_effective(
    lower: Lower, mark: TreePath, before: dict[TreePath, Entry], above: set[TreePath], own: dict[TreePath, Entry]
) -> bool:
    """Whether a whiteout can remove something. Raises FormatError for one that engines read in different ways.

    `before` are the entries of its layer that stand before it, `above` their directories, and `own` all entries.
    """
    folder, name = paths.parent(mark), paths.name(mark)
    target = paths.join(folder, name.removeprefix(PREFIX))
    if name != OPAQUE and (target in before or target in above):
        raise FormatError(f"the whiteout {mark} stands behind what its own layer has there", _AMBIGUOUS)
    if name != OPAQUE and isinstance(own.get(target), Directory) and isinstance(_entry_at(lower, target), Directory):
        # With overlayfs docker shows the new directory with what the old one has, all others an empty one.
        raise FormatError(f"the whiteout {mark} is of a directory that its own layer has again", _AMBIGUOUS)
    for above_it in (folder, *paths.ancestors(folder)):
        if above_it == ROOT or above_it not in own:
            continue
        present = _entry_at(lower, above_it)
        if above_it not in before:
            if present is not None and not isinstance(present, Directory):
                raise FormatError(f"the whiteout {mark} stands before what its own layer has at {above_it}", _AMBIGUOUS)
        elif isinstance(before[above_it], Symlink):
            if _meets_anything(lower, target if name != OPAQUE else folder, before, above, own):
                raise FormatError(f"the whiteout {mark} passes the symlink {above_it} of its own layer", _AMBIGUOUS)
            return False
        elif not isinstance(before[above_it], Directory):
            return False  # umoci writes them below a file that takes the place of a directory: nothing is there
        elif not isinstance(present, Directory):
            return False
    if name == OPAQUE and isinstance(_entry_at(lower, folder), Symlink):
        raise FormatError(f"the whiteout {mark} is in a symlink, which is not a directory", _AMBIGUOUS)
    return True


class _Seen:
    """What stands at a path once the layer is unpacked so far, whiteouts aside."""

    def __init__(self, lower: Lower, before: dict[TreePath, Entry]) -> None:
        self._lower, self._before = lower, before

    def get(self, path: TreePath, /) -> Entry | None:
        return self._before.get(path) or _entry_at(self._lower, path)


def _meets_anything(
    lower: Lower, path: TreePath, before: dict[TreePath, Entry], above: set[TreePath], own: dict[TreePath, Entry]
) -> bool:
    """Whether a path leads to anything through the symlinks that the layer has by then.

    umoci writes whiteouts below a symlink that takes the place of a directory. Engines take away what has that name
    where the symlink leads, which was never meant; where nothing has it, they and we read the same.
    """

    try:
        place = walk(_Seen(lower, before), path, follow_last=False, must_exist=False)
    except Circle:
        return True
    except NotInTree:
        return False
    return place in own or place in above or _entry_at(lower, place) is not None


def _entry_at(lower: Lower, path: TreePath) -> Entry | None:
    try:
        return lower.get(path)
    except NotInTree:
        return None
