"""The tree of a root filesystem, as a value.

What always holds of a `Rootfs`:

* the root is a directory, and every parent of an entry is there and is a directory;
* iteration goes by path components, so a directory comes directly before what it holds;
* the inode behind hard links stands at the first of its names, and every other name is a
  `HardLink` to it with equal metadata, so one tree has one form;
* a symlink is resolved inside the root, as chroot(2) would, never on the machine.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError, NotInTree, UnsafePath
from fromscratch.model.content import Content, same_bytes
from fromscratch.model.entry import (
    Device,
    Directory,
    Entry,
    Fifo,
    File,
    HardLink,
    Meta,
    Origin,
    Symlink,
    also_from,
    with_meta,
)
from fromscratch.paths import ROOT, TreePath

# The limit of the Linux kernel on symlinks in one resolution: path_resolution(7), MAXSYMLINKS.
MAX_SYMLINKS = 40
_SHOWN_CONFLICTS = 10


class Rootfs(Mapping[TreePath, Entry]):
    """An immutable tree. Every change returns a new one."""

    __slots__ = ("_below", "_entries", "_order")

    def __init__(self, entries: Mapping[TreePath, Entry] | None = None) -> None:
        """Missing parents are added as 0755 directories of root.

        Raises Conflict if something lies below what is no directory, and FormatError if a hard
        link has no inode.
        """
        self._entries = _sealed(entries or {})
        self._order: tuple[list[TreePath], list[str]] | None = None
        self._below: dict[TreePath, list[str]] | None = None

    def __getitem__(self, path: TreePath) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[TreePath]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: object) -> bool:
        return path in self._entries

    def __repr__(self) -> str:
        return f"<Rootfs of {len(self)} entries, {self.size} bytes>"

    @property
    def size(self) -> int:
        """The bytes of all regular files, each inode once."""
        return sum(entry.content.size for entry in self._entries.values() if isinstance(entry, File))

    def resolve(self, path: str, *, follow_last: bool = True) -> TreePath:
        """Where `path` leads inside the root. A `..` above the root stays at the root.

        Raises NotInTree, naming the component that is missing, is no directory, or goes in a circle.
        """
        return _walk(self._entries, path, follow_last=follow_last, must_exist=True)

    def find(self, path: str, *, follow_last: bool = True) -> Entry | None:
        """The entry that `path` leads to, or None. A hard link answers with its inode."""
        try:
            return self.inode(self.resolve(path, follow_last=follow_last))
        except NotInTree:
            return None

    def inode(self, path: TreePath) -> Entry:
        """The entry at `path`; for a hard link, the entry that it is another name of."""
        entry = self._entries[path]
        return self._entries[entry.target] if isinstance(entry, HardLink) else entry

    def locate(self, path: TreePath) -> TreePath:
        """Where a new entry of this path would stand: symlinks among its parents are followed."""
        return _locate(self._entries, path)

    def children(self, directory: TreePath) -> list[str]:
        """The names in a directory, sorted; empty for anything else."""
        if self._below is None:
            below: dict[TreePath, list[str]] = {}
            for path in self._entries:
                if path != ROOT:
                    below.setdefault(paths.parent(path), []).append(paths.name(path))
            self._below = below
        return self._below.get(directory, [])

    def within(self, top: TreePath) -> Iterator[TreePath]:
        """`top` and every path below it, in order."""
        if self._order is None:
            self._order = list(self._entries), [_order(path) for path in self._entries]
        ordered, keys = self._order
        if top not in self._entries:
            return
        for position in range(bisect_left(keys, _order(top)), len(ordered)):
            if not paths.is_within(ordered[position], top):
                return
            yield ordered[position]

    def mapped(self, change: Callable[[TreePath, Entry], Entry]) -> "Rootfs":
        """Every entry put through `change`. A hard link's metadata follows its inode's."""
        return Rootfs({path: change(path, entry) for path, entry in self._entries.items()})

    def without(self, gone: Iterable[TreePath]) -> "Rootfs":
        """The tree less these paths and all below them. Further names of a removed inode live on."""
        unwanted = set(gone) - {ROOT}
        if not unwanted:
            return self
        for path in self._entries:
            if paths.parent(path) in unwanted:
                unwanted.add(path)
        kept = dict(self._entries)
        _unlink(kept, unwanted)
        return Rootfs(kept)

    def with_entries(self, entries: Mapping[TreePath, Entry]) -> "Rootfs":
        """The tree with these entries at exactly these paths, instead of what stood there."""
        changed = dict(self._entries)
        _unlink(changed, {path for path in entries if path in changed})
        changed.update(entries)
        return Rootfs(changed)

    def merged(
        self,
        upper: "Rootfs",
        *,
        replace: bool = False,
        directories: Literal["agree", "keep"] = "agree",
    ) -> "Rootfs":
        """This tree with `upper` laid over it.

        A path of `upper` follows the symlinks among its parents, and a directory of `upper` that
        meets a symlink to a directory merges into that directory: what a package ships as
        /lib/x lands in /usr/lib/x of a merged root. Entries that are alike keep both reasons.

        Entries that differ are a conflict, unless `replace`, which takes the upper one; a
        directory and a non-directory never replace each other. A directory in both trees must
        agree in mode and owner, or with `directories="keep"` keeps this tree's.
        Raises Conflict, naming every path and both sides.
        """
        return _Merge(self, replace, directories).run(upper)


class TreeBuilder:
    """Collects entries in the order of an archive and makes a `Rootfs` of them.

    A later entry replaces an earlier one of the same path, as tar(5) archives mean it.
    """

    def __init__(self, *, forbid_absolute_links: bool = False) -> None:
        """`forbid_absolute_links` refuses an entry that would be written through an absolute
        symlink that was put before: no honest archive has one, and it is how an archive escapes
        the folder it is unpacked in."""
        self._entries: dict[TreePath, Entry] = {ROOT: Directory(Meta(0o755))}
        self._linked: set[TreePath] = set()  # where the inodes of hard links stand
        self._strict = forbid_absolute_links

    def put(self, path: TreePath, entry: Entry) -> TreePath:
        """Put `entry` where `path` leads; the answer is that place.

        Raises Conflict when a directory with content would give way to something else, UnsafePath
        for what `forbid_absolute_links` refuses, FormatError for a hard link to what is not there.
        """
        place = _locate(self._entries, path, refuse_absolute=self._strict)
        present = self._entries.get(place)
        if isinstance(entry, HardLink):
            target = _locate(self._entries, entry.target, refuse_absolute=self._strict)
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
            self._linked.add(target)
        if isinstance(present, Directory) and not isinstance(entry, Directory) and self._has_content(place):
            raise Conflict(
                f"{path} is a directory with content and would become a {kind_of(entry)}",
                "the archive holds the same path twice; make it again without one of them",
            )
        if place in self._linked:
            _unlink(self._entries, {place})
            self._linked = {other.target for other in self._entries.values() if isinstance(other, HardLink)}
        if place != ROOT:
            _add_parents(self._entries, place, entry)
        self._entries[place] = entry
        return place

    def get(self, path: TreePath) -> Entry | None:
        """What stands at the place `path` leads to."""
        return self._entries.get(_locate(self._entries, path))

    def _has_content(self, place: TreePath) -> bool:
        return place == ROOT or any(paths.parent(other) == place for other in self._entries)

    def build(self) -> Rootfs:
        """The tree so far."""
        return Rootfs(self._entries)


class _Merge:
    """One laying of a tree over another: decides entry by entry, and reports every conflict at once."""

    def __init__(self, lower: Rootfs, replace: bool, directories: Literal["agree", "keep"]) -> None:
        self.lower, self.replace, self.directories = lower, replace, directories
        self.entries: dict[TreePath, Entry] = dict(lower)
        self.places: dict[TreePath, TreePath] = {}  # path of the upper tree -> where it landed
        self.taken: set[TreePath] = set()
        self.followed: dict[TreePath, TreePath] = {}  # symlink of the lower tree -> the directory it led to
        self.conflicts: list[str] = []

    def run(self, upper: Rootfs) -> Rootfs:
        for path, entry in upper.items():
            if path != ROOT and self.places.get(paths.parent(path)) is None:
                continue  # below something that is a conflict already
            place = self.place_of(path, entry)
            present = self.entries.get(place)
            if isinstance(entry, HardLink):
                inode_place = self.places.get(entry.target)
                if inode_place is None:
                    continue  # its inode is a conflict already
                entry = replace(entry, target=inode_place)
            settled = entry if present is None else self.settle(place, present, entry, upper, path)
            if settled is None:
                continue
            self.places[path] = place
            self.taken.add(place)
            if settled is not present:
                if present is not None and not isinstance(present, Directory):
                    _unlink(self.entries, {place})
                self.entries[place] = settled
        self.check_followed()
        if self.conflicts:
            raise _conflict(self.conflicts)
        return Rootfs(self.entries)

    def check_followed(self) -> None:
        """Note a symlink that led somewhere and then gave way to something of the same tree."""
        for link, directory in self.followed.items():
            try:
                same = _walk(self.entries, link, follow_last=True, must_exist=False) == directory
            except NotInTree:
                same = False
            if not same:
                self.conflicts.append(f"{link}: symlink to {directory} against {_described(self.entries[link])}")

    def place_of(self, path: TreePath, entry: Entry) -> TreePath:
        if path == ROOT:
            return ROOT
        place = paths.join(self.places[paths.parent(path)], paths.name(path))
        present = self.entries.get(place)
        if isinstance(entry, Directory) and present and isinstance(_inode(self.entries, present), Symlink):
            try:
                target = _walk(self.entries, place, follow_last=True, must_exist=True)
            except NotInTree:
                return place
            if isinstance(self.entries[target], Directory):
                self.followed[place] = target
                return target
        return place

    def settle(self, place: TreePath, present: Entry, entry: Entry, upper: Rootfs, path: TreePath) -> Entry | None:
        """The entry for a path that both trees have; None after noting a conflict."""
        if isinstance(present, Directory) and isinstance(entry, Directory):
            return self.settle_directories(place, present, entry)
        if not isinstance(present, Directory) and not isinstance(entry, Directory):
            if isinstance(entry, HardLink) and entry.target == place:
                return also_from(present, entry)
            if _alike(_inode(self.entries, present), upper.inode(path)):
                return also_from(present, entry)
            # Two paths of the upper tree that land in one place are no matter of upper and lower.
            if self.replace and place not in self.taken:
                return entry
        self.conflicts.append(f"{place}: {_described(present)} against {_described(entry)}")
        return None

    def settle_directories(self, place: TreePath, present: Directory, entry: Directory) -> Directory | None:
        if is_implied(entry) or replace(entry.meta, mtime=present.meta.mtime) == present.meta:
            return also_from(present, entry)
        if is_implied(present) or (self.replace and self.directories != "keep"):
            return also_from(with_meta(present, entry.meta), entry)
        if self.directories == "keep":
            return also_from(present, entry)
        self.conflicts.append(f"{place}: {_described(present)} against {_described(entry)}")
        return None


def is_implied(entry: Entry) -> bool:
    """Whether a directory is there only because something lies below it."""
    return isinstance(entry, Directory) and all(origin.reason == "parent of" for origin in entry.origins)


def kind_of(entry: Entry) -> str:
    """The word for a kind of entry, as messages use it."""
    match entry:
        case Directory():
            return "directory"
        case File():
            return "file"
        case Symlink():
            return "symlink"
        case HardLink():
            return "hard link"
        case Device():
            return "character device" if entry.kind == "c" else "block device"
        case Fifo():
            return "FIFO"


def _described(entry: Entry) -> str:
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


def _alike(left: Entry, right: Entry) -> bool:
    """Whether two inodes are the same but for their time."""
    if type(left) is not type(right) or replace(left.meta, mtime=right.meta.mtime) != right.meta:
        return False
    if isinstance(left, File) and isinstance(right, File):
        return same_bytes(left.content, right.content)
    return with_meta(left, right.meta) == right


def _inode(entries: Mapping[TreePath, Entry], entry: Entry) -> Entry:
    return entries[entry.target] if isinstance(entry, HardLink) else entry


def _walk(
    entries: Mapping[TreePath, Entry],
    path: str,
    *,
    follow_last: bool,
    must_exist: bool,
    refuse_absolute: bool = False,
) -> TreePath:
    pending = _steps(path)
    here = ROOT
    links = 0
    while pending:
        part = pending.pop()
        if part == "..":
            here = paths.parent(here)
        if part in (".", ".."):
            continue
        step = paths.join(here, part)
        entry = entries.get(step)
        if isinstance(entry, HardLink):  # a symlink can have several names too
            entry = entries[entry.target]
        if isinstance(entry, Symlink) and (pending or follow_last):
            links += 1
            if links > MAX_SYMLINKS:
                raise NotInTree(f"{path}: the symlink {step} goes round in a circle", "mend one of the links")
            if entry.target.startswith("/"):
                if refuse_absolute:
                    raise UnsafePath(
                        f"{path} would be written through the absolute symlink {step} -> {entry.target}",
                        "the archive tries to leave the folder it is unpacked in; do not trust it",
                    )
                here = ROOT
            pending.extend(_steps(entry.target))
            continue
        if entry is None and must_exist:
            raise NotInTree(f"{path} is not in the tree: there is no {step}", "ls shows what is there")
        if pending and entry is not None and not isinstance(entry, Directory):
            raise NotInTree(f"{path} is not in the tree: {step} is a {kind_of(entry)}", "ls shows what is there")
        here = step
    return here


def _steps(path: str) -> list[str]:
    """The components of a path, the last first. A slash at the end asks for a directory, as `.` does."""
    steps = [part for part in reversed(path.split("/")) if part]
    return [".", *steps] if path.endswith("/") and steps else steps


def _locate(entries: Mapping[TreePath, Entry], path: TreePath, *, refuse_absolute: bool = False) -> TreePath:
    if path == ROOT or isinstance(entries.get(paths.parent(path)), Directory):
        return path  # the common case: parents in a tree are never symlinks themselves
    return _walk(entries, path, follow_last=False, must_exist=False, refuse_absolute=refuse_absolute)


def _add_parents(entries: dict[TreePath, Entry], path: TreePath, child: Entry) -> None:
    directory = paths.parent(path)
    while directory not in entries:
        because = child.origins[0] if child.origins else None
        reason = (Origin(because.source, "parent of", path, because),) if because else ()
        entries[directory] = Directory(Meta(0o755), reason)
        directory = paths.parent(directory)
    holder = entries[directory]
    if not isinstance(holder, Directory):
        raise Conflict(
            f"{path} would lie below {directory}, which is a {kind_of(holder)}",
            "leave one of the two out, or remove the other with a whiteout first",
        )


def _unlink(entries: dict[TreePath, Entry], gone: set[TreePath]) -> None:
    """Remove these names; an inode that has further names moves to the first of them."""
    orphans: dict[TreePath, list[TreePath]] = {}
    for path, entry in entries.items():
        if isinstance(entry, HardLink) and entry.target in gone and path not in gone:
            orphans.setdefault(entry.target, []).append(path)
    for target, names in orphans.items():
        names.sort(key=paths.sort_key)
        inode = entries[target]
        for path in names[1:]:
            entries[path] = HardLink(inode.meta, names[0], entries[path].origins)
        entries[names[0]] = also_from(replace(inode, origins=entries[names[0]].origins), inode)
    for path in gone:
        entries.pop(path, None)


def _sealed(given: Mapping[TreePath, Entry]) -> dict[TreePath, Entry]:
    """The entries with every invariant of `Rootfs` established."""
    entries = dict(given)
    entries.setdefault(ROOT, Directory(Meta(0o755)))
    for path in given:
        if path == ROOT:
            if not isinstance(entries[ROOT], Directory):
                raise Conflict("the root of a tree must be a directory", "mend the source that made it")
        elif not isinstance(entries.get(paths.parent(path)), Directory):
            _add_parents(entries, path, entries[path])
    ordered = {path: entries[path] for path in sorted(entries, key=_order)}
    _seal_hard_links(ordered)
    return ordered


def _order(path: TreePath) -> str:
    return "" if path == ROOT else paths.sort_key(path)


def _seal_hard_links(ordered: dict[TreePath, Entry]) -> None:
    """Put every inode at its first name and give its links its metadata."""
    groups: dict[TreePath, list[TreePath]] = {}
    for path, entry in ordered.items():
        if isinstance(entry, HardLink):
            groups.setdefault(entry.target, []).append(path)
    for target, names in groups.items():
        inode = ordered.get(target)
        if inode is None or isinstance(inode, Directory | HardLink):
            raise FormatError(
                f"{names[0]} is a hard link to {target}, which is not a file of the tree",
                "bring the file itself too, or make it a symlink",
            )
        first = min([target, *names], key=_order)
        if first != target:
            ordered[target], ordered[first] = (
                HardLink(inode.meta, first, inode.origins),
                replace(inode, origins=ordered[first].origins),
            )
        for path in [target, *names]:
            entry = ordered[path]
            if isinstance(entry, HardLink) and (entry.target, entry.meta) != (first, inode.meta):
                ordered[path] = replace(entry, target=first, meta=inode.meta)


def file(content: Content, *origins: Origin, mode: int = 0o644, uid: int = 0, gid: int = 0) -> File:
    """A regular file of root that we make ourselves."""
    return File(Meta(mode, uid, gid), content, origins)
