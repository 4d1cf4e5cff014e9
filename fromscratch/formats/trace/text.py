"""Our trace files: one event a line, fields between tabs, version 1. docs/tracing.md describes them.

#fromscratch-trace	1
#run	1	notification	sha256:…	linux/amd64	tail	FILE
open	/etc/passwd	/usr/bin/redis-server	1	12
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from msgspec.structs import replace

from fromscratch.errors import FormatError, TooLarge
from fromscratch.formats.trace.events import Event, Kind, Run, Trace
from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import number
from fromscratch.paths import decode, encode

VERSION = 1
MAX_BYTES, MAX_EVENTS, MAX_RUNS = 1 << 30, 4_000_000, 10_000
_MAX_LINE = 4 << 20  # the kernel's limit for the words of a command is 2 MiB, and an escape takes four bytes for one
_MAX_PATH = 3 * 4096  # the root, the working directory, and what was asked for below it
_START, _RUN = b"#fromscratch-trace\t", "#run"
_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
# Tab, newline, backslash; bytes that are not UTF-8; and characters that would move a terminal's cursor, or end a line.
_SPECIAL = lazy_regex("[\x00-\x1f\\\\\x7f-\x9f\u2028\u2029\udc80-\udcff]")
_ESCAPE = lazy_regex(rb"\\(?:([tn\\])|x([0-9a-f]{2})|)", re.DOTALL)
_SHORT = {"\t": "\\t", "\n": "\\n", "\\": "\\\\"}
_LONG = {b"t": b"\t", b"n": b"\n", b"\\": b"\\"}


def is_ours(start: bytes) -> bool:
    """Whether a file that starts like this is a trace file of ours, of any version."""
    return start.startswith(_START)


def write(trace: Trace) -> bytes:
    """The trace as a file: `read` gives the same trace back."""
    return b"".join(_lines(trace))


def _lines(trace: Trace) -> Iterator[bytes]:
    yield _START + b"%d\n" % VERSION
    for run in trace.runs:
        yield _line(_RUN, str(run.number), run.recorder, run.image, run.platform, *run.command)
    for event in trace.events:
        yield _line(event.kind, event.path, event.process, str(event.run), str(event.time))


def _line(*fields: str) -> bytes:
    text = "\t".join(_escaped(field) for field in fields)
    return text.encode() + b"\n"


def _escaped(field: str) -> str:
    if field.isascii() and field.isprintable() and "\\" not in field:
        return field
    return _SPECIAL.sub(lambda found: _escape(found[0]), field)


def _escape(char: str) -> str:
    return _SHORT.get(char) or "".join(f"\\x{byte:02x}" for byte in encode(char))


def read(data: bytes, what: str = "the trace") -> Trace:
    """The trace of a file; `what` is the file's name for messages. An event that stands there twice is read once.

    Raises FormatError, with the line, for what is not in this form, and for a trace without events.
    """
    if not data:
        raise FormatError(f"{what} is empty", "record the trace again")
    if not is_ours(data):
        raise FormatError(f"{what} is not a trace file: it does not start with {_START.decode().strip()}", _WRITTEN_BY)
    if len(data) > MAX_BYTES:
        raise TooLarge(f"{what} has more than {MAX_BYTES >> 20} MiB", "record fewer files, or in several traces")
    lines = data.split(b"\n")
    if lines.pop():
        raise FormatError(f"{what}, line {len(lines) + 1}: the file is cut off here", "record the trace again")
    trace = _Reader(what).trace(lines)
    if not trace.events:
        raise FormatError(f"{what} holds no events: nothing was recorded", "record the trace again")
    return trace


_WRITTEN_BY = "give a file that this program has recorded, or a list of paths or log that it can read"
_AS_DOCUMENTED = "fix that line, or record the trace again"


class _Reader:
    """Reads the lines of one file, and knows which of them it is at."""

    def __init__(self, what: str) -> None:
        self._what, self._line = what, 1
        self._texts: dict[bytes, str] = {}
        self._runs: dict[int, Run] = {}

    def trace(self, lines: Sequence[bytes]) -> Trace:
        self._check_version(lines[0])
        events: dict[tuple[str, str, str, int], Event] = {}
        for self._line, line in enumerate(lines[1:], 2):
            if len(line) > _MAX_LINE:
                raise self._wrong(f"it has {len(line)} bytes")
            if line.startswith(b"#"):
                self._header(line)
                continue
            event = self._event(line)
            events.setdefault((event.kind, event.path, event.process, event.run), event)
            if len(events) > MAX_EVENTS:
                raise TooLarge(f"{self._what} has more than {MAX_EVENTS} events", "record in several traces")
        return Trace(tuple(self._runs.values()), tuple(events.values()))

    def _check_version(self, line: bytes) -> None:
        version = number(line[len(_START) :])
        if version is None or version < 1:
            raise self._wrong("the first line does not give a version")
        if version > VERSION:
            raise FormatError(
                f"{self._what} is of version {version} of the format; this program knows {VERSION}",
                "use a newer version of this program, or record the trace again",
            )

    def _header(self, line: bytes) -> None:
        if line.startswith(b"# "):
            return  # a remark
        head, *fields = line.split(b"\t")
        if head != _RUN.encode() or len(fields) < 4:
            raise self._wrong("it is neither a run, an event nor a remark, which starts with '# '")
        count, (recorder, image, platform, *command) = self._count(fields[0]), map(self._text, fields[1:])
        if not count or count in self._runs:
            raise self._wrong(f"there is a run {count} above" if count else "runs are numbered from 1")
        if len(self._runs) == MAX_RUNS:
            raise self._wrong(f"there are more than {MAX_RUNS} runs")
        self._runs[count] = Run(number=count, command=tuple(command), image=image, recorder=recorder, platform=platform)

    def _event(self, line: bytes) -> Event:
        fields = line.split(b"\t")
        if len(fields) != 5:
            raise self._wrong(f"an event has five fields between tabs, not {len(fields)}")
        name, path, process = self._text(fields[0]), self._text(fields[1]), self._text(fields[2])
        kind = _KINDS.get(name)
        if kind is None:
            raise self._wrong(f"{name[:40]!r} is not a kind of event, which are {', '.join(_KINDS)}")
        for place in (path, *([process] if process else [])):
            if not place.startswith("/") or "\0" in place or len(place) > _MAX_PATH:
                raise self._wrong(f"{place[:200]!r} is not the absolute path of a file")
        run = self._count(fields[3])
        if run not in self._runs:
            raise self._wrong(f"there is no run {run} above")
        return Event(kind, path, process, run, self._count(fields[4]))

    def _count(self, field: bytes) -> int:
        value = number(field)
        if value is None or field != b"%d" % value:
            raise self._wrong(f"{decode(field[:40])!r} is not a number")
        return value

    def _text(self, field: bytes) -> str:
        """A field as text; most stand in many lines."""
        text = self._texts.get(field)
        if text is None:
            text = self._texts[field] = decode(_ESCAPE.sub(self._unescape, field) if b"\\" in field else field)
        return text

    def _unescape(self, found: re.Match[bytes]) -> bytes:
        if found[2]:
            return bytes.fromhex(found[2].decode())
        if not found[1]:
            raise self._wrong("a backslash stands before 't', 'n', another one, or 'x' and two hexadecimal digits")
        return _LONG[found[1]]

    def _wrong(self, why: str) -> FormatError:
        return FormatError(f"{self._what}, line {self._line}: {why}", _AS_DOCUMENTED)


def merge(traces: Iterable[Trace]) -> Trace:
    """All runs of these traces, numbered anew from 1, with their events; a run that several of them have is there once.

    Two runs are one if nothing but their number differs, neither in them nor in their events.
    """
    runs: dict[tuple[Run, tuple[Event, ...]], Run] = {}
    events: list[Event] = []
    for trace in traces:
        own: dict[int, list[Event]] = {run.number: [] for run in trace.runs}
        for event in trace.events:
            own[event.run].append(event)
        added: dict[int, int] = {}
        for run in trace.runs:
            identity = replace(run, number=0), tuple(replace(event, run=0) for event in own[run.number])
            if identity not in runs:
                runs[identity] = replace(run, number=len(runs) + 1)
                added[run.number] = len(runs)
        events += (replace(event, run=added[event.run]) for event in trace.events if event.run in added)
    return Trace(tuple(runs.values()), tuple(events))
