"""How much of a build is done, and how long the rest will take."""

from collections.abc import Iterable

from fromscratch.sources.buildroot.costs import Cost, Costs, Step

# So many seconds count as if they had been measured at the pace of the table: the first steps alone say little.
_TRUST = 120.0
_LINEAR = 0.95  # up to here the expected time of a step is believed; from here on the rest is approached, never reached


class Pace:
    """Counts steps by what they cost. `now` is a time in seconds, of any origin."""

    def __init__(self, steps: Iterable[Step], costs: Costs, now: float) -> None:
        self._costs = costs
        self._left = {step: costs.of(step) for step in steps}
        self._total = sum(cost.seconds for cost in self._left.values()) or 1.0
        self._began = now
        self._running: Step | None = None
        self._step_began, self._lines = now, 0

    @property
    def lines(self) -> int:
        """How many lines the running step has written."""
        return self._lines

    def begin(self, step: Step | None, over: Iterable[Step], now: float) -> None:
        """A step begins, or with None something that is none; what ran is over, and so are the steps `over`."""
        if step is not None and step == self._running:
            return  # such as an installation to a second place
        if (ended := self._running) is not None:
            self._costs.measured(ended, Cost(now - self._step_began, self._lines))
            self._left.pop(ended, None)
        for each in over:
            self._left.pop(each, None)
        self._running, self._step_began, self._lines = step, now, 0

    def line(self) -> None:
        """The running step has written a line."""
        self._lines += 1

    def done(self, now: float) -> float:
        """The part of the whole that is done, from 0 to 1; it never falls while steps come as expected."""
        return 1 - self._weight_left(now) / self._total

    def left(self, now: float) -> float:
        """The seconds that the rest will take at the pace so far."""
        left = self._weight_left(now)
        done = self._total - left
        return left * (_TRUST + now - self._began) / (_TRUST + done)

    def _weight_left(self, now: float) -> float:
        left = sum(cost.seconds for cost in self._left.values())
        if self._running is not None and (cost := self._left.get(self._running)) is not None:
            left -= cost.seconds * self._part_of_step(cost, now)
        return left

    def _part_of_step(self, cost: Cost, now: float) -> float:
        if cost.lines:
            return _approach(self._lines / cost.lines)
        if not cost.seconds:
            return 1.0  # over before the clock moved, when it was measured
        pace = (_TRUST + self._step_began - self._began) / (_TRUST + self._weight_done_before())
        return _approach((now - self._step_began) / (cost.seconds * pace))

    def _weight_done_before(self) -> float:
        return self._total - sum(cost.seconds for cost in self._left.values())


def _approach(part: float) -> float:
    """The same up to a point, then slower and slower towards 1."""
    if part <= _LINEAR:
        return part
    rest = 1 - _LINEAR
    over = (part - _LINEAR) / rest
    return 1 - rest / (1 + over)
