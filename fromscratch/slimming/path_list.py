"""A plain list of paths, one a line, as a trace."""

from collections.abc import Iterator, Sequence

from fromscratch.formats.trace.events import Event, Run, Trace
from fromscratch.model import view as views
from fromscratch.model.entry import File
from fromscratch.model.view import View
from fromscratch.paths import decode


def path_list(raw: bytes, view: View, folders: Sequence[str]) -> Trace:
    """The events of a list. A name without a slash is a program that is looked up in these folders."""
    lines = [line for line in decode(raw).splitlines() if line.strip()]
    events = tuple(Event("open", path) for line in lines for path in _paths(line, view, folders))
    return Trace((Run(recorder="list"),), tuple(dict.fromkeys(events)))


def _paths(line: str, view: View, folders: Sequence[str]) -> Iterator[str]:
    if "/" in line:
        yield line
        return
    for folder in folders:
        if isinstance(views.look(view, f"{folder}/{line}"), File):
            yield f"{folder}/{line}"
            return
    yield f"/{line}"
