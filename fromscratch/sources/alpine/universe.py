"""The packages of all repositories as the solver sees them: names, who provides each, and what each attempt finds out.

The objects are changed while one question is answered, so a universe answers one question.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field

from fromscratch.errors import FormatError
from fromscratch.formats.alpine.dependency import Dependency, parse_dependency
from fromscratch.formats.alpine.index import Package

DEFAULT_TAG = ""


class Listed(Struct, frozen=True):
    """A package and the number of the repository that lists it."""

    package: Package
    repository: int


class Name(Struct, eq=False):
    """A name that packages have or provide.

    `triggered` are names of packages that may come because of this one, in a fixed order.
    `needed` counts the dependencies on it that have to be met; once `is_settled`, `chosen` is its provider or None.
    `rank` is 0 for a name that only its own packages have, 2 for one that they all provide, 1 in between.
    """

    text: str
    providers: list["Provider"] = field(default_factory=list)
    dependants: list["Name"] = field(default_factory=list)
    triggered: dict["Name", None] = field(default_factory=dict)
    is_seen: bool = False
    is_asked_for: bool = False
    rank: int = 0
    depth: int = 0
    needed: int = 0
    is_settled: bool = False
    chosen: "Provider | None" = None
    has_choice: bool = False
    has_trigger: bool = False
    cannot_be_triggered: bool = True
    all_dependants_settled: bool = False
    review_depends: bool = False
    review_trigger: bool = False


class Condition(Struct, eq=False):
    """A dependency and the name that it is on."""

    name: Name
    dependency: Dependency

    def is_met_by(self, provider: "Provider | None") -> bool:
        if provider is None:
            return self.dependency.is_conflict
        return self.dependency.admits(provider.version, provider.candidate.package.checksum)


class Provider(Struct, eq=False):
    """A package as what provides a name, in this version (None: in none that could be compared)."""

    name: Name
    candidate: "Candidate"
    version: str | None


class Candidate(Struct, eq=False):
    """One version of a package.

    `repositories` are numbers of those that list it. `can_be_taken` until something disqualifies it, `disagreements`
    counts the conditions that it does not meet. `allowed` and `preferred` are tags whose repositories may serve it.
    """

    package: Package
    name: Name
    repositories: list[int]
    provides: list[Provider] = field(default_factory=list)
    depends: list[Condition] = field(default_factory=list)
    install_if: list[Condition] = field(default_factory=list)
    is_seen: bool = False
    depth: int = 0
    can_be_taken: bool = True
    disagreements: int = 0
    allowed: set[str] = field(default_factory=lambda: {DEFAULT_TAG})
    is_allowed: bool = False
    is_preferred: bool = False
    is_triggered: bool = False
    trigger_failed: bool = False
    was_merged: bool = False
    was_considered: bool = False


class Universe:
    """All packages. `tags` are those of the repositories, by number; an untagged one has DEFAULT_TAG."""

    def __init__(self, listed: Iterable[Listed], tags: Sequence[str], without: frozenset[str] = frozenset()) -> None:
        self.tags = tags
        self.names: dict[str, Name] = {}
        self._by_checksum: dict[str, Candidate] = {}
        for one in listed:
            self._add(one, without)
        self._link_triggers()

    def name(self, text: str) -> Name:
        found = self.names.get(text)
        if found is None:
            found = self.names[text] = Name(text)
        return found

    def condition(self, dependency: Dependency) -> Condition:
        return Condition(self.name(dependency.name), dependency)

    def conditions(self, text: str, package: Package) -> list[Condition]:
        return [self.condition(one) for one in _parsed(text, package)]

    def tagged(self, candidate: Candidate, tags: Iterable[str]) -> bool:
        """Whether a repository of one of these tags lists the package."""
        return any(self.tags[number] in tags for number in candidate.repositories)

    def seen(self) -> Iterator[Name]:
        return (name for name in self.names.values() if name.is_seen)

    def _add(self, one: Listed, without: frozenset[str]) -> None:
        package = one.package
        present = self._by_checksum.get(package.checksum)
        if present is not None:
            present.repositories.append(one.repository)
            return
        candidate = Candidate(package, self.name(package.name), [one.repository], can_be_taken=package.is_installable)
        self._by_checksum[package.checksum] = candidate
        candidate.name.providers.append(Provider(candidate.name, candidate, package.version))
        for provided in _parsed(package.provides, package):
            name = self.name(provided.name)
            name.providers.append(Provider(name, candidate, provided.version if provided.operator else None))
            candidate.provides.append(name.providers[-1])
        # A package that is left out counts as there, but needs nothing, and nothing brings it by itself.
        if package.name not in without and package.install_if:
            candidate.install_if = self.conditions(package.install_if, package)
        candidate.trigger_failed = not candidate.install_if

    def _link_triggers(self) -> None:
        """Who may be installed because of a name. In a fixed order."""
        for candidate in self._by_checksum.values():
            for condition in candidate.install_if:
                for name in (candidate.name, *(provider.name for provider in candidate.provides)):
                    condition.name.triggered.setdefault(name)


def _parsed(text: str, package: Package) -> Iterator[Dependency]:
    """The dependencies in a field of a package. Raises FormatError."""
    for word in text.split():
        try:
            yield parse_dependency(word)
        except FormatError as error:
            raise FormatError(
                f"the index lists {package} with what cannot be read: {error.message}", error.hint
            ) from error


def discover(universe: Universe, start: Sequence[Name], without: frozenset[str]) -> None:
    """Mark what can be reached from these names, and note who depends on whom among it.

    The `depth` of a name is how long the chains of dependencies below it are, circles cut where they close.
    """
    for name in start:
        if not name.is_seen:
            _visit_all(universe, name, without)
    found = list(universe.seen())
    for name in found:
        own = sum(provider.candidate.name is name for provider in name.providers)
        name.rank = 0 if own == len(name.providers) else 1 if own else 2
        for provider in name.providers:
            for condition in provider.candidate.depends:
                dependants = condition.name.dependants
                if not dependants or dependants[-1] is not name:
                    dependants.append(name)


def _visit_all(universe: Universe, start: Name, without: frozenset[str]) -> None:
    """Depth first, without recursion: chains of dependencies may be as long as somebody likes."""
    work = [_visit(universe, start, without)]
    while work:
        following = next(work[-1], None)
        if following is None:
            work.pop()
        elif not following.is_seen:
            work.append(_visit(universe, following, without))


def _visit(universe: Universe, name: Name, without: frozenset[str]) -> Iterator[Name]:
    """Yields each name that has to be visited before this one goes on."""
    name.is_seen = True
    for provider in name.providers:
        candidate = provider.candidate
        if not candidate.is_seen:
            candidate.is_seen = True
            candidate.is_allowed = candidate.is_preferred = universe.tagged(candidate, (DEFAULT_TAG,))
            if candidate.package.name not in without:
                candidate.depends = universe.conditions(candidate.package.depends, candidate.package)
            for condition in candidate.depends:
                yield condition.name
                candidate.depth = max(candidate.depth, condition.name.depth + 1)
        name.cannot_be_triggered &= candidate.trigger_failed
        name.depth = max(name.depth, candidate.depth)
    for provider in name.providers:
        yield from provider.candidate.name.triggered
        for other in provider.candidate.provides:
            if not other.name.is_seen:
                yield from other.name.triggered
