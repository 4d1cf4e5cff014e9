"""The packages of several indexes as one: what exists under a name, and what satisfies a relation."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from msgspec import Struct

from fromscratch.formats.debian.index import Package
from fromscratch.formats.debian.version import Relation, VersionKey, version_key
from fromscratch.unsatisfied import near

# How much Debian itself counts on a package: Policy 2.5. Of several providers the more common is taken, and of equals
# the one that more packages name.
_PRIORITIES = {"required": 0, "important": 1, "standard": 2, "optional": 3, "extra": 4}


class Index(Protocol):
    """One list of packages."""

    def with_name(self, name: str) -> list[Package]: ...

    def providers(self, virtual: str) -> list[str]: ...

    def names(self) -> Iterable[str]: ...

    def mentions(self, names: Collection[str]) -> Mapping[str, int]: ...

    def essential(self) -> Iterable[str]: ...


class Source(Struct, frozen=True):
    """Where packages come from: what is not `automatic` counts less than everything that is."""

    suite: str
    automatic: bool = True


class Catalogue:
    """All indexes together, for one architecture. Every answer is in a fixed order, the best first.

    `sources` is what the `archive` of a package counts through.
    """

    def __init__(self, indexes: Sequence[Index], architecture: str, sources: Sequence[Source] = ()) -> None:
        self.architecture = architecture
        self.sources = sources or (Source(""),)
        self._indexes = indexes
        self._with_name: dict[str, tuple[Package, ...]] = {}
        self._satisfying: dict[Relation, tuple[Package, ...]] = {}

    def with_name(self, name: str) -> tuple[Package, ...]:
        """Every version of the real package, the best first; the earlier index wins a tie."""
        if name not in self._with_name:
            found: dict[tuple[str, str], Package] = {}
            for index in self._indexes:
                for package in index.with_name(name):
                    if package.architecture in (self.architecture, "all"):
                        found.setdefault((package.version, package.architecture), package)
            self._with_name[name] = tuple(sorted(found.values(), key=self._merit, reverse=True))
        return self._with_name[name]

    def satisfying(self, relation: Relation) -> tuple[Package, ...]:
        """What satisfies the relation: the real package's versions first, then those that provide it."""
        if relation not in self._satisfying:
            real = [package for package in self.with_name(relation.name) if satisfies(package, relation)]
            names = {name for index in self._indexes for name in index.providers(relation.name)} - {relation.name}
            virtual = [package for name in names for package in self.with_name(name) if satisfies(package, relation)]
            virtual.sort(key=self._merit, reverse=True)
            self._sort_by_use(virtual, decide=not real)
            self._satisfying[relation] = (*real, *virtual)
        return self._satisfying[relation]

    def _sort_by_use(self, providers: list[Package], *, decide: bool) -> None:
        """The most common first; to `decide` between equals, the indexes are read for who names them."""
        names = {package.name for package in providers}
        counts: Counter[str] = Counter()
        if decide and len(names) > 1:
            for index in self._indexes:
                counts.update(index.mentions(names))
        providers.sort(key=lambda package: (_PRIORITIES.get(package.priority, 9), -counts[package.name], package.name))

    def _merit(self, package: Package) -> tuple[bool, VersionKey]:
        return self.sources[package.archive].automatic, version_key(package.version)

    def near(self, name: str) -> list[str]:
        """Names much like this one, the nearest first."""
        return near(name, self._all_names)

    @cached_property
    def _all_names(self) -> list[str]:
        return sorted({name for index in self._indexes for name in index.names()})

    @cached_property
    def essential(self) -> frozenset[str]:
        """The names of the packages that every other may count on without a dependency: Policy 3.8."""
        return frozenset(name for index in self._indexes for name in index.essential() if self.with_name(name))

    def versions(self, names: Iterable[str]) -> Iterator[Package]:
        for name in names:
            yield from self.with_name(name)


def satisfies(package: Package, relation: Relation) -> bool:
    """Whether this package is what the relation names, itself or by its Provides: Policy 7.5."""
    if package.name == relation.name and relation.admits(package.version):
        return True
    return any(
        not relation.operator or (entry.operator == "=" and relation.admits(entry.version))
        for entry in package.provided(relation.name)
    )
