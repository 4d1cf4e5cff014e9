"""The paths of a tree that are kept, each with the reasons for it."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.model.entry import Entry, File, HardLink, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.slimming.trail import Trail, trail

TRACE, SLIM = "trace", "slim"
"""The sources that origins name: what a trace shows, and what is found without one."""

_RUN_TIME = ("/proc", "/sys", "/dev")
_MAX_ORIGINS = 16  # of one entry: a trace may name a library once for each program


def is_run_time(path: str) -> bool:
    """Whether a path is below what a container gets from its engine."""
    return any(path.startswith(f"{top}/") for top in _RUN_TIME)


class Retained:
    """What is kept of `tree`. Nothing below /proc, /sys and /dev, which a container gets from its engine."""

    def __init__(self, tree: Rootfs) -> None:
        self.tree = tree
        self._origins: dict[TreePath, list[Origin]] = {}

    def __contains__(self, place: object) -> bool:
        return place in self._origins

    def __iter__(self) -> Iterator[TreePath]:
        return iter(self._origins)

    def origins(self, place: TreePath) -> tuple[Origin, ...]:
        return tuple(self._origins.get(place, ()))

    def files(self) -> Iterator[TreePath]:
        """The places that are regular files, or further names of them."""
        return (place for place in self._origins if isinstance(self.tree[place], File | HardLink))

    def add(self, place: TreePath, origins: Iterable[Origin]) -> None:
        """Keep what stands at exactly this place of the tree; nothing, for what a container has only while it runs."""
        if is_run_time(place):
            return
        known = self._origins.setdefault(place, [])
        for origin in origins:
            if len(known) < _MAX_ORIGINS and origin not in known:
                known.append(origin)

    def follow(self, path: str, origin: Origin, *, follow_last: bool = True) -> Trail:
        """Keep the way of a path with its symlinks, and its end, or the folder where it stops existing."""
        way = trail(self.tree, path, follow_last=follow_last)
        for link in way.links:
            self.add(link, (Origin(origin.source, "link to", way.last if way.complete else "nothing", origin),))
        for folder in way.left:
            self.add(folder, (Origin(origin.source, "parent of", "what lies beside it", origin),))
        if way.complete:
            self.add(way.last, (origin,))
        elif way.last != ROOT:
            self.add(way.last, (Origin(origin.source, "parent of", f"{path}, which is not in the image", origin),))
        return way

    def remove(self, place: TreePath) -> None:
        self._origins.pop(place, None)

    def parents(self) -> dict[TreePath, TreePath]:
        """The directories above everything that is kept, each with the first thing below it."""
        above: dict[TreePath, TreePath] = {ROOT: ROOT}
        for place in self._origins:
            folder = paths.parent(place)
            while folder not in above:
                above[folder] = place
                folder = paths.parent(folder)
        return above

    def rootfs(self) -> Rootfs:
        """The tree of all that is kept, as it stands in the whole tree, with the parents of everything."""
        entries: dict[TreePath, Entry] = {}
        first_names: dict[TreePath, TreePath] = {}  # of inodes whose own place is not kept
        for place, entry in self.tree.items():
            if place not in self._origins:
                continue
            if isinstance(entry, HardLink) and entry.target not in self._origins:
                first = first_names.setdefault(entry.target, place)
                entry = self.tree.inode(place) if first == place else replace(entry, target=first)
            entries[place] = replace(entry, origins=self.origins(place))
        for folder, place in self.parents().items():
            if folder not in entries:
                because = self._origins.get(place, [None])[0]
                reasons = (Origin(SLIM, "parent of", place, because),) if folder != ROOT else ()
                entries[folder] = replace(self.tree[folder], origins=reasons)
        return Rootfs(entries)
