"""One line of strace's output: who it is about, when it was, and what happened; and the parts of a call."""

import re
from typing import Literal, NamedTuple

from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import number

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_ANGLES = rb"<(?:[^<>]++|<[^<>]*+>)*+>"  # the file of a descriptor, or of a device within: </dev/null<char 1:3>>
_PREFIX = lazy_regex(
    rb"(?:\[pid +(?P<bracketed>\d{1,10})(?:<[^>]*>)?\] |(?P<pid>\d{1,10})(?:<[^>]*>)? +)?"
    rb"(?:(?P<clock>\d\d:\d\d:\d\d(?:\.\d{1,9})?)|(?P<since>\d{9,11}(?:\.\d{1,9})?)|(?P<step> *\d{1,9}\.\d{1,9}))?"
    rb"(?: *\(\+ *[\d.]+\))? *(?:\[ *[0-9a-f?]+\] *)*"
)
_CALL = lazy_regex(rb"([a-z_][a-z0-9_]*)\((.*)", re.DOTALL)
_RESUMED = lazy_regex(rb"<\.\.\. ([a-z_][a-z0-9_]*) resumed> ?(.*)", re.DOTALL)
_ATTACHED = lazy_regex(rb"(.*?)(?:strace: )?Process (\d{1,10}) attached", re.DOTALL)
_SUPERSEDED = lazy_regex(rb"\+\+\+ superseded by execve in pid (\d{1,10}) \+\+\+")
_RESULT = lazy_regex(
    rb"(?:%b|%b|[^\")<]++|<|\)(?! +=))*+\) += (-?\d+|0x[0-9a-f]+|\?)"
    rb"(?:<((?:[^<>]++|<[^<>]*+>)*+)>)?(?:\(deleted\))?(?: (E[A-Z0-9]+))?(?: /\* (\d{1,10}) in strace's PID NS \*/)?"
    % (_STRING, _ANGLES),
    re.DOTALL,
)
_ESCAPE = lazy_regex(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b"}
_UNFINISHED = b"<unfinished ...>"
_LARGEST_PID = 1 << 22
_DETAIL = rb"(?: \[[^\]]*+\])?"  # a security context
_PARTS = {
    "p": rb'(?:"((?:[^"\\]++|\\.)*+)"(\.\.\.)?|(?:NULL|0x[0-9a-f]+))' + _DETAIL,
    "d": rb"(AT_FDCWD|-?\d+|0x[0-9a-f]+)(?: /\* AT_FDCWD \*/)?(?:<((?:[^<>]++|<[^<>]*+>)*+)>)?(?:\(deleted\))?"
    + _DETAIL,
    "-": rb"(?:%b(?:\.\.\.)?|(?:-?\d+%b|[^\",<]++|<)*+)%b" % (_STRING, _ANGLES, _DETAIL),
}
_patterns: dict[str, re.Pattern[bytes]] = {}

What = Literal["call", "unfinished", "resumed", "ended", "superseded", "attached", "signal", "other"]


class Line(NamedTuple):
    """`text` is what follows the opening bracket of a call's arguments; `other` is the process that it tells of."""

    what: What
    pid: int | None = None
    name: str = ""
    text: bytes = b""
    other: int = 0
    clock: float | None = None
    step: float | None = None


class Result(NamedTuple):
    """What a call returned: `value` is None if strace could not tell; `file` is what it says of a descriptor."""

    value: int | None
    file: bytes = b""
    error: str = ""
    outer_pid: int = 0


class Argument(NamedTuple):
    """A path, perhaps cut short, below `folder`, a descriptor such as AT_FDCWD, and what strace says of it."""

    path: bytes
    cut: bool = False
    folder: bytes = b""
    folder_path: bytes = b""


def read(raw: bytes) -> Line:
    """What the line says; "other" for one that is not strace's, or tells nothing of files and processes."""
    found = _PREFIX.match(raw)
    rest = raw[found.end() :] if found else raw
    line = _content(rest)
    if not found or line.what == "other":
        return line
    pid, clock = number(found["bracketed"] or found["pid"] or b""), _clock(found["clock"] or found["since"])
    if pid is not None and pid > _LARGEST_PID:  # whole seconds since 1970
        clock, pid = float(pid), None
    step: bytes | None = found["step"]
    return line._replace(pid=pid, clock=clock, step=None if step is None else float(step))


def _clock(text: bytes | None) -> float | None:
    if text is None:
        return None
    if b":" not in text:
        return float(text)
    hours, minutes, seconds = text.split(b":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _content(rest: bytes) -> Line:
    if rest.endswith(b" attached") and (found := _ATTACHED.fullmatch(rest)):
        begun = _CALL.fullmatch(found[1])  # a call whose line strace broke off to say so
        name, text = (begun[1].decode(), begun[2]) if begun else ("", b"")
        return Line("attached", name=name, text=text, other=int(found[2]))
    if call := _CALL.fullmatch(rest):
        name, text = call[1].decode(), call[2]
        if text.endswith(_UNFINISHED):
            return Line("unfinished", name=name, text=text[: -len(_UNFINISHED)].rstrip(b" "))
        return Line("call", name=name, text=text)
    if resumed := _RESUMED.fullmatch(rest):
        return Line("resumed", name=resumed[1].decode(), text=resumed[2])
    if rest.startswith(b"+++ "):
        successor = _SUPERSEDED.match(rest)
        return Line("superseded", other=int(successor[1])) if successor else Line("ended")
    return Line("signal") if rest.startswith(b"--- ") else Line("other")


def result(text: bytes) -> Result:
    """What a call returned whose text, from its arguments on, this is."""
    found = _RESULT.match(text)
    if not found or len(found[1]) > 20:
        return Result(None)
    value = None if found[1] == b"?" else int(found[1], 16 if found[1].startswith(b"0x") else 10)
    error = (found[3] or b"").decode()
    return Result(value, descriptor_path(found[2] or b""), error, int(found[4] or 0))


def paths(text: bytes, arguments: str) -> list[Argument]:
    """The paths among a call's arguments, which are described as in `syscalls`; not those shown as numbers."""
    pattern = _patterns.get(arguments)
    if pattern is None:
        pattern = _patterns[arguments] = re.compile(b", ".join(_PARTS[each] for each in arguments), re.DOTALL)
    match = pattern.match(text)
    if match is None:
        return []
    groups, position, folder = match.groups(), 0, (b"", b"")
    found = []
    for each in arguments:
        if each == "d":
            folder = (groups[position], descriptor_path(groups[position + 1] or b""))
        elif each == "p":
            if groups[position] is not None:
                found.append(Argument(unquoted(groups[position]), bool(groups[position + 1]), *folder))
            folder = (b"", b"")
        position += 0 if each == "-" else 2
    return found


def descriptor(text: bytes) -> Argument:
    """The first argument of a call that takes a descriptor."""
    if "d" not in _patterns:
        _patterns["d"] = re.compile(_PARTS["d"], re.DOTALL)
    found = _patterns["d"].match(text)
    return Argument(b"", False, found[1], descriptor_path(found[2] or b"")) if found else Argument(b"")


def descriptor_path(text: bytes) -> bytes:
    """The path that strace shows in angle brackets after a descriptor; empty for a socket, a pipe and so on."""
    path = unquoted(text.partition(b"<")[0]) if text[:1] in (b"/", b"\\") else b""
    return path if path.startswith(b"/") else b""


def unquoted(text: bytes) -> bytes:
    """The bytes of a string as strace shows them, with or without -x or -xx."""
    return _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes([int(found[1], 8) & 0xFF])
    if found[2]:
        return bytes([int(found[2], 16)])
    return _NAMED_ESCAPES.get(found[3], found[3])
