"""The way that a path takes through a tree: what of it has to stay so that the path leads to the same place again."""

from msgspec import Struct

from fromscratch import paths
from fromscratch.model.entry import Directory, HardLink, Symlink
from fromscratch.model.resolution import MAX_SYMLINKS
from fromscratch.model.view import View
from fromscratch.paths import ROOT, TreePath


class Trail(Struct, frozen=True):
    """The existing part of a path's resolution, component by component.

    `links` are the symlinks on the way, and `left` the directories that the path enters and leaves by `..`. `last` is
    the last thing that exists, with no symlink on its way: the place of the whole path if it is `complete`. A path
    `leaves_root` if a `..` of its own leads above the root, where a container stays in it.
    """

    links: tuple[TreePath, ...]
    left: tuple[TreePath, ...]
    last: TreePath
    complete: bool
    leaves_root: bool = False

    @property
    def place(self) -> TreePath | None:
        """Where the path leads; None if it leads nowhere."""
        return self.last if self.complete else None


def trail(view: View, path: str, *, follow_last: bool = True) -> Trail:
    """The way of `path`, resolved inside the root as path_resolution(7) does, as far as it exists."""
    links: list[TreePath] = []
    left: list[TreePath] = []
    pending = _steps(path)
    here, followed = ROOT, 0
    while pending:
        part = pending.pop()
        if part == "..":
            left.append(here)
            here = paths.parent(here)
            continue
        step = paths.join(here, part)
        entry = view.get(step)
        if isinstance(entry, HardLink):  # a symlink can have several names too
            entry = view.get(entry.target)
        if isinstance(entry, Symlink):
            if not pending and not follow_last:
                return _trail(links, left, step, True, path)
            links.append(step)
            followed += 1
            if followed > MAX_SYMLINKS:
                return _trail(links, left, here, False, path)
            here = ROOT if entry.target.startswith("/") else here
            pending += _steps(entry.target)
            continue
        if entry is None:
            return _trail(links, left, here, False, path)
        here = step
        if pending and not isinstance(entry, Directory):
            return _trail(links, left, paths.parent(step), False, path)
    return _trail(links, left, here, True, path)


def _trail(links: list[TreePath], left: list[TreePath], last: TreePath, complete: bool, path: str) -> Trail:
    own = tuple(dict.fromkeys(links))
    return Trail(own, tuple(dict.fromkeys(left)), last, complete, ".." in path and _leaves_root(path))


def _leaves_root(path: str) -> bool:
    """Whether a path climbs above the root, by its words alone."""
    depth = 0
    for part in path.split("/"):
        depth += -1 if part == ".." else 1 if part not in ("", ".") else 0
        if depth < 0:
            return True
    return False


def _steps(path: str) -> list[str]:
    """The components of a path, the last first."""
    return [part for part in reversed(path.split("/")) if part and part != "."]
