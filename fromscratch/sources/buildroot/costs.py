"""What each step of a build costs: by earlier builds of this store, else by what is known of the heavy ones.

The unit is a second of the machine that the table was measured on; only the ratios matter.
"""

import json
from collections.abc import Mapping

from msgspec import Struct

from fromscratch.host.storage.store import Store

_RECORD = "buildroot-costs"
_ALL = "steps"

Step = tuple[str, str]
"""A package, and a kind of step: "extract", "patch", "configure", "build" or "install"."""


class Cost(Struct, frozen=True):
    """Seconds, and how many lines of output the step writes; 0 if that is not known."""

    seconds: float
    lines: int = 0


_BY_KIND = {
    "extract": Cost(1),
    "patch": Cost(0.5),
    "configure": Cost(8),
    "build": Cost(10),
    "install": Cost(2),
}
# Three steps are nine tenths of a toolchain that Buildroot builds itself.
_KNOWN: dict[Step, Cost] = {
    ("host-gcc-initial", "build"): Cost(1500),
    ("host-gcc-final", "build"): Cost(1740),
    ("glibc", "build"): Cost(1200),
    ("glibc", "install"): Cost(40),
    ("host-gcc-initial", "extract"): Cost(15),
    ("host-gcc-final", "extract"): Cost(15),
    ("host-gcc-final", "install"): Cost(15),
    ("host-binutils", "build"): Cost(120),
    ("host-gmp", "build"): Cost(25),
    ("host-mpfr", "build"): Cost(20),
    ("linux-headers", "extract"): Cost(20),
    ("linux-headers", "build"): Cost(20),
    ("busybox", "build"): Cost(30),
    ("host-openssl", "build"): Cost(150),
    ("libopenssl", "build"): Cost(200),
    ("host-python3", "build"): Cost(150),
    ("python3", "build"): Cost(200),
    ("host-cmake", "build"): Cost(500),
    ("host-llvm", "build"): Cost(4000),
    ("host-rust", "build"): Cost(4000),
    ("host-go-bin", "install"): Cost(20),
    ("host-go", "build"): Cost(240),
    ("linux", "build"): Cost(600),
}


class Costs:
    """The costs of a store; what was measured is added and remembered."""

    def __init__(self, known: Mapping[Step, Cost] | None = None) -> None:
        self._measured = dict(known or {})

    def of(self, step: Step) -> Cost:
        """The cost of a step, known or guessed."""
        return self._measured.get(step) or _KNOWN.get(step) or _BY_KIND[step[1]]

    def measured(self, step: Step, cost: Cost) -> None:
        """Learn from a step that was run to its end; a time counts half against what was measured before."""
        before = self._measured.get(step)
        seconds = (before.seconds + cost.seconds) / 2 if before else cost.seconds
        self._measured[step] = Cost(round(seconds, 2), cost.lines)

    def save(self, store: Store) -> None:
        """Remember for later builds."""
        said = [[*step, cost.seconds, cost.lines] for step, cost in sorted(self._measured.items())]
        store.write_record(_RECORD, _ALL, json.dumps(said).encode(), durable=False)


def load_costs(store: Store) -> Costs:
    """What earlier builds of this store have cost."""
    raw = store.record(_RECORD, _ALL)
    try:
        said = json.loads(raw or b"[]")
        return Costs({(name, kind): Cost(seconds, lines) for name, kind, seconds, lines in said if kind in _BY_KIND})
    except (ValueError, TypeError):
        return Costs()  # another version of this program wrote it
