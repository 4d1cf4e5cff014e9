"""Plain lists of paths, one a line or with NULs between, as sysdig's chisel `microdump` and people write them."""

from collections.abc import Callable, Iterable, Iterator

from fromscratch.errors import FormatError
from fromscratch.formats.trace.bounds import checked_lines
from fromscratch.formats.trace.collected import Collected
from fromscratch.formats.trace.events import Event
from fromscratch.paths import MAX_PATH, decode, encode, shown

SEARCH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where programs are looked for by name, if nothing else is said."""

_SHOWN = 60  # bytes of a line in a message


def parse(
    lines: Iterable[bytes],
    *,
    what: str = "the list",
    cwd: str = "/",
    search: Iterable[str] = SEARCH,
    exists: Callable[[str], bool] | None = None,
    run: int = 1,
) -> Iterator[Event]:
    """An "open" for each path of the list, and an "exec" for the program that a bare name such as `java` stands for.

    That is the first in the folders of `search` that `exists`, or, without a way to know, each of them. What has a
    slash is relative to `cwd`. Blank lines, "<NA>" and lines that begin with # are left out, as are blanks at both ends
    of a line; a list with NULs holds names as they are. Raises FormatError, which names `what` and the line.
    """
    found = Collected(what, cwd=cwd, run=run)
    folders = [each.rstrip("/") for each in search]
    for number, line in checked_lines(lines, what):
        name = line.strip()
        if not name or name.startswith(b"#") or name == b"<NA>":
            continue
        _check(name, f"line {number} of {what}")
        if b"/" in name:
            yield from found.event("open", name)
            continue
        if len(name.split()) > 1:
            raise FormatError(
                f"line {number} of {what} is neither a path nor the name of a program: {shown(decode(name[:_SHOWN]))}",
                "a list has one of them a line, such as /etc/passwd or java",
            )
        places = [f"{folder}/{decode(name)}" for folder in folders]
        if exists is not None:
            places = [place for place in places if exists(place)][:1]
        for place in places:
            yield from found.event("exec", encode(place))


def parse_separated(data: bytes, *, what: str = "the list", cwd: str = "/", run: int = 1) -> Iterator[Event]:
    """The same for paths with NULs between, as `find -print0` writes them; relative ones are below `cwd`."""
    found = Collected(what, cwd=cwd, run=run)
    for number, name in enumerate(data.split(b"\0"), 1):
        if name:
            _check(name, f"name {number} of {what}")
            yield from found.event("open", name)


def _check(name: bytes, where: str) -> None:
    if len(name) > MAX_PATH or any(byte < 0x20 and byte not in b"\t\n" for byte in name):
        raise FormatError(
            f"{where} is not a path: {shown(decode(name[:_SHOWN]))}",
            "a list has one path a line; for names with other bytes, put NULs between, as find -print0 does",
        )
