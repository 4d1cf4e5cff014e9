"""The tree of a root filesystem, as a value.

The invariants of a `Rootfs`:

* the root is a directory, and every parent of an entry is there and is a directory;
* iteration goes by path components, so a directory comes directly before what it holds;
* the inode behind hard links stands at the first of its names, and every other name is a
  `HardLink` to it with equal metadata, so one tree has one form;
* a symlink is resolved inside the root, as chroot(2) would, never on the machine.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.model.entry import Entry, File, is_implied
from fromscratch.model.invariants import inode_of, order, unlink, with_invariants
from fromscratch.model.merge import Directories, Merge
from fromscratch.model.resolution import locate, walk
from fromscratch.paths import ROOT, TreePath


class Rootfs(Mapping[TreePath, Entry]):
    """An immutable tree. Every change returns a new one."""

    __slots__ = ("_below", "_entries", "_order")

    def __init__(self, entries: Mapping[TreePath, Entry] | None = None) -> None:
        """Missing parents are added as 0755 directories of root.

        Raises Conflict if something lies below what is not a directory, and FormatError if a hard
        link has no inode.
        """
        self._entries = with_invariants(entries or {})
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

        Raises NotInTree, naming the component that is missing, is not a directory, or goes in a circle.
        """
        return walk(self._entries, path, follow_last=follow_last, must_exist=True)

    def find(self, path: str, *, follow_last: bool = True) -> Entry | None:
        """The entry that `path` leads to, or None. A hard link answers with its inode."""
        try:
            return self.inode(self.resolve(path, follow_last=follow_last))
        except NotInTree:
            return None

    def inode(self, path: TreePath) -> Entry:
        """The entry at `path`; for a hard link, the entry that it is another name of."""
        return inode_of(self._entries, self._entries[path])

    def locate(self, path: TreePath) -> TreePath:
        """Where a new entry of this path would stand: symlinks among its parents are followed."""
        return locate(self._entries, path)

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
            self._order = list(self._entries), [order(path) for path in self._entries]
        ordered, keys = self._order
        if top not in self._entries:
            return
        for position in range(bisect_left(keys, order(top)), len(ordered)):
            if not paths.is_within(ordered[position], top):
                return
            yield ordered[position]

    def mapped(self, change: Callable[[TreePath, Entry], Entry]) -> "Rootfs":
        """Every entry put through `change`. A hard link's metadata follows its inode's."""
        return Rootfs({path: change(path, entry) for path, entry in self._entries.items()})

    def without(self, removed: Iterable[TreePath]) -> "Rootfs":
        """The tree without these paths and all below them. An inode stays under its names that are not removed."""
        unwanted = set(removed) - {ROOT}
        if not unwanted:
            return self
        for path in self._entries:
            if paths.parent(path) in unwanted:
                unwanted.add(path)
        entries = dict(self._entries)
        unlink(entries, unwanted)
        return Rootfs(entries)

    def with_entries(self, entries: Mapping[TreePath, Entry]) -> "Rootfs":
        """The tree with these entries at exactly these paths, instead of what stood there."""
        changed = dict(self._entries)
        unlink(changed, {path for path in entries if path in changed})
        changed.update(entries)
        return Rootfs(changed)

    def merged(
        self,
        upper: "Rootfs",
        *,
        replace: bool = False,
        directories: Directories = "agree",
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
        if len(self._entries) == 1 and is_implied(self._entries[ROOT]):
            return upper
        return Rootfs(Merge(self._entries, replace, directories).run(upper))
