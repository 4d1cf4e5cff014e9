"""Several roots looked into as one, the first over the others, as merging them would give it."""

from collections.abc import Sequence

from fromscratch import paths
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, Symlink
from fromscratch.model.resolution import walk
from fromscratch.model.view import View
from fromscratch.paths import ROOT, TreePath


class Stacked:
    """A `View` of views. Where two have a directory its names are those of both; else the upper one's entry counts."""

    def __init__(self, *views: View) -> None:
        self._views = views

    def get(self, path: TreePath, /) -> Entry | None:
        found = self.layer(path)
        if found is None:
            return None
        entry = self._views[found].get(path)
        if isinstance(entry, HardLink) and self.layer(entry.target) != found:
            return self._views[found].get(entry.target)  # that name is another file's here
        return entry

    def layer(self, path: TreePath) -> int | None:
        """Which of the views tells what stands at a path, counted from the uppermost; None for nothing."""
        for number, view in enumerate(self._views):
            if view.get(path) is not None:
                return number
            if not _may_have_more(view, path):
                return None
        return None

    def children(self, directory: TreePath, /) -> Sequence[str]:
        names: set[str] = set()
        for view in self._views:
            entry = view.get(directory)
            if isinstance(entry, Directory):
                names.update(view.children(directory))
            elif entry is not None:
                break
        return sorted(names)


class Beneath:
    """A `View` of what one root has to give to another that is laid over it.

    Where the upper root has a directory and the lower one a symlink to one, as /lib and /lib -> usr/lib, the upper
    keeps its directory, and each name in it that only the lower root has is a symlink of its own: /lib/modules ->
    /usr/lib/modules. So every path leads to the same file as in the lower root alone.
    """

    def __init__(self, lower: View, upper: View) -> None:
        self._lower, self._upper = lower, upper
        self._known: dict[TreePath, Entry | None] = {}
        self._inside: dict[TreePath, TreePath] = {}  # a directory instead of a symlink -> where that leads

    def get(self, path: TreePath, /) -> Entry | None:
        if path not in self._known:
            self._known[path] = self._look(path)
        return self._known[path]

    def children(self, directory: TreePath, /) -> Sequence[str]:
        self.get(directory)
        return self._lower.children(self._inside.get(directory, directory))

    def _look(self, path: TreePath) -> Entry | None:
        if path == ROOT:
            return self._lower.get(path)
        above = paths.parent(path)
        if not isinstance(self.get(above), Directory):
            return None
        real = paths.join(self._inside.get(above, above), paths.name(path))
        entry = self._lower.get(real)
        if entry is None:
            return None
        meets = views.place(self._upper, path)
        meets_directory = meets is not None and isinstance(self._upper.get(meets), Directory)
        if isinstance(entry, Symlink) and meets_directory and entry != self._upper.get(path):
            return self._instead(path, real, entry)
        if real == path:
            return entry
        if self._is_one_place(path, real) or (meets_directory and isinstance(entry, Directory)):
            self._inside[path] = real
            return entry
        return Symlink(Meta(0o777), real)

    def _instead(self, path: TreePath, real: TreePath, entry: Symlink) -> Entry | None:
        """The directory that a symlink of the lower root leads to; the symlink itself if it leads to none."""
        end = views.place(self._lower, real)
        below = None if end is None else self._lower.get(end)
        if end is None or not isinstance(below, Directory):
            return entry
        self._inside[path] = end
        return below

    def _is_one_place(self, path: TreePath, real: TreePath) -> bool:
        """Whether the upper root's own symlinks lead both paths to one place."""
        ends = {walk(self._upper, each, follow_last=True, must_exist=False) for each in (path, real)}
        return len(ends) == 1


def _may_have_more(view: View, path: TreePath) -> bool:
    """Whether what is not in this view may be in one below it: not if this one has no folder where it would lie."""
    while path != ROOT:
        path = paths.parent(path)
        entry = view.get(path)
        if entry is not None:
            return isinstance(entry, Directory)
    return True
