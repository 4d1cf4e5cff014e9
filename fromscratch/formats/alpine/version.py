"""Versions of Alpine packages, and their order: `1.2.3a_rc4_p5-r6`, as apk-package(5) describes them.

A version is read as parts, each of a kind that decides what may follow. apk also gives an order to texts that break
the rules, and so does this module: they end where the fault is.
"""

from functools import lru_cache

from fromscratch.lazy_regex import lazy_regex

_AFTER_DOT, _NUMBER, _LETTER, _SUFFIX, _SUFFIX_NUMBER, _REVISION, _END = range(7)
_INVALID = -1
# Before the release that they belong to, or after it.
_SUFFIXES = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "cvs": 0, "svn": 1, "git": 2, "hg": 3, "p": 4}
_SUFFIX_WORD = lazy_regex("|".join(_SUFFIXES))
_DIGITS = lazy_regex("[0-9]*")
_MOST_DIGITS = 17
# A part of an earlier kind can follow one of a later kind only here.
_BACKWARDS = {(_NUMBER, _AFTER_DOT), (_SUFFIX_NUMBER, _SUFFIX), (_LETTER, _NUMBER)}

Parts = tuple[tuple[int, int], ...]  # the kind and value of each part; the last is _END or _INVALID


def is_valid(version: str) -> bool:
    """Whether apk takes this text for a version."""
    return _parts(version)[-1][0] == _END


def compare(left: str, right: str) -> int:
    """-1, 0 or 1 as `left` is earlier than, equal to or later than `right`."""
    return 0 if left == right else _compare(_parts(left), _parts(right), fuzzy=False)


def compare_beginning(left: str, right: str) -> int:
    """As `compare`, but 0 also when one of the two goes on where the other ends: what ~ in a dependency means."""
    return _compare(_parts(left), _parts(right), fuzzy=True)


def _compare(left: Parts, right: Parts, *, fuzzy: bool) -> int:
    for (kind, value), (other_kind, other_value) in zip(left, right, strict=False):
        if kind != other_kind:
            if fuzzy:
                return 0
            # A suffix of what comes before a release makes a version earlier than one that ends here.
            if kind == _SUFFIX and value < 0:
                return -1
            if other_kind == _SUFFIX and other_value < 0:
                return 1
            return -1 if kind > other_kind else 1
        if value != other_value:
            return -1 if value < other_value else 1
    return 0


@lru_cache(maxsize=65536)
def _parts(text: str) -> Parts:
    found: list[tuple[int, int]] = []
    kind, place = _NUMBER, 0
    while kind not in (_END, _INVALID):
        if place >= len(text):
            found.append((kind, 0))  # as apk reads it, nothing is a 0
            kind = _END
            continue
        value, place, following = _value(kind, text, place)
        if value is None:
            found.append((kind, -1))
            kind = _INVALID
            continue
        found.append((kind, value))
        kind, place = (following, place) if following is not None else _next_kind(kind, text, place)
    return (*found, (kind, 0))


def _value(kind: int, text: str, place: int) -> tuple[int | None, int, int | None]:
    """The value of the part that begins here (None: not valid), where it ends, and the next kind if that is certain."""
    if kind == _LETTER:
        value, end = ord(text[place]), place + 1
    elif kind == _SUFFIX:
        word = _SUFFIX_WORD.match(text, place)
        if word is None:
            return None, place, None
        value, end = _SUFFIXES[word[0]], word.end()
    elif kind == _AFTER_DOT and text[place] == "0":
        # .01 comes before .1: of the zeros in front only the number counts, and the rest is a part of its own.
        end = place
        while text[end + 1 : end + 2] == "0":
            end += 1
        return place - end, end, _NUMBER
    else:
        digits = _DIGITS.match(text, place)
        end = digits.end() if digits else place
        if end - place > _MOST_DIGITS:
            return None, place, None
        value = int(text[place:end] or "0")
    return value, end, _END if end == len(text) else None


def _next_kind(kind: int, text: str, place: int) -> tuple[int, int]:
    """The kind of the next part, and where its value begins."""
    char = text[place]
    if kind in (_NUMBER, _AFTER_DOT) and "a" <= char <= "z":
        following = _LETTER
    elif kind == _LETTER and "0" <= char <= "9":
        following = _NUMBER
    elif kind == _SUFFIX and "0" <= char <= "9":
        following = _SUFFIX_NUMBER
    elif char == ".":
        following, place = _AFTER_DOT, place + 1
    elif char == "_":
        following, place = _SUFFIX, place + 1
    elif text.startswith("-r", place):
        following, place = _REVISION, place + 2
    else:
        return _INVALID, place
    if following < kind and (kind, following) not in _BACKWARDS:
        return _INVALID, place
    return following, place
