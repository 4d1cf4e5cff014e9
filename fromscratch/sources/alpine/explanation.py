"""Why a solver found no answer, in the words that all resolvers share."""

from collections.abc import Iterator

from fromscratch import unsatisfied
from fromscratch.errors import ImageError
from fromscratch.sources.alpine.resolver import Solver, is_merely_provided
from fromscratch.sources.alpine.universe import Candidate, Condition, Name, Provider
from fromscratch.sources.alpine.walk import Walk
from fromscratch.unsatisfied import Involved, Requirement

_MISSING = "a repository missing (repositories:)"


def explanation(solver: Solver, walk: Walk, place: str, below: frozenset[str] = frozenset()) -> ImageError:
    """The error for a question without an answer; `below` names packages that the items below have already."""
    return _Explaining(solver, walk, place, below).error()


class _Explaining:
    """Looks at what the solver chose in the end: something in it does not fit."""

    def __init__(self, solver: Solver, walk: Walk, place: str, below: frozenset[str]) -> None:
        self._solver, self._place, self._below = solver, place, below
        self._needed_by = walk.needed_by

    def error(self) -> ImageError:
        """What is missing counts before what may not be chosen, and that before what does not go together."""
        conditions = list(self._conditions())
        for look in (self._missing, self._undecided, self._of_other_tag, self._at_odds):
            for by, condition in conditions:
                found = look(by, condition)
                if found is not None:
                    return found
        return self._both_provide() or ImageError(
            f"the packages that are asked for in {self._place} cannot be installed together: "
            f"{', '.join(condition.dependency.text for condition in self._solver.world)}",
            "ask for fewer packages, or leave out versions",
        )

    def _conditions(self) -> Iterator[tuple[Candidate | None, Condition]]:
        """Every condition that counts, with the package that has it (None: it was asked for)."""
        for condition in self._solver.world:
            yield None, condition
        seen: set[Candidate] = set()
        for name in self._solver.universe.names.values():
            candidate = name.chosen.candidate if name.chosen else None
            if candidate is not None and candidate not in seen and candidate.package.name in self._needed_by:
                seen.add(candidate)
                for condition in candidate.depends:
                    yield candidate, condition

    def _missing(self, by: Candidate | None, condition: Condition) -> ImageError | None:
        if condition.dependency.is_conflict or _fitting(condition):
            return None
        name, missing = condition.name.text, _MISSING
        if name in self._below:
            return self._another_below(by, condition)
        versions = [one.version for one in condition.name.providers if one.version is not None]
        if versions:
            hint = unsatisfied.other_versions(name, versions, missing)
        else:
            every = [other.text for other in self._solver.universe.names.values() if other.providers]
            hint = unsatisfied.similar_names(unsatisfied.near(name, every), "a repository")
        return self._nothing(by, condition, hint)

    def _another_below(self, by: Candidate | None, condition: Condition) -> ImageError:
        name, relation = condition.name.text, condition.dependency.text
        there = next(one.candidate for one in condition.name.providers if one.candidate.package.name == name)
        demanded = Involved(name, name, list(self._chain(by, condition)))
        return unsatisfied.versions_disagree(demanded, self._involved(there), relation, self._place)

    def _undecided(self, by: Candidate | None, condition: Condition) -> ImageError | None:
        fitting = [] if condition.name.chosen else _fitting(condition)
        if not fitting or not all(map(is_merely_provided, fitting)):
            return None
        names = [provider.candidate.package.name for provider in fitting]
        return self._nothing(by, condition, unsatisfied.providers(condition.name.text, names))

    def _of_other_tag(self, by: Candidate | None, condition: Condition) -> ImageError | None:
        fitting = _fitting(condition)
        if condition.dependency.is_conflict or any(provider.candidate.is_allowed for provider in fitting):
            return None
        tags = self._solver.universe.tags
        tag = next(tags[number] for provider in fitting for number in provider.candidate.repositories)
        name = condition.name.text
        return self._nothing(by, condition, f"it is in a repository of the tag {tag}: ask for {name}@{tag}")

    def _at_odds(self, by: Candidate | None, condition: Condition) -> ImageError | None:
        chosen = condition.name.chosen
        if condition.is_met_by(chosen):
            return None
        relation = condition.dependency.text
        if chosen is None:
            [first, *_] = _fitting(condition)
            return self._nothing(by, condition, f"there is {first.candidate.package}, which does not fit the others")
        present = self._involved(chosen.candidate)
        if by is not None and condition.dependency.is_conflict:
            return unsatisfied.not_together(self._involved(by), present, f"depends: {relation}", self._place)
        if condition.dependency.is_conflict:
            return self._excluded(present, relation)
        [first, *_] = _fitting(condition)
        package = first.candidate.package
        demanded = Involved(package.name, str(package), list(self._chain(by, condition)))
        return unsatisfied.versions_disagree(demanded, present, relation, self._place)

    def _excluded(self, present: Involved, relation: str) -> ImageError:
        return ImageError(
            f"{present.shown} is {unsatisfied.reason(present.chain, self._place)}, which {relation} there forbids",
            "take one of the two out",
        )

    def _both_provide(self) -> ImageError | None:
        for name, candidate in self._solver.failures:
            other = name.chosen.candidate if name.chosen else None
            if candidate is None or other is None:
                continue
            if other is not candidate:
                one, two = self._involved(other), self._involved(candidate)
                return unsatisfied.not_together(one, two, f"both provide {name.text}", self._place)
            rival = self._rival(name, candidate)
            if rival is not None:
                one, two = self._involved(rival[1]), self._involved(candidate)
                return unsatisfied.not_together(one, two, f"both provide {rival[0].text}", self._place)
        return None

    def _rival(self, name: Name, candidate: Candidate) -> tuple[Name, Candidate] | None:
        """Another chosen package with a name that the candidate has or provides as well."""
        for each in [name, candidate.name, *(provider.name for provider in candidate.provides)]:
            for provider in each.providers:
                other = provider.candidate
                is_chosen = other.name.chosen is not None and other.name.chosen.candidate is other
                if other is not candidate and is_chosen and other.package.name in self._needed_by:
                    return each, other
        return None

    def _nothing(self, by: Candidate | None, condition: Condition, hint: str) -> ImageError:
        text = condition.dependency.text
        if by is None:
            return unsatisfied.no_index_has(text, self._place, hint)
        return unsatisfied.nothing_provides(text, self._chain(by, condition), self._place, hint)

    def _chain(self, by: Candidate | None, condition: Condition) -> Iterator[Requirement]:
        if by is not None:
            yield Requirement(by.package.name, "depends", condition.dependency.text)
            yield from unsatisfied.chain_to(by.package.name, self._needed_by)

    def _involved(self, candidate: Candidate) -> Involved:
        name = candidate.package.name
        chain = list(unsatisfied.chain_to(name, self._needed_by))
        return Involved(name, str(candidate.package), chain, name in self._below)


def _fitting(condition: Condition) -> list[Provider]:
    return [provider for provider in condition.name.providers if condition.is_met_by(provider)]
