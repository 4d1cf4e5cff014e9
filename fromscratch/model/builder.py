"""A tree that grows entry by entry, in the order of an archive."""

from dataclasses import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, kind_of
from fromscratch.model.invariants import add_parents, linked, unlink
from fromscratch.model.resolution import locate
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath


class TreeBuilder:
    """Collects entries in the order of an archive and makes a `Rootfs` of them.

    A later entry replaces an earlier one of the same path, as tar(5) archives mean it.
    """

    def __init__(self, *, forbid_absolute_links: bool = False, below: Rootfs | None = None) -> None:
        """`forbid_absolute_links` refuses an entry that would be written through an absolute
        symlink that was put before: no honest archive has one, and it is how an archive escapes
        the folder it is unpacked in. A hard link may name a file of `below`, the tree that this one is
        laid over; that file is then in this tree too, by all its names."""
        self._entries: dict[TreePath, Entry] = {ROOT: Directory(Meta(0o755))}
        self._linked: set[TreePath] = set()  # where the inodes of hard links stand
        self._strict = forbid_absolute_links
        self._below = Rootfs() if below is None else below

    def put(self, path: TreePath, entry: Entry) -> TreePath:
        """Put `entry` where `path` leads; the answer is that place.

        Raises Conflict when a directory with content would give way to something else, UnsafePath
        for what `forbid_absolute_links` refuses, FormatError for a hard link to what is not there.
        """
        place = locate(self._entries, path, refuse_absolute=self._strict)
        present = self._entries.get(place)
        if isinstance(entry, HardLink):
            target = locate(self._entries, entry.target, refuse_absolute=self._strict)
            if target not in self._entries:
                target = self._borrowed(target)
            inode = self._entries.get(target)
            if isinstance(inode, HardLink):
                target, inode = inode.target, self._entries[inode.target]
            if inode is None or isinstance(inode, Directory):
                raise FormatError(
                    f"{path} is a hard link to {entry.target}, which is not a file before it in the archive",
                    "the archive is damaged or cut; make it again",
                )
            if target == place:
                return place
            entry = replace(entry, target=target, meta=inode.meta)
        if isinstance(present, Directory) and not isinstance(entry, Directory) and self._has_content(place):
            raise Conflict(
                f"{path} is a directory with content and would become a {kind_of(entry)}",
                "the archive holds the same path twice; make it again without one of them",
            )
        if place in self._linked:
            unlink(self._entries, {place})
            self._linked = linked(self._entries)
        if place != ROOT:
            add_parents(self._entries, place, entry)
        self._entries[place] = entry
        if isinstance(entry, HardLink):
            self._linked.add(entry.target)
        return place

    def _borrowed(self, path: TreePath) -> TreePath:
        """Where a file of the tree below stands, now here too; `path` itself if there is none."""
        present = self._below.find(path, follow_last=False)
        if present is None or isinstance(present, Directory):
            return path
        place = self._below.resolve(path, follow_last=False)
        found = self._below[place]
        target = found.target if isinstance(found, HardLink) else place
        names = [name for name, entry in self._below.items() if isinstance(entry, HardLink) and entry.target == target]
        for name in [name for name in (target, *names) if name not in self._entries]:
            add_parents(self._entries, name, self._below[name])
            self._entries[name] = self._below[name]
            self._linked.add(target)
        return target

    def get(self, path: TreePath) -> Entry | None:
        """What stands at the place `path` leads to."""
        return self._entries.get(locate(self._entries, path))

    def _has_content(self, place: TreePath) -> bool:
        return place == ROOT or any(paths.parent(other) == place for other in self._entries)

    def build(self) -> Rootfs:
        """The tree so far."""
        return Rootfs(self._entries)
