"""A walk over what a solver chose: in which order apk installs it, and what needs each package."""

from collections import deque
from collections.abc import Iterator, Sequence

from fromscratch.sources.alpine.resolver import Solver
from fromscratch.sources.alpine.universe import Candidate, Condition, Name, Provider
from fromscratch.unsatisfied import Requirement


class Walk:
    """Visits what was chosen, from the world on. `needed_by` says what brought each package, by its name."""

    def __init__(self, solver: Solver) -> None:
        self.found: list[Candidate] = []
        self.has_unmet = False
        self._visited: set[Name] = set()
        self._recorded: set[Candidate] = set()
        for condition in solver.world:
            self._visit_all(condition.name)
        self.needed_by = _reasons(solver.world, self.found)

    def _visit_all(self, start: Name) -> None:
        work = [self._visit(start)]
        while work:
            following = next(work[-1], None)
            if following is None:
                work.pop()
            else:
                work.append(self._visit(following))

    def _visit(self, name: Name) -> Iterator[Name]:
        """Yields each name that has to be visited before this one goes on."""
        if name in self._visited:
            return
        self._visited.add(name)
        if name.chosen is None or name.chosen.candidate in self._recorded:
            return
        candidate = name.chosen.candidate
        self._recorded.add(candidate)
        self._visited.update([candidate.name, *(provider.name for provider in candidate.provides)])
        for condition in candidate.depends:
            self.has_unmet |= not condition.is_met_by(condition.name.chosen)
            yield condition.name
        self.found.append(candidate)
        for other in [candidate.name, *(provider.name for provider in candidate.provides)]:
            for triggered in other.triggered:
                if triggered.chosen is not None and self._is_due(triggered.chosen, triggered):
                    yield triggered

    def _is_due(self, chosen: Provider, name: Name) -> bool:
        """Whether what install_if names is all there by now."""
        if not name.is_seen or name in self._visited:
            return False
        return all(
            condition.name in self._visited and condition.is_met_by(condition.name.chosen)
            for condition in chosen.candidate.install_if
        )


def _reasons(world: Sequence[Condition], found: Sequence[Candidate]) -> dict[str, Requirement | None]:
    """What brought each package: the shortest way from the world."""
    needed_by: dict[str, Requirement | None] = {}
    work: deque[Candidate] = deque()

    def reach(condition: Condition, by: Candidate | None) -> None:
        chosen = condition.name.chosen
        if chosen is None or condition.dependency.is_conflict or chosen.candidate.package.name in needed_by:
            return
        requirement = Requirement(by.package.name, "depends", condition.dependency.text) if by else None
        needed_by[chosen.candidate.package.name] = requirement
        work.append(chosen.candidate)

    for condition in world:
        reach(condition, None)
    for candidate in [*found, None]:
        while work:
            by = work.popleft()
            for condition in by.depends:
                reach(condition, by)
        if candidate is not None and candidate.package.name not in needed_by and candidate.install_if:
            first = candidate.install_if[0].name.chosen
            by_name = first.candidate.package.name if first else candidate.package.name
            needed_by[candidate.package.name] = Requirement(by_name, "install_if", candidate.package.install_if)
            work.append(candidate)
    return needed_by
