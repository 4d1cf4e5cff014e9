"""The pointers to the newest stage archives of Gentoo, such as latest-stage3-amd64-openrc.txt.

Their text has comments, one of which is the time as `# ts=SECONDS`, and a line `PATH SIZE` for each archive.
"""

from msgspec import Struct

from fromscratch.errors import FormatError, UnsafePath
from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import tree_path

_TIME = lazy_regex(r"# ?ts=([0-9]{1,15})")
_ENTRY = lazy_regex(r"(\S+)(?:\s+([0-9]{1,18}))?")


class Latest(Struct, frozen=True):
    """`path` is relative to a folder above the pointer; `moment` is in seconds since 1970, 0 if unknown."""

    path: str
    size: int | None
    moment: int


def latest(text: bytes, what: str) -> Latest:
    """The one archive that a pointer names. Raises FormatError for none, several, or one whose path leads elsewhere."""
    moment, entries = 0, []
    for line in map(str.strip, text.decode("utf-8", "replace").splitlines()):
        if found := _TIME.match(line):
            moment = int(found[1])
        elif line and not line.startswith("#"):
            entries.append(line)
    if len(entries) != 1:
        names = ", ".join(line.split()[0] for line in entries[:4])
        raise FormatError(
            f"{what} names {len(entries)} archives" + (f", such as {names}" if names else ""),
            "write the address of a pointer to one, such as latest-stage3-amd64-openrc.txt",
        )
    entry = _ENTRY.fullmatch(entries[0])
    if entry is None:
        raise FormatError(f"{what} is not a pointer: {entries[0][:80]!r}", "see whether the address is right")
    try:
        path = tree_path(entry[1])[1:]
    except UnsafePath as error:
        raise FormatError(f"{what} names {entry[1]!r}, which leads elsewhere", "use another mirror") from error
    return Latest(path, int(entry[2]) if entry[2] else None, moment)
