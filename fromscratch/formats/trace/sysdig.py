"""sysdig's and falco's text: the files that the processes in it used.

Read are sysdig's lines (its own format, with -pc, -t, and any -p with %evt.dir, %evt.type and %evt.info in it), lines
of -p "%evt.type %fd.name %proc.name" and the like, falco's alerts, and both programs' JSON. Only the ends of calls (<)
tell what came of them. sysdig writes a dot for each byte that does not print, so such names cannot be had from it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fromscratch.errors import FormatError
from fromscratch.formats.trace.bounds import checked_lines
from fromscratch.formats.trace.collected import Collected
from fromscratch.formats.trace.events import Event, Kind
from fromscratch.formats.trace.syscalls import PATH_CALLS, kind_of_use
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import json_value
from fromscratch.paths import encode

_CALL = lazy_regex(rb"(?:^|.*?[ )])(?:([<>]) ([a-z][a-z0-9_]*)|([a-z][a-z0-9_]*) ([<>]))(?: +(.*))?", re.DOTALL)
_THREAD = lazy_regex(rb"\((\d{1,10})(?:[.:]\d{1,10})?\)[^()]*$")
_CLOCK = lazy_regex(rb"(?:^|\s)(?:(\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)|(\d{10})\.?(\d{9}))\s")
_DIGIT = lazy_regex(rb"\d")
_FIELD = lazy_regex(rb"(?:^| )([a-z_]{1,32})=")
_DESCRIPTOR = lazy_regex(rb"-?\d+\((?:<[a-z0-9]+>)?(.*)\)\Z", re.DOTALL)
_ERROR = lazy_regex(rb"-\d+\((E[A-Z0-9]+)\)")
_ALERT = lazy_regex(rb"[ (|]file=(/\S*)")
_ALERT_PROGRAM = lazy_regex(rb"[ (|](?:proc_exepath|exe_?path)=(/\S*)")
_PATHS = (b"name", b"path", b"filename", b"oldpath", b"newpath", b"linkpath", b"dir")
_READS = ("read", "readv", "pread", "preadv", "mmap", "mmap2", "getdents", "getdents64", "sendfile")
_UNKNOWN = (b"", b"<NA>", b"NULL")
_OTHER_NAMES = {"fstatat": "newfstatat", "open_by_handle_at": "open"}


def parse(
    lines: Iterable[bytes],
    *,
    what: str = "sysdig's output",
    cwd: str = "/",
    search: Iterable[str] = (),
    run: int = 1,
    note: Callable[[str], object] = len,
) -> Iterator[Event]:
    """The events of these lines; relative paths are below the process's folder, or `cwd` where sysdig does not tell it.

    An executed program of which only the name is known may be in any folder of `search`. `note` is called with what
    could not be made out. Raises FormatError, which names `what`, and TooLarge.
    """
    output = _Output(Collected(what, cwd=cwd, run=run), encode(cwd), [encode(each) for each in search])
    read = other = 0
    for _, line in checked_lines(lines, what):
        known = output.is_event(line)
        read += known
        other += not known and bool(line.strip())
        if known:
            yield from output.events()
    if not read:
        raise FormatError(
            f"{what} has no event of sysdig or falco", "give what sysdig prints, or says with -p '%evt.type %fd.name'"
        )
    if other:
        note(f"{what} has {other} lines that are not of sysdig or falco")


def is_event(line: bytes) -> bool:
    """Whether a line is of sysdig or falco."""
    return _Output(Collected(""), b"/", []).is_event(line)


class _Output:
    """What sysdig has said of each thread so far, and what the line that was read last says."""

    def __init__(self, found: Collected, cwd: bytes, search: list[bytes]) -> None:
        self._found, self._cwd, self._search = found, cwd, search
        self._folders: dict[bytes, bytes] = {}
        self._programs: dict[bytes, bytes] = {}
        self._asked: dict[bytes, bytes] = {}  # the file names of calls of execve that have not ended
        self._first: float | None = None
        self._last: list[tuple[Kind, bytes, bytes, int]] = []

    def is_event(self, line: bytes) -> bool:
        """Whether the line is of sysdig or falco; `events` then has what it tells."""
        self._last = []
        if line.lstrip()[:1] in (b"{", b"["):
            return self._json(line)
        call = _CALL.match(line)
        name = (call[2] or call[3]).decode() if call else ""
        head = line[: call.start(1) if call[1] else call.start(3)] if call else b""
        if call and (_DIGIT.search(head) or b"=" in (call[5] or b"")):
            thread = _THREAD.search(head.rstrip())
            who = thread[1] if thread else head.split()[-1] if head.split() else b""
            if name in _READS:
                self._read(who, call[5] or b"", self._time(line))
            elif b"<" in (call[1], call[4]):
                self._ended(who, name, call[5] or b"", self._time(line))
            elif name in ("execve", "execveat"):
                asked = _fields(call[5] or b"").get(b"filename", b"")
                self._asked[who] = b"" if asked in _UNKNOWN else asked
            return True
        return self._alert(line) or self._columns(line)

    def events(self) -> Iterator[Event]:
        """The events of that line."""
        for kind, path, program, time in self._last:
            yield from self._found.event(kind, path, program, time)

    def _time(self, line: bytes) -> int:
        found = _CLOCK.search(line[:80])
        if not found:
            return 0
        if found[4]:
            now = int(found[4]) + int(found[5]) / 1e9
        else:
            now = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
        if self._first is None:
            self._first = now
        return round(max(0.0, now - self._first) * 1000)

    def _read(self, who: bytes, information: bytes, time: int) -> None:
        """A file that is read or mapped may have been opened before sysdig began."""
        if path := _opened(_fields(information)):
            self._last.append(("open", path, self._programs.get(who, b""), time))

    def _ended(self, who: bytes, name: str, information: bytes, time: int) -> None:
        """What a call that has ended was for."""
        known = PATH_CALLS.get(_OTHER_NAMES.get(name, name))
        fields = _fields(information)
        if (folder := fields.get(b"cwd", b"")).startswith(b"/"):
            self._folders[who] = folder
        if known is None:
            if name in ("clone", "clone3", "fork", "vfork"):
                self._cloned(who, fields)
            return
        outcome = _ERROR.match(fields.get(b"fd", fields.get(b"res", b"")))
        error = outcome[1].decode() if outcome else ""
        kind = kind_of_use(known.kind, error)
        program = self._programs.get(who, b"")
        if kind is None:
            return
        if known.kind == "exec":
            self._executed(who, kind, fields, program, time, failed=bool(error))
            return
        paths = [path for key in _PATHS if (path := self._path(who, fields, key)) is not None]
        if not paths and (opened := _opened(fields)):
            paths = [opened]
        self._last += [(kind, path, program, time) for path in paths]
        if name == "chdir" and paths and not error:
            self._folders[who] = paths[0]

    def _cloned(self, who: bytes, fields: dict[bytes, bytes]) -> None:
        child = fields.get(b"res", b"").partition(b"(")[0]
        if child.isdigit() and child != b"0" and len(child) <= 10:
            self._folders[child] = self._folders.get(who, self._cwd)
            if who in self._programs:
                self._programs[child] = self._programs[who]

    def _executed(
        self, who: bytes, kind: Kind, fields: dict[bytes, bytes], program: bytes, time: int, *, failed: bool
    ) -> None:
        """A program: as the kernel knows it, as it was asked for, or its first argument."""
        candidates = (fields.get(b"trusted_exepath", b""), fields.get(b"exepath", b""), self._asked.pop(who, b""))
        name = fields.get(b"filename", b"") or fields.get(b"exe", b"")
        paths = list(dict.fromkeys(path for path in candidates if path not in _UNKNOWN))
        if not paths and b"/" in name:
            paths = [name]
        paths = [self._below(who, path) for path in paths]
        if not failed:
            self._programs[who] = paths[0] if paths else b""
        if not paths and name not in _UNKNOWN:
            paths = [folder.rstrip(b"/") + b"/" + name for folder in self._search]
        self._last += [(kind, path, program, time) for path in paths]

    def _path(self, who: bytes, fields: dict[bytes, bytes], key: bytes) -> bytes | None:
        value = fields.get(key, b"")
        if value in _UNKNOWN:
            return None
        if not value.startswith(b"/"):
            if value.endswith(b")") and (resolved := value.rpartition(b"(/"))[1]:  # name=a/b(/srv/a/b)
                return b"/" + resolved[2][:-1]
            name, _, again = value.rstrip(b")").partition(b"(")  # name=a(a)
            value = name if name == again else value
            if (opened := _opened(fields)).startswith(b"/"):
                return opened
        return self._below(who, value)

    def _below(self, who: bytes, path: bytes) -> bytes:
        if path.startswith(b"/"):
            return path
        return self._folders.get(who, self._cwd).rstrip(b"/") + b"/" + path

    def _json(self, line: bytes) -> bool:
        try:
            value = json_value(line.strip().strip(b"[],"))
        except ValueError:
            return False
        fields: Any = value.get("output_fields", value) if isinstance(value, dict) else None
        if not isinstance(fields, dict):
            return False
        texts = {key: encode(text) for key, text in fields.items() if isinstance(text, str)}
        name, who = texts.get("evt.type", b"").decode("utf-8", "replace"), texts.get("proc.name", b"")
        information = texts.get("evt.info", texts.get("evt.args", b""))
        if information:
            if texts.get("evt.dir", b"<") == b"<":
                self._ended(who, name, information, 0)
            return True
        path, program = texts.get("fd.name", b""), texts.get("proc.exepath", b"")
        if path.startswith(b"/"):
            self._use(name, path, program)
        elif program.startswith(b"/"):
            self._use("execve", program, b"")
        return "output_fields" in value or "evt.type" in texts or path.startswith(b"/")

    def _alert(self, line: bytes) -> bool:
        found = _ALERT.search(line)
        if not found:
            return False
        program = _ALERT_PROGRAM.search(line)
        self._use("open", found[1].rstrip(b")"), program[1] if program else b"")
        return True

    def _columns(self, line: bytes) -> bool:
        """A line of a format of the user's own: a call's fields, or the name of a call and a path, in any order."""
        fields = _fields(line.partition(b" | ")[0])
        if b"fd" in fields and (b"name" in fields or _opened(fields)):
            self._ended(b"", "open", line.partition(b" | ")[0], 0)
            return True
        words = line.split()
        paths = [word for word in words if word.startswith(b"/")]
        calls = [name for word in words if (name := word.decode("utf-8", "replace")) in PATH_CALLS]
        if not calls or len(words) > 12 or not (paths or b"<NA>" in words):
            return False
        if paths:
            self._use(calls[0], paths[0], paths[1] if len(paths) > 1 else b"")
        return True

    def _use(self, name: str, path: bytes, program: bytes) -> None:
        known = PATH_CALLS.get(_OTHER_NAMES.get(name, name))
        self._last.append((known.kind if known else "open", path, program if program.startswith(b"/") else b"", 0))


def _fields(information: bytes) -> dict[bytes, bytes]:
    """The arguments of an event: `res=0 path=/a b flags=0`."""
    fields: dict[bytes, bytes] = {}
    end = len(information)
    for each in reversed(list(_FIELD.finditer(information))):
        fields[each[1]] = information[each.end() : end].rstrip(b" ")
        end = each.start()
    return fields


def _opened(fields: dict[bytes, bytes]) -> bytes:
    """The path of the descriptor that a call returned: `fd=3(<f>/etc/passwd)`; empty for another kind."""
    found = _DESCRIPTOR.match(fields.get(b"fd", b""))
    return found[1] if found and found[1].startswith(b"/") and not found[1].endswith(b" (deleted)") else b""
