"""Several roots viewed as one, the first over the others, as merging them would give it."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from fromscratch import paths
from fromscratch.errors import Conflict, NotInTree
from fromscratch.model import view as views
from fromscratch.model.content import same_bytes
from fromscratch.model.entry import Directory, Entry, File, HardLink, Meta, Symlink
from fromscratch.model.resolution import walk
from fromscratch.model.view import Unchanging, View
from fromscratch.paths import ROOT, TreePath


class Stacked(Unchanging):
    """A `View` of several views, which do not change any more. A directory in two of them has the names of both; else
    the upper entry counts."""

    def __init__(self, *views: View) -> None:
        super().__init__()
        self._views, self._last = views, len(views) - 1

    def get(self, path: TreePath, /) -> Entry | None:
        if not self._last:
            return self._views[0].get(path)
        found = self.layer(path)
        if found is None:
            return None
        entry = self._views[found].get(path)
        if isinstance(entry, HardLink) and self.layer(entry.target) != found:
            return self._views[found].get(entry.target)  # that name is another file's here
        return entry

    def layer(self, path: TreePath) -> int | None:
        """The index of the uppermost view that has an entry at a path; None if none has."""
        for number, view in enumerate(self._views):
            if view.get(path) is not None:
                return number
            if number < self._last and not _may_have_more(view, path):
                return None
        return None

    @cached_property
    def links(self) -> "Links":
        """The symlinks of the root. Computed on first use, since every entry is read for it."""
        return _links(self)

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
    """A `View` of what one root has to give to another that is laid over it, each thing where it would stand there.

    Where the upper root has a symlink to a directory, as /usr/lib/x86_64-linux-gnu -> ../lib, and the lower one a
    directory, the names of that are in the directory that the symlink leads to, as merging would put them.
    Where the upper root has a directory and the lower one a symlink to one, as /lib and /lib -> usr/lib, the upper
    keeps its directory, and each name in it that only the lower root has is a symlink of its own: /lib/modules ->
    /usr/lib/modules. So every path leads to the same file as in the lower root alone.
    A path that would be two different files may be listed and looked at; `reals`, which reading and taking it need,
    raises Conflict.
    """

    def __init__(self, lower: View, upper: View) -> None:
        self._lower, self._upper = lower, upper if isinstance(upper, Stacked) else Stacked(upper)
        self._known: dict[TreePath, Entry | None] = {}
        self._folders: dict[TreePath, list[TreePath]] = {}  # a directory -> those below whose names are in it
        self._reals: dict[TreePath, TreePath] = {}
        self._conflicts: dict[TreePath, Conflict] = {}

    def get(self, path: TreePath, /) -> Entry | None:
        if path not in self._known:
            fresh = [path]  # from above, so that nothing recurses
            while fresh[-1] != ROOT and paths.parent(fresh[-1]) not in self._known:
                fresh.append(paths.parent(fresh[-1]))
            for place in reversed(fresh):
                if place not in self._known:  # a symlink may have led to it meanwhile
                    self._known[place] = self._find(place)
        return self._known[path]

    def children(self, directory: TreePath, /) -> Sequence[str]:
        self.get(directory)
        names: set[str] = set()
        for folder in self._folders.get(directory, ()):
            names.update(self._lower.children(folder))
        return sorted(names)

    def reals(self, path: TreePath) -> tuple[TreePath, ...]:
        """The path in the lower root of what stands here; of a directory, of each whose names are in it.

        Raises Conflict for what would be two different files.
        """
        entry = self.get(path)
        if path in self._conflicts:
            raise self._conflicts[path]
        if isinstance(entry, Directory):
            return tuple(self._folders.get(path, ()))
        return (self._reals[path],) if path in self._reals else ()

    def _find(self, path: TreePath) -> Entry | None:
        if path != ROOT and not isinstance(self.get(paths.parent(path)), Directory):
            return None
        candidates = self._candidates(path)
        if path in self._upper.links.ends and any(map(self._directory, candidates)):
            return views.inode(self._upper, path)
        folders = self._folders.setdefault(path, [])
        shown = self._with_joined_folders([(real, *self._as_seen_here(path, real)) for real in candidates])
        folders += dict.fromkeys(folder for _, _, folder in shown if folder is not None)
        if path in self._upper.links.leading_to:
            self._known[path] = Directory(Meta(0o755))  # for now: the way to what leads here may go through here
            while fresh := dict.fromkeys(self._folders_led_to(path)).keys() - folders:
                folders += sorted(fresh)  # each of them may have a directory where another symlink leads here
        if any(folder is None for _, _, folder in shown):
            self._reals[path], entry = self._choose(path, [each[:2] for each in shown], folders)
            return entry
        if folders:
            return self._lower.get(folders[0])
        return Directory(Meta(0o755)) if path in self._upper.links.implied else None

    def _candidates(self, path: TreePath) -> list[TreePath]:
        """The paths of the lower root whose entries would stand here, were it not for the upper root's own."""
        if path == ROOT:
            return [ROOT]
        above = paths.parent(path)
        if above not in self._folders:
            self.get(above)
        found = (paths.join(folder, paths.name(path)) for folder in self._folders.get(above, ()))
        return [real for real in found if self._lower.get(real) is not None]

    def _folders_led_to(self, path: TreePath) -> Iterator[TreePath]:
        """The directories of the lower root that lie where symlinks of the upper root lead to this path."""
        for link in self._upper.links.leading_to[path]:
            yield from filter(None, map(self._directory, self._candidates(link)))

    def _directory(self, real: TreePath) -> TreePath | None:
        """The directory of the lower root that this is, or is a symlink to."""
        end = views.place(self._lower, real)
        return end if end is not None and isinstance(self._lower.get(end), Directory) else None

    def _as_seen_here(self, path: TreePath, real: TreePath) -> tuple[Entry, TreePath | None]:
        """What an entry of the lower root is here; of a directory also the one that its names are from."""
        entry = views.inode(self._lower, real)
        assert entry is not None  # noqa: S101  it is a candidate
        meets = views.place(self._upper, path)
        meets_directory = meets is not None and isinstance(self._upper.get(meets), Directory)
        if isinstance(entry, Symlink) and meets_directory and entry != self._upper.get(path):
            end = self._directory(real)
            below = None if end is None else self._lower.get(end)
            return (below, end) if below is not None else (entry, None)
        is_directory = isinstance(entry, Directory)
        if real == path or (meets_directory and is_directory):
            return entry, real if is_directory else None
        if not self._is_one_place(path, real):
            return Symlink(Meta(0o777), real), None
        if isinstance(entry, Symlink):
            here, there = (_absolute_target(paths.parent(each), entry.target) for each in (path, real))
            return entry if self._is_one_place(here, there) else Symlink(entry.meta, there, entry.origins), None
        return entry, real if is_directory else None

    def _with_joined_folders(
        self, shown: list[tuple[TreePath, Entry, TreePath | None]]
    ) -> list[tuple[TreePath, Entry, TreePath | None]]:
        """The same; beside a directory, a symlink to one is that directory, so that the names of both are in one."""
        if all(folder is None for _, _, folder in shown):
            return shown
        return [
            (real, entry, self._directory(real) if folder is None and isinstance(entry, Symlink) else folder)
            for real, entry, folder in shown
        ]

    def _is_one_place(self, path: str, real: str) -> bool:
        """Whether the upper root's own symlinks lead both paths to one place."""
        ends = {walk(self._upper, each, follow_last=True, must_exist=False) for each in (path, real)}
        return len(ends) == 1

    def _choose(
        self, path: TreePath, shown: list[tuple[TreePath, Entry]], folders: list[TreePath]
    ) -> tuple[TreePath, Entry]:
        """The one of them that stands here, with its path below; not a symlink to another of them."""
        chosen = next((each for each in shown if isinstance(each[1], File)), shown[0])
        ends = {views.place(self._lower, real) for real, _ in shown}
        if folders or (len(ends) > 1 and not all(_same(chosen[1], entry) for _, entry in shown)):
            both = " and ".join(dict.fromkeys((*(real for real, _ in shown), *folders)))
            self._conflicts[path] = Conflict(
                f"{both} cannot both be {path}, where symlinks of the items above lead them",
                "leave one of them out, or take them from a root that is laid out as the items above are",
            )
        return chosen


