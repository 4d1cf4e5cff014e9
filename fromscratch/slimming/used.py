"""What a trace says of a tree: the paths that programs used, with the run and the program as the reason."""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from fromscratch import paths
from fromscratch.formats.trace.events import Event, Kind, Trace
from fromscratch.model.entry import Origin, Reason
from fromscratch.paths import TreePath, shown
from fromscratch.slimming.retained import TRACE, Retained, is_run_time
from fromscratch.slimming.trail import Trail

_REASONS: dict[Kind, Reason] = {
    "open": "opened by",
    "exec": "started by",
    "stat": "looked at by",
    "readlink": "looked at by",
    "missing": "looked at by",
}
# A list of paths does not say which of them were programs.
_TELLING = frozenset({"notification", "notification+fanotify", "strace"})


class Use(Struct, frozen=True, kw_only=True):
    """How a trace fits a tree: how many of the paths that were used the tree has, and those that it has not.

    `unstarted` are the programs that were started, if the tree has none of them. `outside` are paths that lead above
    the root by `..`, where a container stays in it; `programs` counts the paths that each program used.
    `read` are files that were used and not started, by recorders that tell one from the other.
    """

    present: int = 0
    absent: tuple[str, ...] = ()
    unstarted: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    programs: Mapping[str, int] = {}
    read: frozenset[TreePath] = frozenset()


def add_used(retained: Retained, trace: Trace, exclude: tuple[str, ...] = ()) -> Use:
    """Keep what the events of a trace used, as far as the tree has it. Raises UnsafePath for a glob with `..`."""
    reasons = _Reasons(trace)
    is_excluded = paths.matcher(exclude)
    found: dict[str, bool] = {}
    outside: dict[str, None] = {}
    programs: set[tuple[str, int]] = set()
    counts: Counter[str] = Counter()
    executed: dict[str, bool] = {}
    telling = {run.number for run in trace.runs if run.recorder in _TELLING}
    read: set[TreePath] = set()
    perhaps_started: set[TreePath] = set()
    for event in trace.events:
        if is_excluded(TreePath(event.path)) or is_excluded(TreePath(event.process)):
            continue
        program = event.process, event.run
        if event.process and program not in programs:
            programs.add(program)
            retained.follow(event.process, Origin(TRACE, "started by", f"run {event.run}", reasons.run(event.run)))
        way = _follow(retained, event, reasons.of(event))
        only_read = event.kind != "exec" and event.run in telling
        (read if only_read else perhaps_started).add(way.last)
        if way.leaves_root:
            outside[event.path] = None
        if event.kind != "missing":
            counts[event.process] += way.complete
            if event.kind == "exec":
                executed[event.path] = way.complete
            found[event.path] = found.get(event.path, False) or way.complete
    lost = [path for path, is_present in found.items() if not is_present]
    absent = tuple(path for path in dict.fromkeys(map(_plain, lost)) if not is_run_time(path))
    return Use(
        present=len(found) - len(lost),
        absent=absent,
        unstarted=() if any(executed.values()) else tuple(map(_plain, executed)),
        outside=tuple(outside),
        programs=counts,
        read=frozenset(read - perhaps_started),
    )


def _plain(path: str) -> str:
    """Without empty and `.` components."""
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _follow(retained: Retained, event: Event, origin: Origin) -> Trail:
    if event.kind != "missing":
        return retained.follow(event.path, origin, follow_last=event.kind != "readlink")
    # A program has removed it while it ran, if the tree has it: the folder is what its look-up needs.
    return retained.follow(f"{event.path.rstrip('/').rpartition('/')[0]}/", origin)


class _Reasons:
    """The reasons that events give, each made once."""

    def __init__(self, trace: Trace) -> None:
        self._commands = {run.number: run.title for run in trace.runs}
        self._runs: dict[int, Origin] = {}
        self._known: dict[tuple[Kind, str, int], Origin] = {}

    def run(self, number: int) -> Origin:
        if number not in self._runs:
            command = self._commands.get(number, "")
            detail = f"the trace, run {number}" + (f": {command}" if command else "")
            self._runs[number] = Origin(TRACE, "asked for", detail)
        return self._runs[number]

    def of(self, event: Event) -> Origin:
        key = event.kind, event.process, event.run
        if key not in self._known:
            detail = f"{shown(event.process)} in run {event.run}" if event.process else f"run {event.run}"
            self._known[key] = Origin(TRACE, _REASONS[event.kind], detail, self.run(event.run))
        return self._known[key]
