"""The applets of a busybox, read from its bytes: any architecture, and nothing is run.

busybox keeps the names of its applets in one read-only run: each ended by NUL, in the order of
strcmp(3), the run ended by an empty name (`applet_names` in its include/applet_tables.h). If it was
built able to install itself, a second table beside it has four bits for each name, the lower half
of a byte first, which say where that applet belongs (`applet_install_loc`).
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import TreePath

_NAME = lazy_regex(rb"[A-Za-z0-9_.+\[-]{1,64}")
# Names that hardly any busybox is without: the table is looked for around them.
_COMMON = (b"busybox", b"cat", b"ls", b"sh", b"[")
_FOLDERS = tuple(map(TreePath, ("/", "/bin", "/sbin", "/usr/bin", "/usr/sbin")))
# Applet -> index in _FOLDERS of where every busybox puts it: tells the table from bytes that merely look like one.
_USUAL_FOLDERS = {
    b"[": 3,
    b"[[": 3,
    b"ash": 1,
    b"cat": 1,
    b"chroot": 4,
    b"env": 3,
    b"getty": 2,
    b"grep": 1,
    b"head": 3,
    b"init": 2,
    b"ls": 1,
    b"mount": 1,
    b"sleep": 1,
    b"wc": 3,
}
_LEAST_KNOWN = 4
_LOOKS_LIKE_PLACES = (
    b"[" + b"".join(re.escape(bytes([high << 4 | low])) for high in range(5) for low in range(5)) + b"]"
)


class Applet(Struct, frozen=True):
    """`folder` is where `busybox --install -s` would put its link; None when the binary does not say."""

    name: str
    folder: TreePath | None


def applets(binary: bytes) -> tuple[Applet, ...]:
    """Every applet of this busybox, in its own order; empty when the bytes hold no table of names."""
    names = max(_runs(binary), key=len, default=[])
    places = _places(binary, names)
    return tuple(
        Applet(name.decode("ascii"), _FOLDERS[place] if place is not None else None)
        for name, place in zip(names, places, strict=True)
    )


def _runs(binary: bytes) -> Iterator[list[bytes]]:
    """The sorted runs of names around each mention of a common applet."""
    for common in _COMMON:
        mention = b"\0%b\0" % common
        start = binary.find(mention)
        while start >= 0:
            names = [*_before(binary, start, common), common, *_after(binary, start + len(mention), common)]
            if b"[" in names:
                names = names[names.index(b"[") :]  # a short string before the table may sort before its first name
            yield names if len(names) > 1 else []
            start = binary.find(mention, start + 1)


def _before(binary: bytes, end: int, later: bytes) -> list[bytes]:
    names: list[bytes] = []
    while end > 0:
        start = binary.rfind(b"\0", 0, end) + 1
        name = binary[start:end]
        if not _NAME.fullmatch(name) or name >= later:
            break
        names.append(name)
        later, end = name, start - 1
    return names[::-1]


def _after(binary: bytes, start: int, earlier: bytes) -> list[bytes]:
    names: list[bytes] = []
    while (end := binary.find(b"\0", start)) >= 0:
        name = binary[start:end]
        if not _NAME.fullmatch(name) or name <= earlier:
            break
        names.append(name)
        earlier, start = name, end + 1
    return names


def _places(binary: bytes, names: Sequence[bytes]) -> Sequence[int | None]:
    """The place of each name; all None unless exactly one table agrees with what is known."""
    unknown = [None] * len(names)
    known = [(position, _USUAL_FOLDERS[name]) for position, name in enumerate(names) if name in _USUAL_FOLDERS]
    length = (len(names) + 1) // 2
    if len(known) < _LEAST_KNOWN:
        return unknown
    found: set[bytes] = set()
    for run in re.finditer(_LOOKS_LIKE_PLACES + b"{%d,}" % length, binary):
        for start in range(run.start(), run.end() - length + 1):
            if all(_nibble(binary, start, position) == place for position, place in known):
                found.add(binary[start : start + length])
    if len(found) != 1:
        return unknown
    table = found.pop()
    return [_nibble(table, 0, position) for position in range(len(names))]


def _nibble(table: bytes, start: int, position: int) -> int:
    byte = table[start + position // 2]
    return byte >> 4 if position % 2 else byte & 15
