"""The trees of packages laid together as apk unpacks them, one after the other."""

from collections.abc import Sequence

from msgspec import Struct

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.formats.alpine.dependency import Dependency
from fromscratch.formats.alpine.index import Package
from fromscratch.model.entry import (
    Directory,
    Entry,
    Meta,
    Symlink,
    also_from,
    is_implied,
    with_meta,
)
from fromscratch.model.merge import equal_but_for_time
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath
from fromscratch.transforms.laying import Laying


class Unpacked(Struct, frozen=True):
    """A package's tree, and what its control segment says of files that others have too."""

    package: Package
    tree: Rootfs
    replaces: tuple[Dependency, ...] = ()
    replaces_priority: int = 0

    @property
    def shown(self) -> str:
        return str(self.package)

    def claim_on(self, other: "Unpacked") -> int:
        """The priority with which its files take the place of the other's; -1 if they do not."""
        for dependency in self.replaces:
            if dependency.name == other.package.name and dependency.admits(other.package.version):
                return self.replaces_priority
        return -1


def laid_together(packages: Sequence[Unpacked]) -> Rootfs:
    """One tree of all packages in this order, whose entries say `shown` of their package in their first origin.

    A file in two packages is a conflict unless it is the same, both are built of one source, or one replaces the
    other. Of a folder the owner with the lower numbers counts, and of one owner's modes what they have in common.
    Raises Conflict, naming every path and both packages.
    """
    laying = _Laying({package.shown: package for package in packages})
    laying.put_links()
    for package in packages:
        laying.lay_tree(package, package.tree)
    return laying.whole()


class _Laying(Laying[Unpacked]):
    """By apk's rules."""

    def __init__(self, packages: dict[str, Unpacked]) -> None:
        super().__init__(packages)
        self._links: dict[TreePath, str] = {}

    def put_links(self) -> None:
        """Put the symlinks of the top folder, such as /lib -> usr/lib: the rest is unpacked through them."""
        for package in self.packages.values():
            for name in package.tree.children(ROOT):
                path = TreePath(f"/{name}")
                entry = package.tree[path]
                if isinstance(entry, Symlink) and path not in self._links:
                    self._links[path] = entry.target
                    self.builder.put(path, entry)

    def is_laid(self, path: TreePath, entry: Entry) -> bool:
        return isinstance(entry, Symlink) and self._links.get(path) == entry.target

    def settle(self, path: TreePath, entry: Entry, present: Entry, package: Unpacked) -> Entry | None:
        if isinstance(entry, Directory):
            if isinstance(present, Directory):
                return _joined(entry, present)
            if isinstance(present, Symlink) and self._leads_to_directory(path):
                return None
        elif not isinstance(present, Directory):
            other = self.owner(present)
            if other is package:
                return entry
            if other is not None:
                ours, theirs = package.claim_on(other), other.claim_on(package)
                if package.package.origin and package.package.origin == other.package.origin:
                    return entry
                if theirs > ours:
                    return None
                if ours >= 0:
                    return entry
            if equal_but_for_time(entry, present):
                return also_from(present, entry)
        self.disagree(path, entry, present, package)
        return None

    def _leads_to_directory(self, path: TreePath) -> bool:
        try:
            self.builder.get(paths.join(path, "any"))
        except NotInTree:
            return False
        return True


def _joined(entry: Directory, present: Directory) -> Directory:
    """A folder of two packages."""
    if is_implied(present) or is_implied(entry):
        return entry if is_implied(present) else present
    new, old = entry.meta, present.meta
    if (new.uid, new.gid) == (old.uid, old.gid):
        return with_meta(present, Meta(old.mode & new.mode, old.uid, old.gid, old.mtime, old.xattrs))
    return present if (old.uid, old.gid) < (new.uid, new.gid) else with_meta(present, new)
