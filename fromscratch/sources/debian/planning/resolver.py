"""Which packages have to be there: a pure function of what was asked for and what exists.

Greedy, and in a fixed order: what was asked for first, then what leaves no choice, then choices
(the first alternative that can be had, unless one is there already), then recommendations. Of a
package's versions the highest is taken, unless another package insists on a lower one. A choice
that leads nowhere is taken back and the next is tried.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from msgspec import Struct, field

from fromscratch import unsatisfied
from fromscratch.advice import Command, advice
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.debian.index import Package
from fromscratch.formats.debian.version import Alternatives, Relation, parse_relations, shown
from fromscratch.sources.debian.package_request import PackageRequest
from fromscratch.sources.debian.planning.catalogue import Catalogue, satisfies
from fromscratch.sources.debian.planning.choices import advice_for, asked_relation, candidates, refusals
from fromscratch.sources.debian.planning.selection import Assumption, Request, Selected
from fromscratch.unsatisfied import Involved, Requirement


def resolve(catalogue: Catalogue, request: Request) -> list[Selected]:
    """The packages, sorted by name. Raises ImageError with the chain that leads to what is missing or at odds."""
    asked = {requested.name for requested in request.packages}
    limits = _Limits()
    first: ImageError | None = None
    while True:
        attempt = _Attempt(catalogue, request, limits)
        try:
            attempt.run()
        except _DeadEnd as end:
            first = first or end.error
            if not limits.learn(end, asked):
                raise first from None
        else:
            return [attempt.chosen[name] for name in sorted(attempt.chosen)]


class _DeadEnd(Exception):
    """An attempt failed: without `culprit`, or with `narrower` for a package's version, another may succeed."""

    def __init__(self, error: ImageError, culprit: str = "", narrower: Relation | None = None) -> None:
        super().__init__(error.message)
        self.error, self.culprit, self.narrower = error, culprit, narrower


class _Limits(Struct):
    """What earlier attempts have taught: packages that lead nowhere, and versions that others insist on."""

    avoided: set[str] = field(default_factory=set)
    versions: dict[str, set[Relation]] = field(default_factory=dict)

    def learn(self, end: _DeadEnd, asked: set[str]) -> bool:
        """Whether another attempt can end differently."""
        if end.narrower is not None:
            known = self.versions.setdefault(end.narrower.name, set())
            if end.narrower not in known:
                known.add(end.narrower)
                return True
        if not end.culprit or end.culprit in asked or end.culprit in self.avoided:
            return False
        self.avoided.add(end.culprit)
        return True

    def admit(self, package: Package) -> bool:
        return package.name not in self.avoided and all(
            relation.admits(package.version) for relation in self.versions.get(package.name, ())
        )


_Need = tuple[str, str, Alternatives]  # the package that has it, the field, the alternatives


