"""A tree that is built entry by entry, in the order of an archive."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError, NotInTree
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, Symlink, kind_of
from fromscratch.model.invariants import missing_parents, order
from fromscratch.model.resolution import locate, walk
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath

Names = dict[TreePath, None]
"""The names of one inode, in the order in which they came."""

_LOG2_STEPS = 6
_LOG2_KILOBYTE = 10


class Inode(NamedTuple):
    """A file, and its names in the order in which they came; the names are shared, and change with the tree."""

    entry: Entry | None
    names: Names


class TreeBuilder:
    """Collects the entries of an archive in their order, for a `Rootfs`.

    A later entry replaces an earlier one of the same path, as tar(5) archives mean it. Time and memory
    grow with the number of entries and no faster, whatever they are: see `weight`.
    """

    def __init__(self, *, forbid_absolute_links: bool = False) -> None:
        """`forbid_absolute_links` refuses an entry that would be written through an absolute
        symlink that was put before: no honest archive has one, and it is how an archive escapes
        the folder it is unpacked in."""
        self._entries: dict[TreePath, Entry] = {ROOT: Directory(Meta(0o755))}
        self._names: dict[TreePath, Names] = {}  # of each inode that has had several; the inode stands at all of them
        self._children: dict[TreePath, set[str]] | None = None  # computed on first use
        self._strict = forbid_absolute_links
        self._walked = 0
        self.implied = 0
        """How many directories were never put, but are there for what was put below them."""
        self.weight = 1
        """About how much memory and work the tree takes: one for each entry, one more for each kilobyte of its name,
        target and attributes, and one for each 64 steps of following symlinks."""

    def put(
        self, path: TreePath, entry: Entry, *, inode: Inode | None = None, replaces_directories: bool = False
    ) -> TreePath:
        """Put `entry` where `path` leads. Returns that place.

        For a hard link, `inode` is the file that it is a name of; without it, what stands at its target. With
        `replaces_directories` a directory with content gives way to something else, but for the root.
        Raises Conflict when a directory with content would give way to something else, UnsafePath
        for what `forbid_absolute_links` refuses, FormatError for a hard link to what is not there and for
        a place whose path is longer than Linux allows.
        """
        place = self.located(path)
        if place != path:
            paths.check_length(paths.encode(place[1:]))  # on its way through symlinks it may have grown
        names: Names | None = None
        if isinstance(entry, HardLink):
            target = self.located(entry.target)
            file, names = inode or self.inode(target)
            if file is None or isinstance(file, Directory):
                raise FormatError(
                    f"{path} is a hard link to {entry.target}, which is not a file before it in the archive",
                    "the archive is damaged or cut; make it again",
                )
            if target == place and target in names:
                return place
            entry = replace(file, origins=entry.origins)
        present = self._entries.get(place)
        if isinstance(present, Directory) and not isinstance(entry, Directory):
            self._replace_directory(path, place, entry, replaces_directories)
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
        place = self.located(path)
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

    def inode(self, target: TreePath) -> Inode:
        """The file that a hard link to this place is another name of."""
        entry = self._entries.get(target)
        if entry is None or isinstance(entry, Directory):
            return Inode(entry, {})
        return Inode(entry, self._names.setdefault(target, {target: None}))

    def at(self, place: TreePath) -> Entry | None:
        """The entry at exactly this path; of a file with several names, the file itself."""
        return self._entries.get(place)

    def children(self, directory: TreePath) -> list[str]:
        """The names in the directory at exactly this path."""
        return list(self._names_in(directory))

    def resolve(self, path: TreePath) -> TreePath | None:
        """Where a path leads, every symlink followed; None if it leads nowhere."""
        seen = Counted(self._entries)
        try:
            return walk(seen, path, follow_last=True, must_exist=True)
        except NotInTree:
            return None
        finally:
            self._count(seen)

    def remove(self, place: TreePath) -> dict[TreePath, Inode]:
        """Remove what stands at exactly this path, with all below it. Returns the inodes of what was removed."""
        removed = {path: Inode(self._entries[path], self._names.get(path, {})) for path in self._below(place)}
        for path in removed:
            self._forget(path)
            if self._children is not None:
                self._children.pop(path, None)
        if self._children is not None:
            self._children.get(paths.parent(place), set()).discard(paths.name(place))
        return removed

    def _replace_directory(self, path: TreePath, place: TreePath, entry: Entry, with_content: bool) -> None:
        """Make way for what takes the place of a directory."""
        if with_content and place != ROOT:
            for name in self.children(place):
                self.remove(paths.join(place, name))
        elif with_content:
            raise Conflict(
                f"{path} is the root and would become a {kind_of(entry)}",
                "the layer is damaged, or was made to do harm: make the image again",
            )
        elif place == ROOT or self._names_in(place):
            raise Conflict(
                f"{path} is a directory with content and would become a {kind_of(entry)}",
                "the archive holds the same path twice; make it again without one of them",
            )

    def located(self, path: TreePath) -> TreePath:
        """Where a new entry of this path would stand: symlinks among its parents are followed."""
        if path == ROOT or isinstance(self._entries.get(paths.parent(path)), Directory):
            return path  # without the counting
        seen = Counted(self._entries)
        place = locate(seen, path, refuse_absolute=self._strict)
        self._count(seen)
        return place

    def _count(self, seen: "Counted") -> None:
        self._walked += seen.count
        self.weight += self._walked >> _LOG2_STEPS
        self._walked &= (1 << _LOG2_STEPS) - 1

    def _make_parents(self, place: TreePath, entry: Entry) -> None:
        if place != ROOT:
            for directory, parent in missing_parents(self._entries, place, entry):
                self._set(directory, parent)
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
        """The place stops being a name of its inode, which stays under its other names."""
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
    """The entries of a tree, which count the steps of following symlinks through them."""

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
    return 1 + (size >> _LOG2_KILOBYTE)
