"""Which packages have to be there: the answer that apk's own solver gives, by the same rules.

The solver narrows down before it chooses: what every candidate for a name has in common is required at once, and who
cannot meet a requirement is out. Then it settles the name that leaves the least choice, and never takes a decision
back. So what apk refuses is refused here too, and of several answers this is the one that apk has.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from fromscratch.formats.alpine.dependency import Dependency
from fromscratch.formats.alpine.version import compare
from fromscratch.sources.alpine.universe import Candidate, Condition, Name, Provider, Universe, discover


class Solver:
    """One question: which packages satisfy `world`. After `run`, the chosen ones are on the names of the universe."""

    def __init__(self, universe: Universe, world: Sequence[Dependency], without: frozenset[str] = frozenset()) -> None:
        self.universe = universe
        self.world = [universe.condition(one) for one in sorted(world, key=lambda one: (one.name.lower(), one.name))]
        self.failures: list[tuple[Name, Candidate | None]] = []
        self._without = without
        self._changed: deque[Name] = deque()
        self._is_changed: set[Name] = set()
        self._open: dict[Name, None] = {}

    def run(self) -> bool:
        """Whether every condition is met by what was chosen."""
        for condition in self.world:
            condition.name.is_asked_for = True
        discover(self.universe, [condition.name for condition in self.world], self._without)
        for condition in self.world:
            self._require(condition, None)
        while True:
            while self._changed:
                name = self._changed.popleft()
                self._is_changed.discard(name)
                if not name.is_settled:
                    self._review(name)
            following = self._next()
            if following is None:
                return not self.failures
            self._settle(following)

    def _next(self) -> Name | None:
        """The name to settle now: one without choice, else the one that most depends on, the latest first."""
        best: Name | None = None
        for name in reversed(self._open):
            if name.all_dependants_settled and name.needed and not name.has_choice:
                return name
            if best is None or _urgency(name) < _urgency(best):
                best = name
        return best

    # What changes when something is decided.

    def _mark(self, name: Name) -> None:
        if name in self._is_changed or name.is_settled or not (name.needed or name.review_trigger):
            return
        self._is_changed.add(name)
        self._changed.append(name)

    def _reopen(self, name: Name) -> None:
        if name.is_settled:
            return
        if name.needed or name.has_trigger:
            self._open.setdefault(name)
        else:
            self._open.pop(name, None)

    def _review_dependants(self, name: Name) -> None:
        for dependant in name.dependants:
            dependant.review_depends = True
            self._mark(dependant)

    def _review_triggered(self, name: Name) -> None:
        for other in name.triggered:
            if other.is_seen and not other.cannot_be_triggered:
                other.review_trigger = True
                self._mark(other)

    def _review_triggered_by(self, candidate: Candidate) -> None:
        self._review_triggered(candidate.name)
        for provider in candidate.provides:
            self._review_triggered(provider.name)

    def _disqualify(self, candidate: Candidate) -> None:
        candidate.can_be_taken = False
        self._review_dependants(candidate.name)
        for provider in candidate.provides:
            self._review_dependants(provider.name)
        self._review_triggered_by(candidate)

    def _need(self, name: Name) -> None:
        self._reopen(name)
        self._review_triggered(name)
        self._mark(name)

    def _require(self, condition: Condition, by: Candidate | None) -> None:
        """Make a condition count; `by` is the package that has it, None the world."""
        name, is_conflict = condition.name, condition.dependency.is_conflict
        if not is_conflict:
            name.needed += 1
            if name.needed == 1:
                self._need(name)
        for provider in name.providers:
            candidate = provider.candidate
            if condition.is_met_by(provider):
                self._inherit(candidate, by, condition.dependency.tag)
            else:
                candidate.disagreements += 1
                if candidate.can_be_taken:
                    self._disqualify(candidate)

    def _inherit(self, candidate: Candidate, by: Candidate | None, tag: str) -> None:
        """Packages may come from the tagged repositories of what needs them."""
        if by is not None:
            candidate.allowed |= by.allowed
        else:
            candidate.allowed.add(tag)
            candidate.is_preferred = self.universe.tagged(candidate, (tag,))
        candidate.is_allowed |= self.universe.tagged(candidate, candidate.allowed)

    # Narrowing down.

    def _review(self, name: Name) -> None:
        """Find out who can still provide a name, and require what all of them have in common."""
        depends_changed, name.review_depends = name.review_depends, False
        trigger_changed, name.review_trigger = name.review_trigger, False
        options: list[Provider] = []
        name.has_trigger, name.cannot_be_triggered = False, True
        for provider in name.providers:
            candidate = provider.candidate
            candidate.was_merged = False
            if depends_changed and candidate.can_be_taken and not all(map(self._can_be_met, candidate.depends)):
                self._disqualify(candidate)
            if not candidate.can_be_taken:
                continue
            if trigger_changed:
                self._pull_trigger(candidate)
            name.has_trigger |= candidate.is_triggered
            name.cannot_be_triggered &= candidate.trigger_failed
            if name.needed:
                candidate.was_merged = True
                options.append(provider)
        name.has_choice = len(options) > 1 or any(not option.candidate.is_allowed for option in options)
        self._reopen(name)
        if options:
            for provider in name.providers:
                provider.candidate.was_considered = provider.candidate.was_merged
            self._require_in_common(name, options)
        name.all_dependants_settled = all(dependant.is_settled for dependant in name.dependants)

    def _can_be_met(self, condition: Condition) -> bool:
        name = condition.name
        if name.is_settled:
            return condition.is_met_by(name.chosen)
        if not name.needed and condition.dependency.is_conflict:
            return True
        return any(provider.candidate.can_be_taken and condition.is_met_by(provider) for provider in name.providers)

    def _pull_trigger(self, candidate: Candidate) -> None:
        """See whether all that `install_if` names is there."""
        if not candidate.is_triggered and not candidate.trigger_failed:
            for condition in candidate.install_if:
                if not condition.name.is_settled:
                    break
                if not condition.is_met_by(condition.name.chosen):
                    candidate.trigger_failed = True
                    break
            else:
                candidate.is_triggered = True
        if candidate.is_triggered:
            for condition in candidate.install_if:
                chosen = condition.name.chosen
                self._inherit(candidate, chosen.candidate if chosen else None, "")

    def _require_in_common(self, name: Name, options: Sequence[Provider]) -> None:
        first = options[0].candidate
        common = set.intersection(*({one.name for one in _demands(option.candidate)} for option in options))
        for condition in _demands(first):
            if condition.name not in common:
                continue
            common.discard(condition.name)  # of two conditions on one name, the first counts until it is chosen
            if len(options) == 1:
                self._require(condition, first)
            elif not condition.name.needed:
                condition.name.needed += 1
                self._need(condition.name)
                for provider in condition.name.providers:
                    self._inherit(provider.candidate, first, "")
        provided = [dict(_provided(option)) for option in options]
        for other in dict(_provided(options[0])):
            if all(other in each for each in provided):
                is_virtual = any(each[other] is None for each in provided)
                self._exclude_others(other, name, is_virtual)

    def _exclude_others(self, name: Name, must_provide: Name, skip_virtual: bool) -> None:
        """Whoever provides `name` will be a provider of `must_provide`: others would be at odds with it."""
        if name is must_provide:
            return
        for provider in name.providers:
            candidate = provider.candidate
            if (
                candidate.name is must_provide
                or not candidate.can_be_taken
                or (skip_virtual and provider.version is None)
            ):
                continue
            if not any(
                each.name is must_provide or (skip_virtual and each.version is None) for each in candidate.provides
            ):
                self._disqualify(candidate)

    # Choosing.

    def _settle(self, name: Name) -> None:
        chosen: Provider | None = None
        for provider in name.providers if name.needed or name.has_trigger else ():
            candidate = provider.candidate
            if not name.needed and not (candidate.is_triggered and candidate.is_allowed):
                continue
            if is_merely_provided(provider):
                continue
            if chosen is None or _order(provider, chosen) > 0:
                chosen = provider
        if chosen is None:
            self._assign(name, None)
            if name.needed:
                self.failures.append((name, None))
            return
        candidate = chosen.candidate
        if not candidate.can_be_taken or not candidate.is_allowed:
            self.failures.append((name, candidate))
        self._assign(candidate.name, Provider(candidate.name, candidate, candidate.package.version))
        for provider in candidate.provides:
            self._assign(provider.name, provider)
        for condition in candidate.depends:
            self._require(condition, candidate)

    def _assign(self, name: Name, provider: Provider | None) -> None:
        if name.is_settled:
            present = name.chosen
            if provider is not None and (provider.version is not None or (present and present.version is not None)):
                self.failures.append((name, provider.candidate))
            return
        name.is_settled, name.chosen = True, provider
        self._open.pop(name, None)
        for other in name.providers:
            if provider is None or other.candidate is not provider.candidate:
                if (provider is None or provider.version is None) and other.version is None:
                    continue
                self._disqualify(other.candidate)
        self._review_dependants(name)
        if provider is not None:
            self._review_triggered_by(provider.candidate)
        else:
            self._review_triggered(name)


def is_merely_provided(provider: Provider) -> bool:
    """Whether the name is one that a package provides without version or priority: nobody chooses among these."""
    candidate = provider.candidate
    return provider.version is None and not candidate.name.needed and not candidate.package.provider_priority


def _urgency(name: Name) -> tuple[bool, int, int, bool]:
    return not name.is_asked_for, name.rank, -name.depth, not name.needed


def _demands(candidate: Candidate) -> Iterator[Condition]:
    return (condition for condition in candidate.depends if not condition.dependency.is_conflict)


def _provided(option: Provider) -> Iterator[tuple[Name, str | None]]:
    for provider in option.candidate.provides:
        yield provider.name, provider.version
    yield option.candidate.name, option.version


def _order(one: Provider, other: Provider) -> int:
    """Positive if `one` is the better provider of a name."""
    left, right = one.candidate, other.candidate
    steps = (
        left.can_be_taken - right.can_be_taken,
        left.was_considered - right.was_considered,
        right.disagreements - left.disagreements,
        left.is_allowed - right.is_allowed,
        left.is_preferred - right.is_preferred,
        compare(one.version, other.version) if one.version is not None and other.version is not None else 0,
        compare(left.package.version, right.package.version) if left.name is right.name else 0,
        left.package.provider_priority - right.package.provider_priority,
        min(right.repositories) - min(left.repositories),
    )
    return next((step for step in steps if step), 0)