class _Attempt:
    """One pass. Raises _DeadEnd."""

    def __init__(self, catalogue: Catalogue, request: Request, limits: _Limits) -> None:
        self.catalogue, self.request, self.limits = catalogue, request, limits
        self.chosen: dict[str, Selected] = {}
        self._below = {package.name: Selected(package) for package in request.below}
        self._present: dict[str, list[Package]] = {}
        self._enemies: dict[str, list[tuple[Package, str, Relation]]] = {}
        self._firm: deque[_Need] = deque()
        self._open: deque[_Need] = deque()
        self._welcome: deque[_Need] = deque()
        for package in request.below:
            self._note(package)

    def run(self) -> None:
        for requested in self.request.packages:
            if self._is_below(requested):
                continue
            package = self._asked_for(requested)
            if package.name not in self.chosen:
                self._refuse_enemies(package, Selected(package))
                self._take(Selected(package))
        self._settle_all()
        for assumption in self.request.assumed:
            self._assume(assumption)
        self._settle_all()
        for name in self.request.alone:
            if name not in self.chosen and not self._is_whole_below(name):
                package = self._alone(name)
                self._refuse_enemies(package, Selected(package))
                self.chosen[name] = Selected(package)

    def _assume(self, assumption: Assumption) -> None:
        """Take an Essential package, unless it cannot be there beside what was asked for."""
        if assumption.name in self.chosen or self._is_whole_below(assumption.name):
            return
        by = assumption.by if assumption.by in self.chosen else ""
        because = ("assumes", assumption.reason) if by else ("", "")
        for package in self.catalogue.with_name(assumption.name):
            selected = Selected(package, by, *because, assumed=assumption.reason)
            if self.limits.admit(package):
                with suppress(_DeadEnd):
                    self._refuse_enemies(package, selected)
                    self._take(selected)
                return

    def _settle_all(self) -> None:
        while self._firm or self._open or self._welcome:
            if self._firm:
                self._settle(*self._firm.popleft())
            elif self._open:
                self._settle(*self._open.popleft())
            else:
                self._settle(*self._welcome.popleft(), optional=True)

    def _alone(self, name: str) -> Package:
        conditions, every = self.request.alone[name], self.catalogue.with_name(name)
        for package in every:
            if all(relation.admits(package.version) for relation in conditions):
                return package
        if every:
            asked, versions = ", ".join(map(str, conditions)), ", ".join(package.version for package in every)
            message = f"the slice of {name} in {self.request.place} is for {asked}; there is {versions}"
            call = Command(("slice", "check", "FILE"))
            hint = advice("see with `", call, "` which of its files that has, and widen versions: in the slice")
        else:
            message = f"no index has {name}, of which a slice is in {self.request.place}"
            hint = advice(advice_for(self.catalogue, (Relation(name),)))
        raise _DeadEnd(ImageError(message, hint))

    def _asked_for(self, requested: PackageRequest) -> Package:
        asked = f"asked for in {self.request.place}"
        if requested.name in self.request.exclude:
            raise UsageError(f"{requested.name} is {asked} and excluded too", "take it out of one of the two lists")
        if requested.architecture not in ("", "any", "all", self.catalogue.architecture):
            raise UsageError(
                f"{requested.text} is {asked}, but the image is for {self.catalogue.architecture}",
                "a tree holds packages of one architecture: build for another platform",
            )
        partial = self._below.get(requested.name)
        same = partial.package.version if partial else ""
        for package in sorted(candidates(self.catalogue, requested), key=lambda each: each.version != same):
            if requested.is_exact or self.limits.admit(package):
                return package
        hint = advice_for(self.catalogue, (asked_relation(requested),))
        if requested.version and self.request.older and self.catalogue.with_name(requested.name):
            hint += f" For a version that was there before, {self.request.older}"
        raise _DeadEnd(unsatisfied.no_index_has(requested.text, self.request.place, hint))

    def _is_whole_below(self, name: str) -> bool:
        return name in self._below and name not in self.request.partial

    def _is_below(self, requested: PackageRequest) -> bool:
        """Whether what was asked for is there already. Raises ImageError for another version of it."""
        if not self._is_whole_below(requested.name):
            return False
        present = self._below[requested.name]
        relation = asked_relation(requested)
        if not relation.admits(present.package.version):
            wish = Involved(requested.name, requested.text)
            raise unsatisfied.versions_disagree(wish, self._involved(present), str(relation), self.request.place)
        return True

    def _note(self, package: Package) -> None:
        """Note what a package that is there provides, and what it does not go with."""
        provided = (group[0].name for group in parse_relations(package.provides))
        for name in dict.fromkeys(chain([package.name], provided)):
            self._present.setdefault(name, []).append(package)
        for word, relation in refusals(package, self.catalogue.architecture):
            self._enemies.setdefault(relation.name, []).append((package, word, relation))

    def _take(self, selected: Selected) -> None:
        package = selected.package
        self.chosen[package.name] = selected
        self._note(package)
        for word, text in (("Pre-Depends", package.pre_depends), ("Depends", package.depends)):
            for alternatives in parse_relations(text):
                serves_scripts = selected.assumed and word == "Depends"
                if not (serves_scripts and any(one.name in self.request.essential for one in alternatives)):
                    self._queue(alternatives).append((package.name, word, alternatives))
        if self.request.recommends:
            for alternatives in parse_relations(package.recommends):
                self._welcome.append((package.name, "Recommends", alternatives))

    def _queue(self, alternatives: Alternatives) -> deque[_Need]:
        names = {package.name for relation in alternatives for package in self.catalogue.satisfying(relation)}
        return self._firm if len(names) < 2 else self._open

    def _settle(self, by: str, word: str, alternatives: Alternatives, optional: bool = False) -> None:
        """Choose a package for a need that is not met yet."""
        here = self.catalogue.architecture
        relations = [one for one in alternatives if one.counts_on(here)]
        if not relations or any(self._is_met(relation) for relation in relations):
            return
        hindrance: _DeadEnd | None = None
        for relation in relations:
            if relation.qualifier not in ("", "any", "native", here):
                continue
            for package in self.catalogue.satisfying(relation):
                because = Selected(package, by, word, shown(alternatives))
                trouble = self._trouble(package, relation, because)
                if trouble is None:
                    self._take(because)
                    return
                hindrance = hindrance or trouble
        if not optional:
            raise hindrance or self._nothing(by, word, tuple(relations))

    def _is_met(self, relation: Relation) -> bool:
        if relation.name in self.request.exclude:
            return True
        if any(satisfies(package, relation) for package in self._present.get(relation.name, ())):
            return True
        candidates = self.catalogue.satisfying(relation)
        return bool(candidates) and all(package.name in self.request.exclude for package in candidates)

    def _trouble(self, package: Package, relation: Relation, because: Selected) -> _DeadEnd | None:
        """Why this package cannot be the one, or None."""
        if package.name in self.request.exclude:
            return self._nothing(because.by, because.field, (relation,))
        present = self.chosen.get(package.name) or self._below.get(package.name)
        if present is not None:
            if package.name != relation.name or package.version == present.package.version:
                return self._nothing(because.by, because.field, (relation,))
            one, other = self._involved(because), self._involved(present)
            error = unsatisfied.versions_disagree(one, other, str(relation), self.request.place)
            is_free = not other.below and self._is_free(package, relation)
            return _DeadEnd(error, because.by, relation if is_free else None)
        if not self.limits.admit(package):
            return self._nothing(because.by, because.field, (relation,))
        try:
            self._refuse_enemies(package, because)
        except _DeadEnd as end:
            return end
        return None

    def _is_free(self, package: Package, relation: Relation) -> bool:
        """Whether another attempt may take a version that this relation admits as well."""
        fixed = {requested.name for requested in self.request.packages if requested.is_exact}
        return package.name not in fixed and any(
            relation.admits(other.version) and self.limits.admit(other)
            for other in self.catalogue.with_name(package.name)
        )

    def _refuse_enemies(self, package: Package, because: Selected) -> None:
        for word, relation in refusals(package, self.catalogue.architecture):
            for other in self._present.get(relation.name, ()):
                if other.name != package.name and satisfies(other, relation):
                    raise self._at_odds(because, self._there(other.name), f"{word}: {relation}", because)
        names = {package.name, *(group[0].name for group in parse_relations(package.provides))}
        for name in sorted(names):
            for enemy, word, relation in self._enemies.get(name, ()):
                if enemy.name != package.name and satisfies(package, relation):
                    present = self._there(enemy.name)
                    raise self._at_odds(present, because, f"{word}: {relation}", because)

    def _at_odds(self, one: Selected, other: Selected, how: str, newcomer: Selected) -> _DeadEnd:
        error = unsatisfied.not_together(self._involved(one), self._involved(other), how, self.request.place)
        present = other if newcomer is one else one
        return _DeadEnd(error, present.package.name if present.by else newcomer.by)

    def _nothing(self, by: str, word: str, relations: Alternatives) -> _DeadEnd:
        need = shown(relations)
        links = self._chain(Selected(self.chosen[by].package, by, word, need))
        hint = advice_for(self.catalogue, relations)
        return _DeadEnd(unsatisfied.nothing_provides(need, links, self.request.place, hint), by)

    def _there(self, name: str) -> Selected:
        return self.chosen.get(name) or self._below[name]

    def _involved(self, selected: Selected) -> Involved:
        below = self._below.get(selected.package.name) is selected
        return Involved(selected.package.name, str(selected.package), list(self._chain(selected)), below)

    def _chain(self, selected: Selected) -> Iterator[Requirement]:
        """Why a package is there, link by link."""
        while selected.by:
            yield Requirement(selected.by, selected.field, selected.relation)
            selected = self.chosen[selected.by]
