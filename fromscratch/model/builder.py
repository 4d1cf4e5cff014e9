"""A tree that grows entry by entry, in the order of an archive."""

from collections.abc import Iterator

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, Symlink, kind_of
from fromscratch.model.invariants import missing_parents, order
from fromscratch.model.resolution import locate
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath

Names = dict[TreePath, None]
"""The names of one inode, in the order in which they came."""

_STEPS = 6
_KILOBYTE = 10


class TreeBuilder:
    """Collects entries in the order of an archive and makes a `Rootfs` of them.

    A later entry replaces an earlier one of the same path, as tar(5) archives mean it. Time and memory
    grow with the number of entries and no faster, whatever they are: see `weight`.
    """

    def __init__(self, *, forbid_absolute_links: bool = False) -> None:
        """`forbid_absolute_links` refuses an entry that would be written through an absolute
        symlink that was put before: no honest archive has one, and it is how an archive escapes
        the folder it is unpacked in."""
        self._entries: dict[TreePath, Entry] = {ROOT: Directory(Meta(0o755))}
        self._names: dict[TreePath, Names] = {}  # of each inode that has had several; the inode stands at all of them
        self._children: dict[TreePath, set[str]] | None = None  # known once somebody asks
        self._strict = forbid_absolute_links
        self._walked = 0
        self.implied = 0
        """How many directories stand only in the names of what was put below them."""
        self.weight = 1
        """How many entries there are; one with long names, targets or attributes counts for each kilobyte of them,
        and so do 64 steps on a way through symlinks."""

    def put(self, path: TreePath, entry: Entry) -> TreePath:
        """Put `entry` where `path` leads; the answer is that place.

        Raises Conflict when a directory with content would give way to something else, UnsafePath
        for what `forbid_absolute_links` refuses, FormatError for a hard link to what is not there and for
        a place whose path is longer than Linux allows.
        """
        place = self._located(path)
        if place != path:
            paths.check_length(paths.encode(place[1:]))  # on its way through symlinks it may have grown
        names: Names | None = None
        if isinstance(entry, HardLink):
            target = self._located(entry.target)
            inode, names = self._inode(target)
            if inode is None or isinstance(inode, Directory):
                raise FormatError(
                    f"{path} is a hard link to {entry.target}, which is not a file before it in the archive",
                    "the archive is damaged or cut; make it again",
                )
            if target == place and target in names:
                return place
            entry = replace(inode, origins=entry.origins)
        present = self._entries.get(place)
        if isinstance(present, Directory) and not isinstance(entry, Directory):
            self._give_way(path, place, entry)
        self._leave(place)
        if present is None:
            self._make_parents(place, entry)
        self._set(place, entry)
        if names is not None:
            names[place] = None
            self._names[place] = names
        return place

    def get(self, path: TreePath) -> Entry | None:
        """What stands at the place `path` leads to."""
        place = self._located(path)
        entry, names = self._entries.get(place), self._names.get(place)
        if entry is None or names is None or (first := next(iter(names))) == place:
            return entry
        return HardLink(entry.meta, first, entry.origins)

    def build(self) -> Rootfs:
        entries = dict(self._entries) if self._names else self._entries
        for names in {id(names): names for names in self._names.values()}.values():
            first, *others = sorted(names, key=order)
            for name in others:
                entries[name] = HardLink(entries[first].meta, first, entries[name].origins)
        return Rootfs(entries)

    def _inode(self, target: TreePath) -> tuple[Entry | None, Names]:
        """What a hard link to this place is another name of, and all names of that."""
        inode = self._entries.get(target)
        names = {} if inode is None or isinstance(inode, Directory) else self._names.setdefault(target, {target: None})
        return inode, names

    def _give_way(self, path: TreePath, place: TreePath, entry: Entry) -> None:
        """Called before something else takes the place of a directory."""
        if place == ROOT or self._names_in(place):
            raise Conflict(
                f"{path} is a directory with content and would become a {kind_of(entry)}",
                "the archive holds the same path twice; make it again without one of them",
            )

    def _located(self, path: TreePath) -> TreePath:
        if path == ROOT or isinstance(self._entries.get(paths.parent(path)), Directory):
            return path  # without the counting
        seen = Counted(self._entries)
        place = locate(seen, path, refuse_absolute=self._strict)
        self._count(seen)
        return place

    def _count(self, seen: "Counted") -> None:
        self._walked += seen.count
        self.weight += self._walked >> _STEPS
        self._walked &= (1 << _STEPS) - 1

    def _make_parents(self, place: TreePath, entry: Entry) -> None:
        if place != ROOT:
            for directory, made in missing_parents(self._entries, place, entry):
                self._set(directory, made)
                self.implied += 1

    def _set(self, place: TreePath, entry: Entry) -> None:
        present = self._entries.get(place)
        if present is not None:
            self.weight -= _weight(place, present)
        elif self._children is not None:
            self._children.setdefault(paths.parent(place), set()).add(paths.name(place))
        self.weight += _weight(place, entry)
        self._entries[place] = entry

    def _leave(self, place: TreePath) -> None:
        """The place is no longer a name of its inode, which lives on under its other names."""
        names = self._names.pop(place, None)
        if names is not None:
            del names[place]

    def _names_in(self, directory: TreePath) -> set[str]:
        if self._children is None:
            self._children = {}
            for path in self._entries:
                if path != ROOT:
                    self._children.setdefault(paths.parent(path), set()).add(paths.name(path))
        return self._children.get(directory, set())

    def _remove(self, place: TreePath) -> None:
        """Take away what stands there, with all below it."""
        for path in list(self._below(place)):
            self._forget(path)
            if self._children is not None:
                self._children.pop(path, None)
        if self._children is not None:
            self._children.get(paths.parent(place), set()).discard(paths.name(place))

    def _forget(self, path: TreePath) -> None:
        self.weight -= _weight(path, self._entries.pop(path))
        self._leave(path)

    def _below(self, top: TreePath) -> Iterator[TreePath]:
        pending = [top]
        while pending:
            path = pending.pop()
            yield path
            if isinstance(self._entries[path], Directory):
                pending.extend(paths.join(path, name) for name in self._names_in(path))


class Counted:
    """Entries that count the steps of a way through them."""

    def __init__(self, entries: dict[TreePath, Entry]) -> None:
        self._entries, self.count = entries, 0

    def get(self, path: TreePath, /) -> Entry | None:
        entry = self._entries.get(path)
        self.count += 1 + (entry.target.count("/") if isinstance(entry, Symlink) else 0)
        return entry


def _weight(path: TreePath, entry: Entry) -> int:
    size = len(path) + (len(entry.target) if isinstance(entry, Symlink) else 0)
    if entry.meta.xattrs:
        size += sum(len(name) + len(value) for name, value in entry.meta.xattrs)
    return 1 + (size >> _KILOBYTE)
