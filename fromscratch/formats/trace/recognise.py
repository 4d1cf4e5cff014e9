"""Traces in any form that is known here, recognised by their bytes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.trace import listing, slimreport, straceline, sysdig, text
from fromscratch.formats.trace import strace as strace_log
from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.lazy_regex import lazy_regex

Form = Literal["fromscratch", "strace", "sysdig", "slimtoolkit", "list", "separated list"]
_SAMPLE = 1 << 18
_FIRST_LINES = 400
_OF_A_PROCESS = lazy_regex(r"(.*)\.(\d{1,10})", re.DOTALL)
_BINARY = {
    b"\x0a\x0d\x0d\x0a": ("a capture of sysdig", "print it with sysdig -r FILE, and give what that prints"),
    b"\x1f\x8b": ("compressed", "decompress it with gunzip"),
    b"\x28\xb5\x2f\xfd": ("compressed", "decompress it with unzstd"),
    b"\xfd7zXZ": ("compressed", "decompress it with unxz"),
    b"\x7fELF": ("a program", "record what it uses, and give that trace"),
}


class Reading(Struct, frozen=True, kw_only=True):
    """What a trace of others does not tell: where relative paths begin, the root, and how to find programs by name."""

    cwd: str = "/"
    root: str = "/"
    search: tuple[str, ...] = listing.SEARCH
    exists: Callable[[str], bool] | None = None
    note: Callable[[str], object] = len


_AS_IT_IS = Reading()


def form_of(data: bytes, what: str = "the trace") -> Form:
    """The form of a file with these bytes. Raises FormatError, which names `what`, for those in no known form."""
    if not data.strip(b"\0 \t\r\n"):
        raise FormatError(f"{what} is empty", "record the trace again")
    for start, (kind, hint) in _BINARY.items():
        if data.startswith(start):
            raise FormatError(f"{what} is {kind}", hint)
    if data[257:262] == b"ustar":
        raise FormatError(f"{what} is an archive", "give the trace itself")
    if text.is_ours(data):
        return "fromscratch"
    if slimreport.is_report(data):
        return "slimtoolkit"
    sample = data[:_SAMPLE]
    if b"\0" in sample:
        return "separated list"
    lines = [line.rstrip(b"\r") for line in sample.split(b"\n") if line.strip()]
    if any(straceline.read(line).what in ("call", "unfinished") for line in lines):
        return "strace"
    if _are_of_sysdig(lines[:_FIRST_LINES]):
        return "sysdig"
    return "list"


def read(data: bytes, what: str = "the trace", reading: Reading = _AS_IT_IS) -> Trace:
    """The trace in a file with these bytes. Raises FormatError and TooLarge, which name `what`, and the line."""
    match form_of(data, what):
        case "fromscratch":
            return text.read(data, what)
        case "strace":
            log = strace_log.parse(_lines(data), what=what, cwd=reading.cwd, root=reading.root, note=reading.note)
            return _trace("strace", what, log)
        case "sysdig":
            events = sysdig.parse(_lines(data), what=what, cwd=reading.cwd, search=reading.search, note=reading.note)
            return _trace("sysdig", what, events)
        case "slimtoolkit":
            return _trace("slimtoolkit", what, slimreport.parse(data, what=what))
        case "list":
            paths = listing.parse(
                _lines(data), what=what, cwd=reading.cwd, search=reading.search, exists=reading.exists
            )
            return _trace("list", what, paths)
        case "separated list":
            return _trace("list", what, listing.parse_separated(data, what=what, cwd=reading.cwd))


def read_all(files: Mapping[str, bytes], reading: Reading = _AS_IT_IS) -> Trace:
    """The traces in these files, by their names, as one. The files NAME.PID of `strace -ff` are one run."""
    single, processes = _by_run(files)
    traces = [read(data, name, reading) for name, data in single.items()]
    for name, logs in processes.items():
        events = strace_log.parse_several(
            {pid: _lines(data) for pid, data in logs.items()},
            what=f"{name}.*",
            cwd=reading.cwd,
            root=reading.root,
            note=reading.note,
        )
        traces.append(_trace("strace", f"{name}.*", events))
    return text.merge(traces) if len(traces) != 1 else traces[0]


def _by_run(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, dict[int, bytes]]]:
    """The files that are read alone, and by name and process number those of `strace -ff`."""
    single: dict[str, bytes] = {}
    processes: dict[str, dict[int, bytes]] = {}
    for name, data in files.items():
        found = _OF_A_PROCESS.fullmatch(name)
        if found and (not data or form_of(data, name) == "strace"):
            processes.setdefault(found[1], {})[int(found[2])] = data
        else:
            single[name] = data
    for name, logs in list(processes.items()):
        if len(logs) == 1:
            pid, data = logs.popitem()
            single[f"{name}.{pid}"] = data
            del processes[name]
    return single, processes


def _are_of_sysdig(lines: list[bytes]) -> bool:
    """Whether more than half are, and they are not all paths of a list."""
    if sum(not line.startswith(b"/") for line in lines) * 2 < len(lines):
        return False
    return sum(sysdig.is_event(line) for line in lines) * 2 > len(lines)


def _trace(recorder: str, what: str, events: Iterator[Event]) -> Trace:
    found = tuple(events)
    if not found:
        raise FormatError(
            f"{what} tells of no file that was used (read as: {recorder})", "see whether it is the right file"
        )
    return Trace((Run(recorder=recorder),), found)


def _lines(data: bytes) -> Iterable[bytes]:
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield data[start:end]
        start = end + 1
