"""Several roots looked into as one, the first over the others, as merging them would give it."""

from collections.abc import Sequence

from fromscratch.model.entry import Directory, Entry
from fromscratch.model.view import View
from fromscratch.paths import TreePath


class Stacked:
    """A `View` of views. Where two have a directory its names are those of both; else the upper one's entry counts."""

    def __init__(self, *views: View) -> None:
        self._views = views

    def get(self, path: TreePath, /) -> Entry | None:
        found = self.layer(path)
        return None if found is None else self._views[found].get(path)

    def layer(self, path: TreePath) -> int | None:
        """Which of the views tells what stands at a path, counted from the uppermost; None for nothing."""
        return next((number for number, view in enumerate(self._views) if view.get(path) is not None), None)

    def children(self, directory: TreePath, /) -> Sequence[str]:
        names: set[str] = set()
        for view in self._views:
            entry = view.get(directory)
            if isinstance(entry, Directory):
                names.update(view.children(directory))
            elif entry is not None:
                break
        return sorted(names)
