"""The trees of packages laid one after the other into one: what all package managers do alike, and say alike."""

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from msgspec.structs import replace

from fromscratch.errors import Conflict, NotInTree
from fromscratch.model.builder import TreeBuilder
from fromscratch.model.entry import Directory, Entry, HardLink, kind_of
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath

_SHOWN = 10


class AnyPackage(Protocol):
    """A package, as messages and the first origin of its files call it."""

    @property
    def shown(self) -> str: ...


P = TypeVar("P", bound=AnyPackage)


class Laying(Generic[P]):
    """Puts package after package into one builder, and collects what is at odds.

    A subclass says in `settle` what becomes of a path that two packages have.
    """

    def __init__(self, packages: Mapping[str, P]) -> None:
        self.packages = packages
        self.builder = TreeBuilder()
        self.conflicts: list[str] = []

    def settle(self, path: TreePath, entry: Entry, present: Entry, package: P) -> Entry | None:
        """What is to be put where something stands already; None to leave that."""
        raise NotImplementedError

    def is_laid(self, path: TreePath, entry: Entry) -> bool:
        """Whether an entry was put before all packages, such as a symlink that the rest is unpacked through."""
        return False

    def lay_tree(self, package: P, tree: Rootfs) -> None:
        """Put the whole tree of a package."""
        left_out: set[TreePath] = set()
        for path, entry in tree.items():
            if path == ROOT or self.is_laid(path, entry):
                continue
            if isinstance(entry, HardLink) and entry.target in left_out:
                entry = replace(tree.inode(path), origins=entry.origins)
            try:
                present = self.builder.get(path)
                settled = entry if present is None else self.settle(path, entry, present, package)
                if settled is not None:
                    self.builder.put(path, settled)
                elif not isinstance(entry, Directory):
                    left_out.add(path)
            except (NotInTree, Conflict) as error:
                self.conflicts.append(f"{path} of {package.shown}: {error.message}")

    def owner(self, present: Entry) -> P | None:
        """The package that an entry is of."""
        return self.packages.get(present.origins[0].detail) if present.origins else None

    def disagree(self, path: TreePath, entry: Entry, present: Entry, package: P) -> None:
        """Take note that two packages have something else at a path."""
        owner = present.origins[0].detail if present.origins else "another package"
        self.conflicts.append(f"{path}: {kind_of(present)} of {owner} against {kind_of(entry)} of {package.shown}")

    def whole(self) -> Rootfs:
        """The tree of all packages. Raises Conflict, naming every path and both packages."""
        if self.conflicts:
            more = len(self.conflicts) - _SHOWN
            shown = [*self.conflicts[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
            raise Conflict(
                "packages disagree about what stands at a path:\n  " + "\n  ".join(shown),
                "name one of the two packages under exclude:",
            )
        return self.builder.build()
