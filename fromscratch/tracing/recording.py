"""What has been recorded so far: runs, and the first event of each kind, path and program in each of them."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.formats.trace.events import Event, Kind, Run, Trace
from fromscratch.paths import decode, encode


class Recorded(Struct, frozen=True, kw_only=True):
    """What was recorded. `lost` counts the events that were lost, by the reason; `notes` are good to know."""

    trace: Trace
    lost: Mapping[str, int] = {}
    notes: tuple[str, ...] = ()

    def check_complete(self, what: str, hint: str = "try again, or as root") -> None:
        """Raises ImageError if events were lost, so that `what` is not complete."""
        if self.lost:
            lost = "; ".join(f"{count} events: {why}" for why, count in self.lost.items())
            raise ImageError(f"{what} is not complete, since some events were lost: {lost}", hint)


class Recording:
    """Collects events from several recorders, each in a thread of its own.

    `image` is the digest of the manifest whose root the runs have, or empty for this machine's root.
    """

    def __init__(self, recorder: str, platform: str, image: str = "") -> None:
        self._recorder, self._platform, self._image = recorder, platform, image
        self._lock = threading.Lock()
        self._runs: list[Run] = []
        self._began: list[float] = []
        self._events: dict[tuple[Kind, bytes, str, int], int] = {}
        self._lost: Counter[str] = Counter()
        self.notes: list[str] = []

    def begin(self, command: Sequence[str]) -> int:
        """Begin a run with this command; the answer is its number."""
        with self._lock:
            number = len(self._runs) + 1
            self._runs.append(
                Run(
                    number=number,
                    command=tuple(command),
                    image=self._image,
                    recorder=self._recorder,
                    platform=self._platform,
                )
            )
            self._began.append(time.monotonic())
            return number

    def add(self, kind: Kind, path: bytes, process: str, run: int) -> None:
        """Record an event that happens now, unless there is one like it."""
        # Of two threads that add one alike, the second changes nothing.
        self._events.setdefault((kind, path, process, run), int((time.monotonic() - self._began[run - 1]) * 1000))

    def include(self, event: Event) -> None:
        """Record an event that another recorder saw, unless there is one like it."""
        self._events.setdefault((event.kind, encode(event.path), event.process, event.run), event.time)

    def lose(self, why: str) -> None:
        """Count an event that is lost; `why` completes the sentence "3 events were lost: "."""
        self._lost[why] += 1

    def note_elsewhere(self, processes: int) -> None:
        """Keep that so many processes had a root that is not in the recorded one."""
        if processes:
            who = "a process had a root of its" if processes == 1 else f"{processes} processes had roots of their"
            self.note(f"{who} own, outside of the recorded one: what was used there is not in the trace")

    def note(self, text: str) -> None:
        """Keep something that is good to know of the recording, and no loss."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def lost(self) -> dict[str, int]:
        """How many events were lost so far, by the reason."""
        return dict(self._lost)

    def count(self) -> int:
        """How many events there are so far."""
        return len(self._events)

    def trace(self) -> Trace:
        """Everything so far, in the order in which it was recorded."""
        events = [
            Event(kind, decode(path), process, run, at) for (kind, path, process, run), at in self._events.items()
        ]
        return Trace(tuple(self._runs), tuple(events))

    def finished(self) -> Recorded:
        """Everything. Raises ImageError if that is nothing."""
        trace = self.trace()
        if not trace.events:
            raise ImageError("nothing was recorded", "see whether there is a command, and whether it starts")
        return Recorded(trace=trace, lost=self.lost, notes=tuple(self.notes))
