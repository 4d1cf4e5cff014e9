"""strace's logs: the files that the processes in them used.

All forms that strace 4.9 to 6 writes are read: -f and -ff, -y and -yy, -x and -xx, any -s, -t to -ttt and -r, -T, -i,
process numbers in both forms, calls in one line or in two, and standard error with the program's own between.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from fromscratch.errors import FormatError
from fromscratch.formats.trace import straceline
from fromscratch.formats.trace.bounds import checked_lines
from fromscratch.formats.trace.collected import Collected, is_known
from fromscratch.formats.trace.events import Event, Kind
from fromscratch.formats.trace.processes import FORKS, HERE, Process, Processes
from fromscratch.formats.trace.straceline import Argument, Line, Result
from fromscratch.formats.trace.syscalls import PATH_CALLS, PathCall, kind_of_use
from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import encode

_SOCKETS = ("connect", "bind", "sendto", "sendmsg")
_SOCKET = lazy_regex(rb'sun_path="((?:[^"\\]++|\\.)*+)"')
_READS = ("read", "pread64", "readv", "preadv", "preadv2", "getdents", "getdents64")
_FORK = lazy_regex(rb"(?:clone3?|v?fork)\(.*\) += (\d{1,10})$")
_DAY, _HALF_DAY = 86_400, 43_200


def parse(
    lines: Iterable[bytes],
    *,
    what: str = "the log of strace",
    cwd: str = "/",
    root: str = "/",
    run: int = 1,
    note: Callable[[str], object] = len,
) -> Iterator[Event]:
    """The events of a log, each as soon as it is known; those relative to where all began may wait for the end.

    `cwd` is that folder where the log does not tell it. With a `root`, only what is below it counts, seen from there.
    `note` is called with what could not be made out. Raises FormatError, which names `what`, for bytes that are not
    of strace, and TooLarge.
    """
    log = _Log(what, Collected(what, cwd=cwd, root=root, run=run))
    yield from log.events(lines)
    yield from log.finish(cwd, note)


def parse_several(
    files: Mapping[int, Iterable[bytes]],
    *,
    what: str = "the logs of strace",
    cwd: str = "/",
    root: str = "/",
    run: int = 1,
    note: Callable[[str], object] = len,
) -> Iterator[Event]:
    """The same for the files of `strace -ff`, by process number; a parent is read before its children."""
    log = _Log(what, Collected(what, cwd=cwd, root=root, run=run))
    texts = {pid: list(lines) for pid, lines in files.items()}
    for pid in _parents_first(texts):
        yield from log.events(texts[pid], pid)
    yield from log.finish(cwd, note)


def _parents_first(texts: Mapping[int, list[bytes]]) -> list[int]:
    children = {
        pid: [int(found[1]) for line in lines if (found := _FORK.search(line.rstrip()))] for pid, lines in texts.items()
    }
    born = {child for each in children.values() for child in each}
    waiting = [*sorted(set(texts) & born, reverse=True), *sorted(set(texts) - born, reverse=True)]
    order: dict[int, None] = {}
    while waiting:
        pid = waiting.pop()
        if pid in texts and pid not in order:
            order[pid] = None
            waiting += reversed(children[pid])
    return list(order)


class _Clock:
    """Milliseconds since the first line, by any of strace's ways of telling the time; a midnight may pass."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._now = self._steps = 0.0

    def at(self, line: Line) -> int:
        if line.step is not None:
            self._steps += line.step
            self._now = self._steps
        elif line.clock is not None:
            if self._first is None:
                self._first = line.clock
            since = line.clock - self._first
            self._now = max(0.0, since + _DAY if since < -_HALF_DAY and self._first < _DAY else since)
        return round(self._now * 1000)


