"""One tree laid over another: decided entry by entry, with every conflict reported at once."""

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.content import same_bytes
from fromscratch.model.entry import (
    Directory,
    Entry,
    File,
    HardLink,
    Symlink,
    also_from,
    is_implied,
    kind_of,
    with_meta,
)
from fromscratch.model.invariants import hard_link_targets, inode_of, unlink
from fromscratch.model.resolution import walk
from fromscratch.paths import ROOT, TreePath

Directories = Literal["agree", "keep"]
_SHOWN_CONFLICTS = 10


class Merge:
    """One merge of two trees, by the rules of `Rootfs.merged`. Both are mappings with the invariants of a tree."""

    def __init__(self, lower: Mapping[TreePath, Entry], replace: bool, directories: Directories) -> None:
        self.replace, self.directories = replace, directories
        self.entries: dict[TreePath, Entry] = dict(lower)
        self.places: dict[TreePath, TreePath] = {}  # path of the upper tree -> where it landed
        self.placed: set[TreePath] = set()
        self.followed: dict[TreePath, TreePath] = {}  # symlink of the lower tree -> the directory it led to
        self.link_targets = hard_link_targets(self.entries)
        self.conflicts: list[str] = []

    def run(self, upper: Mapping[TreePath, Entry]) -> dict[TreePath, Entry]:
        """The entries of the merged tree. Raises Conflict."""
        for path, entry in upper.items():
            if path != ROOT and self.places.get(paths.parent(path)) is None:
                continue  # below something that is a conflict already
            place = self.place_of(path, entry)
            present = self.entries.get(place)
            if isinstance(entry, HardLink):
                inode_place = self.places.get(entry.target)
                if inode_place is None:
                    continue  # its inode is a conflict already
                inode = self.entries[inode_place]
                entry = replace(entry, target=inode.target if isinstance(inode, HardLink) else inode_place)
            settled = entry if present is None else self.settle(place, present, entry, upper, path)
            if settled is None:
                continue
            self.places[path] = place
            self.placed.add(place)
            if settled is entry and settled is not present:
                self.give_way(place)
            self.entries[place] = settled
            if isinstance(settled, HardLink):
                self.link_targets.add(settled.target)
        self.check_followed()
        if self.conflicts:
            raise _conflict(self.conflicts)
        return self.entries

    def give_way(self, place: TreePath) -> None:
        """Keep an inode under its other names when one of them is replaced."""
        if place in self.link_targets:
            unlink(self.entries, {place})
            self.link_targets = hard_link_targets(self.entries)

    def check_followed(self) -> None:
        """Note a conflict for each symlink that was followed to a directory and then replaced by the same tree."""
        for link, directory in self.followed.items():
            try:
                same = walk(self.entries, link, follow_last=True, must_exist=False) == directory
            except NotInTree:
                same = False
            if not same:
                self.conflicts.append(f"{link}: symlink to {directory} against {described(self.entries[link])}")

    def place_of(self, path: TreePath, entry: Entry) -> TreePath:
        if path == ROOT:
            return ROOT
        place = paths.join(self.places[paths.parent(path)], paths.name(path))
        present = self.entries.get(place)
        if isinstance(entry, Directory) and present and isinstance(inode_of(self.entries, present), Symlink):
            try:
                target = walk(self.entries, place, follow_last=True, must_exist=True)
            except NotInTree:
                return place
            if isinstance(self.entries[target], Directory):
                self.followed[place] = target
                return target
        return place

    def settle(
        self, place: TreePath, present: Entry, entry: Entry, upper: Mapping[TreePath, Entry], path: TreePath
    ) -> Entry | None:
        """The entry for a path that both trees have; None for a conflict, which is noted."""
        if isinstance(present, Directory) and isinstance(entry, Directory):
            return self.settle_directories(place, present, entry)
        if not isinstance(present, Directory) and not isinstance(entry, Directory):
            if isinstance(entry, HardLink) and entry.target == place:
                return also_from(present, entry)
            if equal_but_for_time(inode_of(self.entries, present), inode_of(upper, upper[path])):
                return also_from(present, entry)
            if _gives_way(place, entry) != _gives_way(place, present) and place not in self.placed:
                return present if _gives_way(place, entry) else entry
            # `replace` does not apply to two paths of the upper tree that land in one place.
            if self.replace and place not in self.placed:
                return entry
        self.conflicts.append(f"{place}: {described(present)} against {described(entry)}")
        return None

    def settle_directories(self, place: TreePath, present: Directory, entry: Directory) -> Directory | None:
        if is_implied(entry) or replace(entry.meta, mtime=present.meta.mtime) == present.meta:
            return also_from(present, entry)
        if is_implied(present) or (self.replace and self.directories != "keep"):
            return also_from(with_meta(present, entry.meta), entry)
        if self.directories == "keep" or _is_only_assumed(entry):
            return also_from(present, entry)
        if _is_only_assumed(present):
            return also_from(with_meta(present, entry.meta), entry)
        self.conflicts.append(f"{place}: {described(present)} against {described(entry)}")
        return None


def _gives_way(place: TreePath, entry: Entry) -> bool:
    """Whether any other entry comes before this one: one that is only assumed, or configuration that was found because
    a program would open it, while the other was asked for."""
    found = entry.origins and all(origin.reason == "opened by" for origin in entry.origins)
    return _is_only_assumed(entry) or (bool(found) and place.startswith("/etc/"))


def _is_only_assumed(entry: Entry) -> bool:
    """Whether nobody asked for an entry: it is there since programs count on something there, so any other does."""
    return bool(entry.origins) and all(
        any(link.reason == "assumed by" for link in origin.chain()) for origin in entry.origins
    )


def described(entry: Entry) -> str:
    """An entry in a message about a conflict: its kind, mode and owner, and the source that brought it."""
    target = f" to {entry.target}" if isinstance(entry, Symlink | HardLink) else ""
    source = f" from {entry.origins[0].source}" if entry.origins else ""
    return f"{kind_of(entry)}{target} {entry.meta.mode:04o} {entry.meta.uid}:{entry.meta.gid}{source}"


def _conflict(lines: list[str]) -> Conflict:
    shown = lines[:_SHOWN_CONFLICTS]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more")
    subject = "an entry" if len(lines) == 1 else f"{len(lines)} entries"
    return Conflict(
        f"{subject} would replace what another source brought:\n  " + "\n  ".join(shown),
        "say 'replace: true' on the item that should win, or leave one of them out",
    )


def equal_but_for_time(left: Entry, right: Entry) -> bool:
    """Whether two inodes are the same but for their mtime; contents are compared byte by byte."""
    if type(left) is not type(right) or replace(left.meta, mtime=right.meta.mtime) != right.meta:
        return False
    if isinstance(left, File) and isinstance(right, File):
        return same_bytes(left.content, right.content)
    return with_meta(left, right.meta) == right
