"""Events as a reader finds them: each once, seen from one root, and held back until it is known where paths begin."""

from collections.abc import Iterator

from fromscratch.formats.trace.bounds import PATH, check_events
from fromscratch.formats.trace.events import Event, Kind
from fromscratch.paths import decode, encode


class Collected:
    """The events of one run. Paths are bytes, from the machine's root; those below `root` count, seen from there.

    Relative paths wait until `settle` tells where they begin; that of a program is taken to begin at `cwd`.
    """

    def __init__(self, what: str, *, cwd: str = "/", root: str = "/", run: int = 1) -> None:
        self._what, self._run, self._top, self._cwd = what, run, encode(root.rstrip("/")), encode(cwd)
        self._start: bytes | None = None
        self._held: list[tuple[Kind, bytes, bytes, int]] = []
        self._seen: set[tuple[Kind, bytes, bytes]] = set()

    @property
    def waiting(self) -> int:
        """How many events wait until it is known where they begin."""
        return len(self._held)

    def settle(self, start: bytes) -> Iterator[Event]:
        """The events that wait for this folder, at which relative paths begin. Only the first call counts."""
        if self._start is None:
            self._start = start
            for kind, path, program, time in self._held:
                yield from self.event(kind, path, program, time)
            self._held = []

    def event(self, kind: Kind, path: bytes, program: bytes = b"", time: int = 0) -> Iterator[Event]:
        """This event, if it is the first of its kind and can be told yet. Raises TooLarge."""
        path = path if self._start is None else _below(path, self._start)
        if not path.startswith(b"/"):
            self._held.append((kind, path, program, time))
            check_events(len(self._held), self._what)
            return
        if len(path) > PATH:
            return
        below, by = self._seen_from_top(path), self._seen_from_top(_below(program, self._start or self._cwd)) or b""
        by = by if len(by) <= PATH else b""
        if below is None or (kind, below, by) in self._seen:
            return
        self._seen.add((kind, below, by))
        check_events(len(self._seen), self._what)
        yield Event(kind, decode(below), decode(by), self._run, time)

    def _seen_from_top(self, path: bytes) -> bytes | None:
        if not self._top or not path:
            return path
        if path == self._top:
            return b"/"
        return path[len(self._top) :] if path.startswith(self._top + b"/") else None


def _below(path: bytes, folder: bytes) -> bytes:
    return path if not path or path.startswith(b"/") else folder.rstrip(b"/") + b"/" + path
