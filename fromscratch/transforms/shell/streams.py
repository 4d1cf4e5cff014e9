"""What descriptors of a shell stand for: files of the tree, captured output, and what is read."""

from fromscratch.errors import ImageError
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, Meta
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.bounds import VALUE, Budget
from fromscratch.transforms.shell.left_out import Matter
from fromscratch.transforms.shell.machine import Machine
from fromscratch.transforms.shell.values import Doubt

_PASSING = ("/run/", "/tmp/", "/var/cache/", "/var/log/", "/var/tmp/")


class Output:
    """A place that output is lost in, as that of a terminal, or of /dev/null."""

    def write(self, data: bytes | Doubt) -> None:
        return


class Capture(Output):
    """Output that another command reads. Once something in it is in doubt, all of it is."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._data = bytearray()
        self._doubt: Doubt | None = None

    def write(self, data: bytes | Doubt) -> None:
        if isinstance(data, Doubt):
            self._doubt = self._doubt or data
        else:
            self._budget.output(len(data))
            self._data += data

    def value(self) -> bytes | Doubt:
        """All that was written."""
        return self._doubt or bytes(self._data)


class UnknownFiles:
    """Files of the tree that a command which was left out would have written; kept by the machine."""

    def __init__(self) -> None:
        self.doubts: dict[TreePath, Doubt] = {}


class TreeFile(Output):
    """A file of the tree that is open for writing. Every write is in the tree at once."""

    def __init__(self, machine: Machine, budget: Budget, path: str, *, append: bool, umask: int) -> None:
        """Raises ImageError when no file can be written there."""
        self._machine, self._budget = machine, budget
        self.place = machine.tree.place(path)
        present = machine.tree.find(self.place)
        if present is not None and not isinstance(present, File):
            raise ImageError(f"{path} is not a file", "look at what stands there")
        self._before = present
        self._file = present or File(Meta(0o666 & ~umask), Inline(b""), (machine.origin(),))
        self._data = bytearray()
        unknown = machine.state(UnknownFiles).doubts
        self._doubt = unknown.get(self.place) if append else None
        if append and present is not None and self._doubt is None:
            self._data += contents(present)
        if not append:
            unknown.pop(self.place, None)
        if present is None or (present.content.size and not append):
            self._store()

    def write(self, data: bytes | Doubt) -> None:
        if isinstance(data, Doubt):
            if self._doubt is None:
                self._lose(data)
            return
        if self._doubt is None and data:
            self._budget.output(len(data))
            self._data += data
            self._store()

    def _lose(self, doubt: Doubt) -> None:
        """The content is in doubt: the file stays as it was."""
        self._doubt = doubt
        self._machine.state(UnknownFiles).doubts[self.place] = doubt
        if not self._is_listed(doubt):
            self._machine.leave_out(f"what is written to {self.place}", doubt.why, self.matter)
        if self._before is None:
            self._machine.tree.remove(self.place)
        else:
            self._machine.tree.put(self.place, self._before)

    def _is_listed(self, doubt: Doubt) -> bool:
        """Whether the command that would write is listed itself."""
        last = next(reversed(self._machine.left_out), None)
        here = (self._machine.package, self._machine.script, self._machine.line, doubt.why)
        return last is not None and (last.package, last.script, last.line, last.why) == here

    @property
    def matter(self) -> Matter:
        """What an image without the file lacks: no program needs a log, or what is below /run."""
        return "cache" if self.place.startswith(_PASSING) else "content"

    def _store(self) -> None:
        origin = self._machine.origin()
        origins = self._file.origins
        if origin not in origins:
            origins = (*origins, origin)
        present = self._machine.tree.find(self.place)  # its owner or mode may have changed since
        if isinstance(present, File):  # under all its names
            self._machine.tree.change(self.place, File(present.meta, Inline(bytes(self._data)), origins))
        else:
            self._machine.tree.put(self.place, File(self._file.meta, Inline(bytes(self._data)), origins))


def contents(file: File) -> bytes:
    """The bytes of a file of the tree. Raises ImageError for one that no script would read."""
    if file.content.size > VALUE:
        raise ImageError("the file is too large for a script", "see what the script reads")
    with file.content.open() as stream:
        return stream.read()


def read_file(machine: Machine, path: str) -> bytes | Doubt:
    """The content of a file of the tree. Raises ImageError when there is none, or it is not a file."""
    if path in ("/dev/null", "/dev/stdin", "/dev/tty"):
        return b""
    if path.startswith(("/proc/", "/sys/", "/dev/")):
        return Doubt(f"{path} is the running machine's")
    place = machine.tree.place(path)
    if doubt := machine.state(UnknownFiles).doubts.get(place):
        return doubt
    entry = machine.tree.find(place)
    if isinstance(entry, File):
        return contents(entry)
    what = "is a directory" if isinstance(entry, Directory) else "is not there"
    raise ImageError(f"{path} {what}", "look at what should have made it")
