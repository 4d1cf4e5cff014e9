"""The processes of a log: what the paths of each are relative to, as far as its system calls tell."""

from posixpath import normpath

from fromscratch.formats.trace.collected import unknown
from fromscratch.formats.trace.straceline import Argument, Line, Result

_SELF = (b"/proc/self/", b"/proc/thread-self/")
HERE = (b"", b"AT_FDCWD", b"-100", b"4294967196", b"0xffffff9c")
"""How the first argument of openat(2) and its like says that a path is relative to the working folder."""
_DESCRIPTORS = 4096
_LONG = 2048
FORKS = ("clone", "clone3", "fork", "vfork")
FIRST = -1
"""The process of lines without a number."""


class Place:
    """The working folder and root, which threads share. The folder may be unknown: see `collected`."""

    def __init__(self, cwd: bytes, root: bytes = b"") -> None:
        self.cwd, self.root = cwd, root

    def move(self, cwd: bytes) -> None:
        """The working folder is now this one. If it has grown long by "..", it is shortened as if it had no symlink."""
        self.cwd = cwd if len(cwd) <= _LONG else normpath(cwd)


class Process:
    """A process or thread. `program` is the path that it last executed; `files` are the paths of its descriptors."""

    def __init__(self, place: Place, program: bytes = b"", files: dict[bytes, bytes] | None = None) -> None:
        self.place, self.program = place, program
        self.files: dict[bytes, bytes] = {} if files is None else files

    def child(self, flags: bytes) -> "Process":
        """The process or thread that it has made with these flags of clone(2)."""
        place = self.place if b"CLONE_FS" in flags else Place(self.place.cwd, self.place.root)
        return Process(place, self.program, self.files if b"CLONE_FILES" in flags else dict(self.files))

    def full(self, argument: Argument, *, in_folder: bool = False) -> bytes | None:
        """The path from the machine's root, with "..", "." and symlinks as they are; None if it cannot be known.

        `in_folder` is for RESOLVE_IN_ROOT, with which an absolute path is below the descriptor too.
        """
        path = argument.path
        if path.startswith(b"/") and not in_folder:
            return self._through_proc(path) or self.place.root + (within_root(path) if self.place.root else path)
        if argument.folder in HERE:
            folder: bytes | None = self.place.cwd
        else:
            folder = argument.folder_path or self.files.get(argument.folder)
        if folder is None or not path:
            return folder
        return b"/".join((folder.rstrip(b"/"), path.lstrip(b"/")))

    def opened(self, descriptor: int, path: bytes) -> None:
        if len(self.files) < _DESCRIPTORS:
            self.files[b"%d" % descriptor] = path

    def _through_proc(self, path: bytes) -> bytes | None:
        """Where a magic link of /proc/self, or of /dev/fd, leads this process."""
        top = next((each for each in _SELF if path.startswith(each)), None)
        inside = path[len(top) :] if top else path[5:] if path.startswith(b"/dev/fd/") else b""
        link, _, below = inside.partition(b"/")
        target: bytes | None = None
        if link == b"exe":
            target = self.program
        elif link in (b"cwd", b"root"):
            target = self.place.cwd if link == b"cwd" else self.place.root or b"/"
        elif link == b"fd":
            descriptor, _, below = below.partition(b"/")
            target = self.files.get(descriptor)
        if not target:
            return None
        return target.rstrip(b"/") + b"/" + below if below else target


def within_root(path: bytes) -> bytes:
    """An absolute path without the ".." that would lead above its root: the kernel stays there."""
    depth, parts = 0, []
    for part in path.split(b"/")[1:]:
        if part == b"..":
            if depth <= 0:
                continue
            depth -= 1
        elif part not in (b"", b"."):
            depth += 1
        parts.append(part)
    return b"/" + b"/".join(parts)


