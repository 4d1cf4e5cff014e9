"""How far an archive of strangers may grow: the bytes that it expands to, and the memory that its entries take.

A blob of a few kilobytes can stand for any number of bytes, and a header of 512 bytes for thousands of
directories. What is allowed by itself is what honest images stay far below; more is for the user to say.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fromscratch.errors import TooLarge, UsageError

BYTES_FLAG, ENTRIES_FLAG = "--max-expanded", "--max-entries"
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"([0-9]{1,15})(?:([KMGT])(?:iB|B)?)?", re.IGNORECASE)
# Layers shrink to a half or a tenth. Files of zeros reach a thousandth, and some of them are in honest images.
_RATIO = 100
_ALWAYS = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`expanded` bytes for all layers of an image together, or one archive; `entries`, of about a kilobyte each.

    A limit of bytes that the user has `said` counts as it stands; else what is packed must not expand to more than
    a hundred times its size, once it is more than 4 GiB.
    """

    expanded: int = 64 << 30
    entries: int = 1_000_000
    said: bool = False

    def room(self, packed: int, used: int = 0) -> "Room":
        """What a blob of `packed` bytes may expand to, when others have `used` some of it already."""
        left = max(0, self.expanded - used)
        if self.said:
            return Room(left, f"{size_text(self.expanded)} in all")
        own = max(_ALWAYS, _RATIO * packed)
        if own < left:
            return Room(own, f"{size_text(own)}, and so to more than {own // max(1, packed)} times its own size")
        return Room(left, f"{size_text(self.expanded)} in all")


@dataclass(frozen=True, slots=True)
class Room:
    """`size` bytes, and how to call them in a message: "expands to more than" `text`."""

    size: int
    text: str

    def check(self, size: int, what: str) -> None:
        """Raises TooLarge, naming what would expand to that many bytes, and the flag that allows it."""
        if size > self.size:
            raise TooLarge(
                f"{what} expands to more than {self.text}",
                f"if you know that it is honest, allow more with {BYTES_FLAG} SIZE, such as {BYTES_FLAG} 200G",
            )

    def bounded(self, pieces: Iterable[bytes], what: str) -> Iterator[bytes]:
        """The same pieces, as long as there is room for them. Raises TooLarge before the first that is too much."""
        done = 0
        for piece in pieces:
            done += len(piece)
            self.check(done, what)
            yield piece
            del piece  # so that there is never more than one


def check_entries(count: int, limits: Limits, what: str, *, times: int = 1) -> None:
    """Raises TooLarge if there are more than so many times the entries that are allowed."""
    if count > limits.entries * times:
        most = limits.entries * times
        entries = "one entry" if most == 1 else f"{most} entries"
        raise TooLarge(
            f"{what} has more than {entries}, or as much in long names and attributes",
            f"if you know that it is honest, allow more with {ENTRIES_FLAG} N; a million takes a gigabyte of memory",
        )


def limits(expanded: str | None, entries: str | None) -> Limits:
    """What the user says; None for nothing. Raises UsageError."""
    given = Limits()
    if entries and not re.fullmatch(r"[1-9][0-9]{0,17}", entries):
        raise UsageError(
            f"{ENTRIES_FLAG} {entries}: it is no number of entries", f"write it like {ENTRIES_FLAG} 2000000"
        )
    return Limits(
        expanded=size_of(expanded) if expanded else given.expanded,
        entries=int(entries) if entries else given.entries,
        said=bool(expanded),
    )


def size_of(text: str) -> int:
    """`64G`, `512MiB` or a plain number of bytes; units are powers of 1024. Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise UsageError(f"{BYTES_FLAG} {text}: it is no size", f"write it like {BYTES_FLAG} 200G, or in bytes")
    return int(found[1]) << _UNITS[(found[2] or "").upper()]


def size_text(size: int) -> str:
    """A size with the largest unit that keeps it exact."""
    for unit in ("T", "G", "M", "K"):
        if size and not size % (1 << _UNITS[unit]):
            return f"{size >> _UNITS[unit]} {unit}iB"
    return f"{size} bytes"