class _Log:
    """What has been read of a log so far."""

    def __init__(self, what: str, found: Collected) -> None:
        self._what, self._found = what, found
        self._processes, self._clock = Processes(), _Clock()
        self._calls = self._unknown = self._cut = 0

    def events(self, lines: Iterable[bytes], pid: int | None = None) -> Iterator[Event]:
        for _, raw in checked_lines(lines, self._what):
            line = straceline.read(raw)
            time = self._clock.at(line)
            number = line.pid if line.pid is not None else self._processes.unnumbered() if pid is None else pid
            yield from self._line(line, number, time)

    def finish(self, cwd: str, note: Callable[[str], object]) -> Iterator[Event]:
        """What is left: calls that never returned, and paths below a folder that the log does not tell."""
        for pid, line in self._processes.unfinished():
            yield from self._call(pid, line.name, line.text + b") = ?", self._clock.at(line))
        for folder, likely in self._processes.likely.items():
            if not likely and self._found.waits_for(folder):
                note(f"{self._what} does not tell the folder where the run began, which is taken to be {cwd}")
            yield from self._found.settle(folder, likely or encode(cwd))
        if not self._calls:
            raise FormatError(
                f"{self._what} has no line with a system call", "give the file that strace wrote with -f -y -o FILE"
            )
        if self._unknown:
            note(f"{self._what} does not tell the folder of {self._unknown} relative paths; strace tells it with -y")
        if self._cut:
            note(f"{self._what} has {self._cut} paths that are cut short")

    def _line(self, line: Line, pid: int, time: int) -> Iterator[Event]:
        match line.what:
            case "call":
                yield from self._call(pid, line.name, line.text, time)
            case "unfinished":
                self._processes.begin(pid, line)
            case "resumed":
                if (text := self._processes.resume(pid, line)) is not None:
                    yield from self._call(pid, line.name, text, time)
            case "attached":
                self._processes.attached(pid, line)
            case "superseded":
                self._processes.superseded(pid, line.other)
            case "ended":
                self._processes.ended(pid)
            case "signal" | "other":
                pass

    def _call(self, pid: int, name: str, text: bytes, time: int) -> Iterator[Event]:
        self._calls += 1
        process = self._processes[pid]
        if known := PATH_CALLS.get(name):
            yield from self._path_call(process, name, known, text, time)
        elif name in FORKS:
            yield from self._forked(process, text)
        elif name in _SOCKETS:
            yield from self._socket(process, text, time)
        elif name in _READS:  # what was opened before, or without a path
            if path := straceline.descriptor(text).folder_path:
                yield from self._event("open", path, process, time)
        elif name in ("fchdir", "dup", "dup2", "dup3", "fcntl", "getcwd", "open_by_handle_at"):
            outcome = straceline.result(text)
            if outcome.value is not None and outcome.value >= 0:
                yield from self._descriptor_call(process, name, text, outcome, time)

    def _path_call(self, process: Process, name: str, known: PathCall, text: bytes, time: int) -> Iterator[Event]:
        outcome = straceline.result(text)
        kind = kind_of_use(known.kind, outcome.error)
        if kind is None:
            return
        used = None
        paths = straceline.paths(text, known.arguments)
        if name == "mount" and b"MS_BIND" not in text:
            paths = paths[1:]  # the source is a device, or only a name
        for argument in paths:
            if argument.folder_path and argument.folder in HERE:
                yield from self._in_folder(process, argument.folder_path)
            if argument.cut or b"\0" in argument.path:
                self._cut += 1
            elif argument.path or name == "execveat":  # without, it is the descriptor itself, which has been opened
                used = process.full(argument, in_folder=name == "openat2" and b"RESOLVE_IN_ROOT" in text)
                self._unknown += used is None
                if used is not None:
                    yield from self._event(kind, used, process, time)
        if used and outcome.value is not None and outcome.value >= 0:
            yield from self._done(process, name, used, outcome, time)

    def _done(self, process: Process, name: str, path: bytes, outcome: Result, time: int) -> Iterator[Event]:
        """What a call that succeeded changes for the process."""
        match name:
            case "chdir":
                process.place.move(path)
            case "chroot":
                process.place.root = path.rstrip(b"/")
            case "execve" | "execveat":
                process.program = path
            case "open" | "creat" | "openat" | "openat2" | "open_tree":
                process.opened(outcome.value or 0, outcome.file or path)
                if outcome.file and (path.startswith(b"/proc/") or process.place.root):  # where it led to
                    yield from self._event("open", outcome.file, process, time)
            case _:
                pass

    def _descriptor_call(self, process: Process, name: str, text: bytes, outcome: Result, time: int) -> Iterator[Event]:
        """Calls that tell the folder of a process, or where a descriptor leads."""
        if name == "getcwd":
            answers = straceline.paths(text, "p")
            if answers and answers[0].path.startswith(b"/") and not process.place.root:
                yield from self._in_folder(process, answers[0].path)
            return
        if name == "open_by_handle_at":
            if outcome.file:
                process.opened(outcome.value or 0, outcome.file)
                yield from self._event("open", outcome.file, process, time)
            return
        given = straceline.descriptor(text)
        path = given.folder_path or process.files.get(given.folder)
        if name == "fchdir":
            self._unknown += path is None
            process.place.move(path or process.place.cwd)
        elif path and (name != "fcntl" or b"F_DUPFD" in text):
            process.opened(outcome.value or 0, path)

    def _socket(self, process: Process, text: bytes, time: int) -> Iterator[Event]:
        found = _SOCKET.search(text)
        kind = kind_of_use("stat", straceline.result(text).error) if found else None
        if found and kind and (path := process.full(Argument(straceline.unquoted(found[1])))):
            yield from self._event(kind, path, process, time)

    def _forked(self, process: Process, text: bytes) -> Iterator[Event]:
        folder = self._processes.forked(process, straceline.result(text), text)
        if folder is not None:
            yield from self._found.settle(folder, process.place.cwd)

    def _in_folder(self, process: Process, cwd: bytes) -> Iterator[Event]:
        """The process's working folder, as strace or the kernel tells it: perhaps where it began, too."""
        if not is_known(process.place.cwd) and b"/" not in process.place.cwd:
            yield from self._found.settle(process.place.cwd, cwd)
        process.place.move(cwd)

    def _event(self, kind: Kind, path: bytes, process: Process, time: int) -> Iterator[Event]:
        return self._found.event(kind, path, process.program, time)
