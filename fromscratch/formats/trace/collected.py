"""Events as a reader finds them: each once, seen from one root, and held back until it is known where paths begin.

A folder that is not known yet is a path too: `unknown(7)`, which begins with a NUL, as no other path does.
"""

from collections.abc import Iterator

from fromscratch.formats.trace.bounds import PATH, check_events
from fromscratch.formats.trace.events import Event, Kind
from fromscratch.paths import decode, encode


def unknown(number: int) -> bytes:
    """The path of a folder that is not known yet."""
    return b"\0%d" % number


def is_known(path: bytes) -> bool:
    return not path.startswith(b"\0")


class Collected:
    """The events of one run. Paths are bytes, from the machine's root; those below `root` count, seen from there.

    Those below an unknown folder wait until `settle` tells which it is; that of a program is taken to be `cwd`.
    """

    def __init__(self, what: str, *, cwd: str = "/", root: str = "/", run: int = 1) -> None:
        self._what, self._run, self._top, self._cwd = what, run, encode(root.rstrip("/")), encode(cwd)
        self._folders: dict[bytes, bytes] = {}
        self._held: dict[bytes, list[tuple[Kind, bytes, bytes, int]]] = {}
        self._waiting = 0
        self._seen: set[tuple[Kind, bytes, bytes]] = set()

    def waits_for(self, folder: bytes) -> bool:
        """Whether there are events below this unknown folder."""
        return folder in self._held

    def settle(self, folder: bytes, known: bytes) -> Iterator[Event]:
        """The events that wait for this unknown folder, which is that one. Only the first answer counts."""
        known = self.known(known)
        if folder in self._folders or known.partition(b"/")[0] == folder:
            return
        self._folders[folder] = known
        held = self._held.pop(folder, [])
        self._waiting -= len(held)
        for kind, path, program, time in held:
            yield from self.event(kind, path, program, time)

    def event(self, kind: Kind, path: bytes, program: bytes = b"", time: int = 0) -> Iterator[Event]:
        """This event, if it is the first of its kind and can be told yet. Raises TooLarge."""
        path = self.known(path)
        if not is_known(path):
            self._held.setdefault(path.partition(b"/")[0], []).append((kind, path, program, time))
            self._waiting += 1
            check_events(self._waiting, self._what)
            return
        path = path if path.startswith(b"/") else self._cwd.rstrip(b"/") + b"/" + path
        if len(path) > PATH or b"\0" in path:
            return
        below, by = self._seen_from_top(path), self._seen_from_top(self._program(program)) or b""
        by = by if len(by) <= PATH and b"\0" not in by else b""
        if below is None or (kind, below, by) in self._seen:
            return
        self._seen.add((kind, below, by))
        check_events(len(self._seen), self._what)
        yield Event(kind, decode(below), decode(by), self._run, time)

    def known(self, path: bytes) -> bytes:
        """The path with what is known by now of the folder that it is below."""
        folder, slash, rest = path.partition(b"/")
        if is_known(path) or folder not in self._folders:
            return path
        base = self._folders[folder]
        while (further := self._folders.get(base.partition(b"/")[0])) is not None:
            base = further.rstrip(b"/") + base[len(base.partition(b"/")[0]) :] or b"/"
        self._folders[folder] = base
        return base.rstrip(b"/") + slash + rest or b"/"

    def _program(self, program: bytes) -> bytes:
        program = self.known(program)
        return program if is_known(program) else self._cwd.rstrip(b"/") + program[len(program.partition(b"/")[0]) :]

    def _seen_from_top(self, path: bytes) -> bytes | None:
        if not self._top or not path:
            return path
        if path == self._top:
            return b"/"
        return path[len(self._top) :] if path.startswith(self._top + b"/") else None
