"""creport.json, in which slimtoolkit (once docker-slim) writes what a container used."""

from collections.abc import Iterator
from typing import Any

from fromscratch.errors import FormatError
from fromscratch.formats.trace.collected import Collected
from fromscratch.formats.trace.events import Event
from fromscratch.limits import json_value
from fromscratch.paths import encode


def is_report(data: bytes) -> bool:
    """Whether this is the start of such a report."""
    return data.lstrip()[:1] == b"{" and b'"monitors"' in data and b'"image"' in data


def parse(data: bytes, *, what: str = "the report", run: int = 1) -> Iterator[Event]:
    """The files that the report lists: those with the flag X were executed, and those of `fs_activity` asked for.

    Raises FormatError, which names `what`.
    """
    try:
        report = json_value(data)
        image, monitors = report["image"]["files"], report["monitors"]
        if not isinstance(image, list) or not isinstance(monitors, dict):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise FormatError(f"{what} is not a report of slimtoolkit", "give its creport.json") from None
    found = Collected(what, run=run)
    for entry in image:
        path, flags = (entry.get("file_path"), entry.get("flags")) if isinstance(entry, dict) else (None, None)
        if isinstance(path, str) and path.startswith("/"):
            yield from found.event("exec" if isinstance(flags, dict) and flags.get("X") else "open", encode(path))
    for path in _asked_for(monitors):
        if path.startswith("/"):
            yield from found.event("stat", encode(path))


def _asked_for(monitors: dict[str, Any]) -> list[str]:
    calls = monitors.get("pt")
    activity = calls.get("fs_activity") if isinstance(calls, dict) else None
    return list(activity) if isinstance(activity, dict) else []
