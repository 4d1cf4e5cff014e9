"""A tree that is changed step by step, as commands change a file system, and becomes a `Rootfs` at the end."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, with_meta
from fromscratch.model.invariants import add_parents, hard_link_targets, unlink
from fromscratch.model.resolution import locate, walk
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath


class ChangingTree:
    """Every path is resolved inside the root, through symlinks, as a process in a chroot sees it."""

    def __init__(self, tree: Rootfs) -> None:
        self._fill(tree)

    def _fill(self, entries: Mapping[TreePath, Entry]) -> None:
        self._entries: dict[TreePath, Entry] = dict(entries)
        self._targets = hard_link_targets(self._entries)
        self._children: dict[TreePath, dict[str, None]] = {}
        for path in self._entries:
            if path != ROOT:
                self._children.setdefault(paths.parent(path), {})[paths.name(path)] = None

    def __len__(self) -> int:
        return len(self._entries)

    def resolve(self, path: str, *, follow_last: bool = True) -> TreePath:
        """Where the path leads. Raises NotInTree."""
        return walk(self._entries, path, follow_last=follow_last, must_exist=True)

    def place(self, path: str, *, follow_last: bool = True) -> TreePath:
        """Where a path leads, also one of which the last part is missing. Raises NotInTree for a missing parent."""
        found = walk(self._entries, path, follow_last=follow_last, must_exist=False)
        if found != ROOT and not isinstance(self._entries.get(paths.parent(found)), Directory):
            raise NotInTree(f"{path}: there is no directory {paths.parent(found)}", "make it first")
        return found

    def find(self, path: str, *, follow_last: bool = True) -> Entry | None:
        """The entry that a path leads to, or None. A hard link answers with its inode."""
        try:
            entry = self._entries[self.resolve(path, follow_last=follow_last)]
        except NotInTree:
            return None
        return self._entries[entry.target] if isinstance(entry, HardLink) else entry

    def at(self, place: TreePath) -> Entry | None:
        """What stands at exactly this path: a hard link as such, where `find` answers with its inode."""
        return self._entries.get(place)

    def children(self, directory: TreePath) -> list[str]:
        """The names in the directory at exactly this path, sorted."""
        return sorted(self._children.get(directory, ()))

    def within(self, top: TreePath) -> Iterator[TreePath]:
        """`top` and every path below it; of a directory first itself, then what it holds."""
        pending = [top] if top in self._entries else []
        while pending:  # a tree can be deeper than the calls that Python allows
            path = pending.pop()
            yield path
            pending += [paths.join(path, name) for name in reversed(self.children(path))]

    def put(self, path: TreePath, entry: Entry) -> TreePath:
        """Put an entry where the path leads, instead of what is there; missing parents are made. Returns the place.

        Raises Conflict when a directory with content would give way to something else, or something else stands among
        the parents.
        """
        place = locate(self._entries, path)
        present = self._entries.get(place)
        if isinstance(present, Directory):
            if not isinstance(entry, Directory) and (self._children.get(place) or place == ROOT):
                raise Conflict(f"{place} is a directory with content", "remove it first")
        elif present is not None:
            self._unlink(place)
        if place != ROOT and not isinstance(self._entries.get(paths.parent(place)), Directory):
            before = len(self._entries)
            add_parents(self._entries, place, entry)
            if len(self._entries) != before:
                parent = paths.parent(place)
                while parent != ROOT and paths.name(parent) not in self._children.get(paths.parent(parent), {}):
                    self._children.setdefault(paths.parent(parent), {})[paths.name(parent)] = None
                    parent = paths.parent(parent)
        self._entries[place] = entry
        if isinstance(entry, HardLink):
            self._targets.add(entry.target)
        if place != ROOT:
            self._children.setdefault(paths.parent(place), {})[paths.name(place)] = None
        return place

    def remove(self, path: TreePath) -> None:
        """Remove what stands at exactly this path, with everything below it; the root stays."""
        for each in reversed([*self.within(path)]):
            if each != ROOT:
                self._unlink(each)

    def move(self, source: TreePath, target: TreePath) -> None:
        """Give what stands at exactly one path another place, with everything below it: rename(2).

        Raises Conflict for a directory below itself, and as `put` does.
        """
        if paths.is_within(target, source) and isinstance(self._entries[source], Directory):
            raise Conflict(f"{source} cannot move below itself, to {target}", "name another place")
        moved = {path: self._entries[path] for path in self.within(source)}
        new = {path: TreePath(target + path[len(source) :]) for path in moved}
        for path, entry in self._entries.items():
            if isinstance(entry, HardLink) and entry.target in new:
                self._entries[path] = replace(entry, target=new[entry.target])
        for path in reversed([*moved]):
            self._forget(path)
        for path, entry in moved.items():
            if isinstance(entry, HardLink) and entry.target in new:
                entry = replace(entry, target=new[entry.target])
            self.put(new[path], entry)
        self._targets = hard_link_targets(self._entries)

    def change(self, place: TreePath, entry: Entry) -> None:
        """Give the inode at exactly this path other content, metadata or reasons, under all its names."""
        present = self._entries[place]
        inode = present.target if isinstance(present, HardLink) else place
        self._entries[inode] = entry
        self.change_meta(inode, entry.meta)

    def change_meta(self, place: TreePath, meta: Meta) -> None:
        """Give the inode at exactly this path other metadata, under all its names."""
        entry = self._entries[place]
        inode = entry.target if isinstance(entry, HardLink) else place
        self._entries[inode] = with_meta(self._entries[inode], meta)
        if inode in self._targets:
            for path, other in self._entries.items():
                if isinstance(other, HardLink) and other.target == inode:
                    self._entries[path] = with_meta(other, meta)

    def entries(self) -> Mapping[TreePath, Entry]:
        """All entries as they are now, for `restore`."""
        return dict(self._entries)

    def restore(self, entries: Mapping[TreePath, Entry]) -> None:
        """Go back to what the tree was when `entries` gave these."""
        self._fill(entries)

    def finished(self) -> Rootfs:
        """The tree as a value."""
        return Rootfs(self._entries)

    def _unlink(self, place: TreePath) -> None:
        if place in self._targets:
            unlink(self._entries, {place})
            self._targets = hard_link_targets(self._entries)
        self._forget(place)

    def _forget(self, place: TreePath) -> None:
        self._entries.pop(place, None)
        self._children.get(paths.parent(place), {}).pop(paths.name(place), None)