class Processes:
    """All processes that a log tells of so far, and the calls that they are in."""

    def __init__(self) -> None:
        self._all: dict[int, Process] = {}
        self._pending: dict[int, Line] = {}
        self._forking: dict[int, bytes] = {}  # processes within a clone, with its arguments
        self._early: set[int] = set()  # children that were seen before the clone that made them ended
        self._orphans: dict[int, bytes] = {}  # those whose parent is not known yet, and the folder where they began
        self._unclaimed: dict[int, Process] = {}
        self._alive: dict[int, None] = {}
        self._last: Process | None = None
        self.likely: dict[bytes, bytes] = {}
        """Where processes probably began whose parent is in no line: where the one was that had made the last call."""

    def __getitem__(self, pid: int) -> Process:
        found = self._all.get(pid)
        if found is None:
            found = self._all[pid] = self._new(pid)
        self._last = found
        return found

    def _new(self, pid: int) -> Process:
        if pid in self._unclaimed:
            return self._unclaimed.pop(pid)
        if self._forking:  # its first line may come before its parent's
            parent, flags = next(reversed(self._forking.items()))
            self._early.add(pid)
            return self[parent].child(flags)
        if self._unclaimed:  # in a PID namespace a parent calls its child by another number
            return self._unclaimed.pop(next(reversed(self._unclaimed)))
        if FIRST in self._all and not self._alive:
            return self._all[FIRST]
        folder, place = unknown(len(self.likely)), Place(b"") if self._last is None else self._last.place
        self._orphans[pid], self.likely[folder] = folder, place.cwd
        return Process(Place(folder, place.root))

    def unnumbered(self) -> int:
        """The process of a line without a number: strace leaves it out while there is only one."""
        return next(iter(self._alive)) if len(self._alive) == 1 else FIRST

    def begin(self, pid: int, line: Line) -> None:
        """The process is in the call of this line, which another interrupts."""
        self[pid]
        self._pending[pid] = line
        if line.name in FORKS:
            self._forking[pid] = line.text

    def resume(self, pid: int, line: Line) -> bytes | None:
        """The whole text of the call that this line ends; None if it did not begin in this log."""
        begun = self._pending.pop(pid, None) or self._of_first(pid)
        self._forking.pop(pid, None)
        return begun.text + line.text if begun is not None and begun.name == line.name else None

    def unfinished(self) -> list[tuple[int, Line]]:
        return list(self._pending.items())

    def attached(self, pid: int, line: Line) -> None:
        """strace follows one more process, and may say so in the middle of a parent's line."""
        if line.name:
            self.begin(pid, line)
        if not self._alive and self._all:
            self._alive[FIRST] = None
        self._alive[line.other] = None
        self[line.other]

    def forked(self, process: Process, outcome: Result, flags: bytes) -> bytes | None:
        """The folder in which a child began that was seen before: only now is known that it is where its parent is."""
        if outcome.error or not outcome.value:
            return None
        child = outcome.outer_pid or outcome.value
        if child in self._early:
            self._early.discard(child)
        elif child in self._orphans:
            found = self._all[child]
            found.program = found.program or process.program
            found.files = process.files | found.files
            return self._orphans.pop(child)
        else:  # if there was one with this number, it has ended
            self._all.pop(child, None)
            self._unclaimed[child] = process.child(flags)
        return None

    def superseded(self, pid: int, by: int) -> None:
        """A thread's execve ends the other threads, and goes on under the first one's number."""
        if begun := self._pending.pop(by, None):
            self._pending[pid] = begun
        self._all[pid] = self[by]

    def ended(self, pid: int) -> None:
        self._all.pop(pid, None)
        self._pending.pop(pid, None)
        self._forking.pop(pid, None)
        self._alive.pop(pid, None)
        self._orphans.pop(pid, None)

    def _of_first(self, pid: int) -> Line | None:
        """What the first process had begun, if this is the number under which it goes on."""
        begun = self._pending.pop(FIRST, None)
        if begun is not None:
            self._all[pid] = self._all.pop(FIRST)
            self._alive.pop(FIRST, None)
            self._alive[pid] = None
            self._forking.pop(FIRST, None)
        return begun
