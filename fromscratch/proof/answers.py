"""Whether a small image answers checks as the full one does: exit codes, statuses and output, but for what varies.

Output that differs is compared again without what differs between two runs of one image: first its numbers, then its
words of hexadecimal digits. What differs even so is not compared, and the comparison says of which checks.
"""

import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from fromscratch.checks.contract import Answer, Results
from fromscratch.checks.verdict import exit_text
from fromscratch.lazy_regex import lazy_regex

_NUMBERS = lazy_regex(rb"\d+")
_HEXADECIMAL = lazy_regex(rb"\b[0-9A-Fa-f-]{8,}\b")
_SHOWN = 200


class Change(Struct, frozen=True):
    """A check, and what is other than in the full image."""

    check: str
    text: str


class Comparison(Struct, frozen=True):
    """`varying` are the checks whose output is another in each run of an image, and was not compared."""

    changes: tuple[Change, ...] = ()
    varying: tuple[str, ...] = ()


def same_output(full: Results, small: Results, ignore: Sequence[str] = ()) -> bool:
    """Whether all output is equal as it is, but for what a regular expression of `ignore` matches."""
    without = _without(ignore)
    pairs = zip(full.results, small.results, strict=True)
    return all(_streams(one.answer, without) == _streams(other.answer, without) for one, other in pairs)


def compare(
    full: Results, again: Results, small: Results, ignore: Sequence[str] = (), *, small_again: Results | None = None
) -> Comparison:
    """The answers of the small image beside those of the full one; `again` are the full one's in a second run.

    So is `small_again` for the small one: output that is the full one's in either run is the same.
    """
    changes: list[Change] = []
    varying: list[str] = []
    without = _without(ignore)
    more = (small_again or small).results
    for first, second, other, another in zip(full.results, again.results, small.results, more, strict=True):
        title = first.check.title
        changes += [Change(title, text) for text in _facts(first.answer, other.answer, other.fault)]
        streams = [_streams(each.answer, without) for each in (first, second, other, another)]
        mask = _stable(streams[:2], streams[2:])
        if mask is None:
            varying.append(title)
            continue
        for place, name in enumerate(("output", "errors")):
            one, _, *ours = (mask(each[place]) for each in streams)
            if one not in ours:
                changes.append(Change(title, _difference(name, one, ours[0])))
    if full.own is not None and small.own is not None and full.own.code is None and small.own.code is not None:
        changes.append(Change("the image's own command", f"runs on in the full image, and {_ended(small.own.code)}"))
    return Comparison(tuple(changes), tuple(varying))


def _facts(full: Answer, small: Answer, fault: str) -> list[str]:
    if full.code != small.code:
        return [f"{exit_text(full.code)} in the full image, {exit_text(small.code)} in the small one"]
    if full.status != small.status:
        return [f"status {full.status} in the full image, {small.status} in the small one"]
    return [fault] if fault else []


def _ended(code: int) -> str:
    return f"ends in the small one with {exit_text(code)}"


def _without(ignore: Sequence[str]) -> Callable[[bytes], bytes]:
    patterns = [re.compile(pattern.encode(), re.MULTILINE) for pattern in ignore]

    def remaining(data: bytes) -> bytes:
        for pattern in patterns:
            data = pattern.sub(b"", data)
        return data

    return remaining


def _streams(answer: Answer, without: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    return without(answer.output), without(answer.errors)


def _as_it_is(data: bytes) -> bytes:
    return data


def _without_numbers(data: bytes) -> bytes:
    return _NUMBERS.sub(b"0", data)


def _without_hexadecimal(data: bytes) -> bytes:
    return _NUMBERS.sub(b"0", _HEXADECIMAL.sub(b"0", data))


def _stable(*runs: Sequence[Sequence[bytes]]) -> Callable[[bytes], bytes] | None:
    """What to look at so that two runs of one image give the same; None if nothing of the kind makes them so."""
    for mask in (_as_it_is, _without_numbers, _without_hexadecimal):
        if all([mask(data) for data in first] == [mask(data) for data in second] for first, second in runs):
            return mask
    return None


def _difference(name: str, full: bytes, small: bytes) -> str:
    """The first line that differs."""
    ours, theirs = full.split(b"\n"), small.split(b"\n")
    place = next((i for i, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), None)
    place = min(len(ours), len(theirs)) if place is None else place
    lines = [_line(lines_, place) for lines_ in (ours, theirs)]
    return f"line {place + 1} of its {name} is {lines[0]} in the full image, and {lines[1]} in the small one"


def _line(lines: Sequence[bytes], place: int) -> str:
    if place >= len(lines):
        return "not there"
    text = lines[place].decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
