"""From a system call that waits to events: which paths it names, and whether they exist."""

import struct
from collections.abc import Sequence

from fromscratch.formats.trace.processes import within_root
from fromscratch.tracing.callers import AT_CWD, Caller, Callers, Root
from fromscratch.tracing.calls import PathCall, Place
from fromscratch.tracing.recording import Recording

_AF_UNIX, _LONGEST_ADDRESS = 1, 110
_OWN = (b"/proc/self/", b"/proc/thread-self/")
_DELETED = b" (deleted)"
_HOW_SIZE, _RESOLVE_IN_ROOT = 24, 0x10  # struct open_how of linux/openat2.h; the bits of `resolve` begin at byte 16


class Observer:
    """Records what calls name. Not safe for several threads.

    `elsewhere` are the processes whose root is not below the recorded one, of which nothing is recorded.
    """

    def __init__(self, recording: Recording, root: Root) -> None:
        self._recording, self._root, self._callers = recording, root, Callers(root)
        self.elsewhere: set[int] = set()

    @property
    def starters(self) -> dict[int, int]:
        """The run that each process began which became the command of one."""
        return self._callers.starters

    def sees(self, pid: int) -> bool:
        """Whether the root of a process is the recorded one, or below it."""
        return self._root.prefix(pid) is not None

    def close(self) -> None:
        self._callers.forget_all()
        self._root.close()

    def look(self, pid: int, call: PathCall, arguments: Sequence[int], run: int) -> None:
        """Record the paths of a call that waits. Raises OSError for what ended meanwhile or may not be looked into.

        This is done for every call, so it does at once what most of them need: nothing, since it was seen before.
        """
        caller = self._callers.get(pid, run)
        if caller.prefix is None:
            self.elsewhere.add(pid)
            return
        flags, in_folder = 0, False
        if call.flags >= 0:
            flags = arguments[call.flags]
            if call.form == "how":
                how = caller.bytes_at(flags, _HOW_SIZE)
                flags, in_folder = int.from_bytes(how[:8], "little"), bool(how[16:17] and how[16] & _RESOLVE_IN_ROOT)
            flags &= call.bits
        for place in call.places:
            address = arguments[place.path]
            if call.form == "address":
                text = _socket_path(caller.bytes_at(address, min(arguments[place.path + 1], _LONGEST_ADDRESS)))
            else:
                text = caller.text(address) if address else None
            if text is None:
                continue
            folder = b""
            if text[:1] != b"/" or in_folder:
                folder = caller.folder(arguments[place.folder] if place.folder >= 0 else AT_CWD)
            key = call.number, flags, folder, text
            missed = caller.seen.get(key)
            if missed is None:
                self._first(caller, call, place, key, run)
            elif missed and caller.sees(self._root, missed, _follows(call, place, flags)):
                caller.seen[key] = b""
                self._recording.add(call.kind, missed, caller.program, run)
        if call.kind == "exec" or call.roots:
            self._callers.forget(pid)

    def _first(
        self, caller: Caller, call: PathCall, place: Place, key: tuple[int, int, bytes, bytes], run: int
    ) -> None:
        """Record what this program calls for the first time."""
        _, flags, folder, text = key
        path = _joined(folder, text) if folder else _below_root(caller, text)
        if path[:6] == b"/proc/":
            path = _own_link(caller, path)
        kind, missed = call.kind, b""
        if path[:6] != b"/proc/":  # what is there differs from process to process
            if path[:1] != b"/" or folder[-10:] == _DELETED:
                caller.seen[key] = b""
                return  # a socket, or a folder that has no name any more
            if place.made or flags & call.create:
                if not caller.sees(self._root, path.rstrip(b"/").rpartition(b"/")[0] or b"/", True):
                    kind = "missing"
            elif not caller.sees(self._root, path, _follows(call, place, flags)):
                kind, missed = "missing", path
        caller.seen[key] = missed
        self._recording.add(kind, path, caller.program, run)


def _below_root(caller: Caller, path: bytes) -> bytes:
    """An absolute path as seen from the recorded root; one with ".." stays in the caller's own."""
    return caller.prefix + (within_root(path) if b".." in path else path) if caller.prefix else path


def _socket_path(address: bytes) -> bytes | None:
    """The path in a struct sockaddr, unix(7); None for other addresses, and for names that are not of files."""
    if len(address) < 3 or struct.unpack_from("=H", address)[0] != _AF_UNIX:
        return None
    return address[2:].partition(b"\0")[0] or None  # names in the abstract namespace begin with a NUL


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
