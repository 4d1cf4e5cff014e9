"""Limits on untrusted input: the bytes that an archive expands to, the memory that its entries take, and the digits
and nesting levels that parsers accept.

A blob of a few kilobytes can stand for any number of bytes, and a header of 512 bytes for thousands of
directories. Honest images stay far below the defaults; the user can allow more.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from fromscratch.advice import Setting, advice
from fromscratch.errors import FormatError, TooLarge, UsageError
from fromscratch.lazy_regex import lazy_regex

_BYTES, _ENTRIES = "max_expanded", "max_entries"  # the names of the two settings
_ALLOW_MORE = "if you know that it is honest, allow more with "
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = lazy_regex(r"([0-9]{1,15})(?:([KMGT])(?:iB|B)?)?", re.IGNORECASE)
# Layers shrink to a half or a tenth. Files of zeros reach a thousandth, and some of them are in honest images.
_RATIO = 100
_ALWAYS_ALLOWED = 4 << 30
# Archives may leave out directories above what they hold, as layers do: a name of 4 KiB stands for 2,000 of them.
_IMPLIED_ALWAYS, _IMPLIED_EACH = 100, 16
DEPTH = 128
"""The nesting levels that untrusted JSON may have: its readers recurse over them."""
BRACKETS = 32
"""The nesting levels that an expression may have; each takes several calls."""
LOOKED_AT = 200_000
"""The names that the include patterns of one configuration file may be compared with."""
_DIGITS = 19  # of what 63 bits hold; int() refuses thousands of them, with an error of its own
_NUMBER, _NUMBER_BYTES = lazy_regex(rf"[0-9]{{1,{_DIGITS}}}"), lazy_regex(b"[0-9]{1,%d}" % _DIGITS)
_ESCAPES = lazy_regex(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_JSON = lazy_regex(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class Limits(Struct, frozen=True, kw_only=True):
    """The bytes that all layers of an image, or one archive, may expand to, and the entries that they may have.

    An entry takes about a kilobyte of memory. A limit of bytes that the user has set (`explicit`) applies as it is;
    with the default, whatever expands to more than 4 GiB must not expand to more than a hundred times its size either.
    """

    expanded: int = 64 << 30
    entries: int = 1_000_000
    explicit: bool = False

    def for_blob(self, packed: int, used: int = 0) -> "SizeLimit":
        """The bytes that a blob of `packed` bytes may expand to, after others have `used` some of the limit."""
        left = max(0, self.expanded - used)
        if self.explicit:
            return SizeLimit(left, f"{size_text(self.expanded)} in all")
        own = max(_ALWAYS_ALLOWED, _RATIO * packed)
        if own < left:
            return SizeLimit(own, f"{size_text(own)}, and so to more than {own // max(1, packed)} times its own size")
        return SizeLimit(left, f"{size_text(self.expanded)} in all")


class SizeLimit(Struct, frozen=True):
    """The `size` in bytes that one blob may expand to, and its `text` in a message: "expands to more than" `text`."""

    size: int
    text: str

    def check(self, size: int, what: str) -> None:
        """Raises TooLarge, naming what would expand to that many bytes, and the setting that allows it."""
        if size > self.size:
            raise TooLarge(
                f"{what} expands to more than {self.text}",
                advice(_ALLOW_MORE, Setting(_BYTES, "SIZE"), ", such as ", Setting(_BYTES, "200G")),
            )

    def bounded(self, pieces: Iterable[bytes], what: str) -> Iterator[bytes]:
        """The same pieces, as long as they stay within the limit. Raises TooLarge before the first that does not."""
        done = 0
        for piece in pieces:
            done += len(piece)
            self.check(done, what)
            yield piece
            del piece  # so that there is never more than one


DEFAULT_LIMITS = Limits()


def check_entries(count: int, limits: Limits, what: str, *, times: int = 1) -> None:
    """Raises TooLarge if there are more than so many times the entries that are allowed."""
    if count > limits.entries * times:
        most = limits.entries * times
        entries = "one entry" if most == 1 else f"{most} entries"
        raise TooLarge(
            f"{what} has more than {entries}, or as much in long names and attributes",
            advice(_ALLOW_MORE, Setting(_ENTRIES, "N"), "; a million takes a gigabyte of memory"),
        )


def check_implied(implied: int, names: int, limits: Limits, what: str) -> None:
    """Raises TooLarge if an archive of `names` entries stands for far more directories that it does not name."""
    most = limits.entries // _IMPLIED_ALWAYS + _IMPLIED_EACH * names
    if implied > most:
        raise TooLarge(
            f"{what} implies more than {most} directories, which stand in its {names} names only",
            advice(_ALLOW_MORE, Setting(_ENTRIES, "N")),
        )


class Budget:
    """A budget for the work that untrusted text may cause; `spend` raises FormatError once it exceeds `most`."""

    def __init__(self, most: int, what: str, unit: str) -> None:
        self._most, self._what, self._unit = most, what, unit
        self._left = most

    def spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise FormatError(
                f"{self._what} would have us look at more than {self._most} {self._unit}", "see what is written there"
            )


def number(text: str | bytes) -> int | None:
    """The number of these ASCII digits; None for anything else, and for more than 19 digits.

    int() itself takes signs, blanks, underscores and the digits of all scripts, and fails on thousands of them.
    """
    found = _NUMBER.fullmatch(text) if isinstance(text, str) else _NUMBER_BYTES.fullmatch(text)
    return int(text) if found else None


def json_value(data: str | bytes) -> Any:
    """The value of untrusted JSON in UTF-8. Raises ValueError for what is not JSON or what `check_json` refuses."""
    text = data if isinstance(data, str) else data.decode("utf-8-sig")
    check_json(text.encode())
    return json.loads(text, parse_int=_integer)


def check_json(data: bytes) -> None:
    """Raises ValueError for what libraries read differently: nesting beyond `DEPTH`, and half a surrogate pair.

    An escape of one surrogate is not text, and can neither be shown nor be written: RFC 8259, 8.2.
    """
    if b"\\u" in data and (half := next((each[1] for each in _ESCAPES.finditer(data) if each[1]), None)):
        raise ValueError(f"it holds {half.decode()}, which is half a character")
    if data.count(b"[") + data.count(b"{") > DEPTH:
        _check_depth(data)


def _check_depth(data: bytes) -> None:
    depth = 0
    for found in _JSON.finditer(data):
        if found[0] in (b"[", b"{"):
            depth += 1
            if depth > DEPTH:
                raise ValueError(f"it nests deeper than {DEPTH} levels")
        elif found[0] in (b"]", b"}"):
            depth -= 1


def _integer(text: str) -> int:
    if len(text) > _DIGITS + 1:  # a sign stands before them
        raise ValueError(f"it has a number of {len(text)} digits")
    return int(text)


def limits(expanded: str | None, entries: str | None) -> Limits:
    """The limits that a user has set as text; None for the default. Raises UsageError."""
    if entries and not re.fullmatch(r"[1-9][0-9]{0,17}", entries):
        raise UsageError(
            advice(Setting(_ENTRIES, entries), ": it is not a number of entries"),
            advice("write it like ", Setting(_ENTRIES, "2000000")),
        )
    return Limits(
        expanded=size_of(expanded) if expanded else DEFAULT_LIMITS.expanded,
        entries=int(entries) if entries else DEFAULT_LIMITS.entries,
        explicit=bool(expanded),
    )


def size_of(text: str) -> int:
    """`64G`, `512MiB` or a plain number of bytes; units are powers of 1024. Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise UsageError(
            advice(Setting(_BYTES, text), ": it is not a size"),
            advice("write it like ", Setting(_BYTES, "200G"), ", or in bytes"),
        )
    return int(found[1]) << _UNITS[(found[2] or "").upper()]


def size_text(size: int) -> str:
    """A size with the largest unit that keeps it exact."""
    for unit in ("T", "G", "M", "K"):
        if size and not size % (1 << _UNITS[unit]):
            return f"{size >> _UNITS[unit]} {unit}iB"
    return f"{size} bytes"
