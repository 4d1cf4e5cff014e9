"""From a system call that waits to events: which paths it names, and whether they exist."""

import struct

from fromscratch.formats.trace.events import Kind
from fromscratch.tracing.callers import AT_CWD, Caller, Callers, Root
from fromscratch.tracing.calls import PathCall, Place
from fromscratch.tracing.recording import Recording

_AF_UNIX, _LONGEST_ADDRESS = 1, 110
_OWN = (b"/proc/self/", b"/proc/thread-self/")
_DELETED = b" (deleted)"


class Observer:
    """Records what calls name. Not safe for several threads.

    `elsewhere` are the processes whose root is not below the recorded one, of which nothing is recorded.
    """

    def __init__(self, recording: Recording, root: Root) -> None:
        self._recording, self._callers = recording, Callers(root)
        self.elsewhere: set[int] = set()

    def close(self) -> None:
        self._callers.forget_all()
        self._callers.root.close()

    def look(self, pid: int, call: PathCall, arguments: list[int], run: int) -> None:
        """Record the paths of a call that waits. Raises OSError for what ended meanwhile or may not be looked into."""
        caller = self._callers.get(pid, run)
        if caller.prefix is None:
            self.elsewhere.add(pid)
            return
        flags = 0
        if call.flags >= 0:
            flags = arguments[call.flags]
            if call.form == "how":
                flags = int.from_bytes(caller.bytes_at(flags, 8), "little")
            flags &= call.bits
        for place in call.places:
            text = _text(caller, call, place, arguments)
            if text is None:
                continue
            folder = b""
            if text[:1] != b"/":
                folder = caller.folder(arguments[place.folder] if place.folder >= 0 else AT_CWD)
            key = call.number, flags, folder, text
            missed = caller.seen.get(key)
            if missed is None:
                self._first(caller, call, place, key, run)
            elif missed and caller.sees(self._callers.root, missed, follows=_follows(call, place, flags)):
                caller.seen[key] = b""
                self._recording.add(call.kind, missed, caller.program, run)
        if call.kind == "exec" or call.roots:
            self._callers.forget(pid)

    def _first(
        self, caller: Caller, call: PathCall, place: Place, key: tuple[int, int, bytes, bytes], run: int
    ) -> None:
        """Record what this program calls for the first time."""
        _, flags, folder, text = key
        path = _joined(folder, text) if folder else (caller.prefix or b"") + text
        caller.seen[key] = b""
        if path.startswith(b"/proc/"):
            path = _own_link(caller, path)
        if not path.startswith(b"/") or folder.endswith(_DELETED):
            return  # a socket or a file that has no name any more
        kind: Kind = call.kind
        if not path.startswith(b"/proc/"):  # what is there differs from process to process
            made = place.made or bool(flags & call.create)
            looked_at = path.rstrip(b"/").rpartition(b"/")[0] or b"/" if made else path
            if not caller.sees(self._callers.root, looked_at, follows=made or _follows(call, place, flags)):
                kind = "missing"
                caller.seen[key] = b"" if made else path
        self._recording.add(kind, path, caller.program, run)


def _text(caller: Caller, call: PathCall, place: Place, arguments: list[int]) -> bytes | None:
    """The path as it was given, or None if there is none."""
    address = arguments[place.path]
    if call.form != "address":
        return caller.text(address) if address else None
    data = caller.bytes_at(address, min(arguments[place.path + 1], _LONGEST_ADDRESS))
    if len(data) < 3 or struct.unpack_from("=H", data)[0] != _AF_UNIX:
        return None
    return data[2:].partition(b"\0")[0] or None  # names in the abstract namespace begin with a NUL


def _follows(call: PathCall, place: Place, flags: int) -> bool:
    return bool(flags & call.follow) or (place.follows and not flags & call.stay)


def _joined(folder: bytes, text: bytes) -> bytes:
    return folder + b"/" + text if text and folder != b"/" else folder + text


def _own_link(caller: Caller, path: bytes) -> bytes:
    """What /proc/self/exe and its like lead to; other paths as they are."""
    for start in _OWN:
        if path.startswith(start):
            what, _, rest = path[len(start) :].partition(b"/")
            if what == b"fd" and rest:
                number, _, rest = rest.partition(b"/")
                what += b"/" + number
            elif what not in (b"exe", b"cwd", b"root"):
                return path
            return _joined(caller.link(what), rest)
    return path