class Links(NamedTuple):
    """The symlinks of a root that lead to a directory or to nothing: where each does, and which ones lead to a place.

    `implied` are the directories that must be there for the places to be."""

    ends: dict[TreePath, TreePath]
    leading_to: dict[TreePath, list[TreePath]]
    implied: frozenset[TreePath]


def _links(view: View) -> Links:
    ends: dict[TreePath, TreePath] = {}
    leading_to: dict[TreePath, list[TreePath]] = {}
    for path in views.below(view, ROOT):
        if not isinstance(views.inode(view, path), Symlink):
            continue
        try:
            end = walk(view, path, follow_last=True, must_exist=False)
        except NotInTree:
            continue  # a circle, or a way through a file
        if isinstance(view.get(end), Directory | None):
            ends[path] = end
            leading_to.setdefault(end, []).append(path)
    return Links(ends, leading_to, frozenset(above for end in leading_to for above in paths.ancestors(end)))


def _absolute_target(folder: TreePath, target: str) -> str:
    """The absolute form of a symlink's target, seen from a folder that no symlink leads to."""
    while target == ".." or target.startswith("../"):
        folder, target = paths.parent(folder), target[3:]
    return target if target.startswith("/") else f"{folder.rstrip('/')}/{target}"


def _same(left: Entry, right: Entry) -> bool:
    if isinstance(left, File) and isinstance(right, File):
        return left.content == right.content or same_bytes(left.content, right.content)
    return left == right


def _may_have_more(view: View, path: TreePath) -> bool:
    """Whether what is not in this view may be in one below it: not if this one has no folder where it would lie."""
    while path != ROOT:
        path = paths.parent(path)
        entry = view.get(path)
        if entry is not None:
            return isinstance(entry, Directory)
    return True
