"""The interface of a root that is read lazily: what `Rootfs` and a folder of this machine have in common.

A `View` gives the entry at one path and the names in one directory. Everything that follows symlinks is built on that
here, by `model.resolution`, so that no path of a view leads outside its root.
"""

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.model.entry import Directory, Entry, HardLink, Symlink
from fromscratch.model.resolution import Circle, walk
from fromscratch.paths import ROOT, TreePath


class View(Protocol):
    """A root that can be read. `Rootfs` is one; `host.machine.view.MachineView` is one of a folder of this machine."""

    def get(self, path: TreePath, /) -> Entry | None:
        """The entry at exactly this path, symlinks not followed; None if there is none.

        A path with a symlink among its parents is not in a view: `place` finds the one that is.
        """

    def children(self, directory: TreePath, /) -> Sequence[str]:
        """The names in a directory, sorted; empty for anything else."""


class Unchanging:
    """Base of a `View` whose answers never change, so that where folders lead is looked up once."""

    def __init__(self) -> None:
        self.folders: dict[str, TreePath | None] = {}  # by their paths as they were spelled; None for no directory


def place(view: View, path: str, *, follow_last: bool = True) -> TreePath | None:
    """Where `path` leads inside the view, every symlink followed; None if it leads nowhere."""
    above, _, name = path.rpartition("/")
    if not isinstance(view, Unchanging) or name in ("", ".", ".."):
        return _place(view, path, follow_last)
    if above not in view.folders:
        found = _place(view, above, True)
        view.folders[above] = found if found is not None and isinstance(view.get(found), Directory) else None
    folder = view.folders[above]
    if folder is None:
        return None
    step = paths.join(folder, name)
    entry = inode(view, step)
    if isinstance(entry, Symlink) and follow_last:
        return _place(view, path, follow_last)
    return step if entry is not None else None


def _place(view: View, path: str, follow_last: bool) -> TreePath | None:
    try:
        return walk(view, path, follow_last=follow_last, must_exist=True)
    except NotInTree:
        return None


def look(view: View, path: str) -> Entry | None:
    """The entry that `path` leads to, or None. A hard link answers with its inode."""
    found = place(view, path)
    entry = None if found is None else view.get(found)
    return view.get(entry.target) if isinstance(entry, HardLink) else entry


def is_circular(view: View, path: str) -> bool:
    """Whether `path` leads nowhere because its symlinks go round in a circle."""
    try:
        walk(view, path, follow_last=True, must_exist=True)
    except NotInTree as error:
        return isinstance(error, Circle)
    return False


def names(view: View, directory: str) -> Sequence[str]:
    """The names in the directory that a path leads to, sorted; empty if it leads to none."""
    found = place(view, directory)
    return () if found is None else view.children(found)


def symlinks_and_place(view: View, path: str) -> list[TreePath]:
    """Every symlink that resolving `path` goes through, then the place where it ends.

    A tree with these, and with the directories that `folders_left` gives, resolves the path to the same place.
    Raises NotInTree, naming the component that is missing or goes in a circle.
    """
    end = walk(view, path, follow_last=True, must_exist=True)
    if end == path:
        return [end]
    links = (step for step in steps(view, path) if isinstance(inode(view, step), Symlink))
    return [*dict.fromkeys(links), end]


def folders_left(view: View, path: str) -> set[TreePath]:
    """The directories that resolving an existing `path` enters and leaves by `..`."""
    return set(steps(view, path, out=True))


def inode(view: View, path: TreePath) -> Entry | None:
    """What stands at exactly this path; for a hard link, the file that it is a name of."""
    entry = view.get(path)
    return view.get(entry.target) if isinstance(entry, HardLink) else entry


def steps(view: View, path: str, *, out: bool = False) -> Iterator[TreePath]:
    """Each place on the way of an existing `path`, symlinks too; with `out` only those before a `..`."""
    pending = [part for part in reversed(path.split("/")) if part and part != "."]
    here = ROOT
    while pending:
        part = pending.pop()
        if part == "..":
            if out:
                yield here
            here = paths.parent(here)
            continue
        step = paths.join(here, part)
        if not out:
            yield step
        entry = inode(view, step)
        if not isinstance(entry, Symlink):
            here = step
            continue
        here = ROOT if entry.target.startswith("/") else here
        pending += [each for each in reversed(entry.target.split("/")) if each and each != "."]


def below(view: View, top: TreePath) -> Iterator[TreePath]:
    """`top` and every path below it, a directory directly before what it holds; symlinks are not entered."""
    pending = [top]
    while pending:
        path = pending.pop()
        entry = view.get(path)
        if entry is None:
            continue
        yield path
        if isinstance(entry, Directory):
            pending += [paths.join(path, name) for name in reversed(view.children(path))]


def glob(view: View, pattern: str, spend: Callable[[int], None] = lambda looked_at: None) -> Iterator[str]:
    """The paths that match, in order, as glob(3) gives them: `*`, `?` and `[…]` within a component.

    Symlinks among the parents are followed, and the paths are spelled by the pattern. `spend` is called with the
    number of names that are looked at, and raises when an untrusted pattern, such as */../*/../*, exceeds its budget.
    """
    parts = [part for part in pattern.split("/") if part and part != "."]
    pending = [("", 0)]
    while pending:
        start, done = pending.pop()
        if done == len(parts):
            yield start or "/"
            continue
        pending.extend(
            (path, done + 1) for path in reversed(_next(view, start, parts[done], done + 1 < len(parts), spend))
        )


def _next(view: View, start: str, part: str, more: bool, spend: Callable[[int], None]) -> list[str]:
    """The paths in a folder that match one component; those that lead somewhere, if `more` components follow."""
    spend(1)
    if not any(char in part for char in "*?["):
        path = f"{start}/{part}"
        return [path] if place(view, path, follow_last=more) is not None else []
    there = names(view, start or "/")
    spend(len(there))
    found = (name for name in there if fnmatch.fnmatchcase(name, part))
    found_paths = [f"{start}/{name}" for name in found if not name.startswith(".") or part.startswith(".")]
    return [path for path in found_paths if not more or place(view, path) is not None]
