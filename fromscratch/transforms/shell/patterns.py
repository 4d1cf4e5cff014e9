"""Patterns of the shell: XCU 2.14, matched in time that grows with the length of text times pattern."""

from collections.abc import Callable
from functools import lru_cache

from fromscratch.transforms.shell.bounds import VALUE, Budget, TooMuch

_CLASSES: dict[str, Callable[[str], bool]] = {
    "alnum": str.isalnum,
    "alpha": str.isalpha,
    "blank": lambda c: c in " \t",
    "cntrl": lambda c: ord(c) < 32 or ord(c) == 127,
    "digit": lambda c: c in "0123456789",
    "graph": lambda c: 32 < ord(c) < 127,
    "lower": str.islower,
    "print": lambda c: 31 < ord(c) < 127,
    "punct": lambda c: 32 < ord(c) < 127 and not c.isalnum(),
    "space": lambda c: c in " \t\n\r\f\v",
    "upper": str.isupper,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}
ANY = "*"

Element = str | tuple[bool, str, tuple[tuple[str, str], ...], tuple[str, ...]]
"""`*` of two characters for any text; one character, itself; or a set: negated, characters, ranges, classes."""
_STAR, _ONE = "**", "??"


def escaped(text: str) -> str:
    """A pattern that matches exactly this text."""
    return "".join(f"\\{c}" if c in "*?[]\\-!^" else c for c in text)


def is_pattern(text: str) -> bool:
    """Whether a text with its quoted characters escaped has a character that makes it a pattern."""
    plain = False
    for c in text:
        if plain:
            plain = False
        elif c == "\\":
            plain = True
        elif c in "*?[":
            return True
    return False


def unescaped(pattern: str) -> str:
    """The text that a pattern without special characters matches."""
    out, plain = [], False
    for c in pattern:
        if c == "\\" and not plain:
            plain = True
            continue
        out.append(c)
        plain = False
    return "".join(out) + ("\\" if plain else "")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> tuple[Element, ...]:
    """The elements of a pattern in which a backslash takes the meaning from the next character."""
    elements: list[Element] = []
    at = 0
    while at < len(pattern):
        c = pattern[at]
        at += 1
        if c == "*":
            if not elements or elements[-1] != _STAR:
                elements.append(_STAR)
        elif c == "?":
            elements.append(_ONE)
        elif c == "[" and (found := _bracket(pattern, at)):
            element, at = found
            elements.append(element)
        elif c == "\\" and at < len(pattern):
            elements.append(pattern[at])
            at += 1
        else:
            elements.append(c)
    return tuple(elements)


def _bracket(pattern: str, at: int) -> tuple[Element, int] | None:
    """The set whose text begins at `at`, after `[`, and where it ends; None if it is not closed."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    characters: list[str] = []
    ranges: list[tuple[str, str]] = []
    classes: list[str] = []
    first = True
    while at < len(pattern):
        c = pattern[at]
        if c == "]" and not first:
            return (negated, "".join(characters), tuple(ranges), tuple(classes)), at + 1
        first = False
        if (
            pattern.startswith("[:", at)
            and (end := pattern.find(":]", at + 2)) > 0
            and pattern[at + 2 : end] in _CLASSES
        ):
            classes.append(pattern[at + 2 : end])
            at = end + 2
            continue
        if c == "\\" and at + 1 < len(pattern):
            at += 1
            c = pattern[at]
        if pattern[at + 1 : at + 2] == "-" and pattern[at + 2 : at + 3] not in ("", "]"):
            last = pattern[at + 2]
            at += 3
            if last == "\\" and at < len(pattern):
                last = pattern[at]
                at += 1
            ranges.append((c, last))
            continue
        characters.append(c)
        at += 1
    return None


def _is(element: Element, c: str) -> bool:
    if isinstance(element, str):
        return element in (_ONE, c)
    negated, characters, ranges, classes = element
    found = (
        c in characters or any(low <= c <= high for low, high in ranges) or any(_CLASSES[each](c) for each in classes)
    )
    return found != negated


def matches(pattern: str, text: str, budget: Budget) -> bool:
    """Whether the whole text fits the pattern."""
    elements = compiled(pattern)
    budget.pattern(len(text) + 1)
    at = place = 0
    star, retry = -1, 0
    work = 0
    while at < len(text):
        work += 1
        if place < len(elements) and elements[place] == _STAR:
            star, retry = place, at
            place += 1
        elif place < len(elements) and _is(elements[place], text[at]):
            place += 1
            at += 1
        elif star >= 0:
            retry += 1
            place, at = star + 1, retry
        else:
            break
        if work > 1000:
            budget.pattern(work)
            work = 0
    return at == len(text) and all(each == _STAR for each in elements[place:])


def without_prefix(pattern: str, value: str, *, longest: bool, budget: Budget) -> str:
    """`${name#pattern}`, or `##`: the value without what fits at its beginning."""
    lengths = range(len(value), -1, -1) if longest else range(len(value) + 1)
    if not is_pattern(pattern):
        plain = unescaped(pattern)
        return value[len(plain) :] if value.startswith(plain) else value
    return next((value[length:] for length in lengths if matches(pattern, value[:length], budget)), value)


def without_suffix(pattern: str, value: str, *, longest: bool, budget: Budget) -> str:
    """`${name%pattern}`, or `%%`: the value without what fits at its end."""
    if not is_pattern(pattern):
        plain = unescaped(pattern)
        return value[: len(value) - len(plain)] if value.endswith(plain) else value
    begins = range(len(value) + 1) if longest else range(len(value), -1, -1)
    return next((value[:begin] for begin in begins if matches(pattern, value[begin:], budget)), value)


def replaced(pattern: str, value: str, by: str, *, every: bool, budget: Budget) -> str:
    """`${name/pattern/by}` of bash, with `//` for every place: the longest text that fits, from the left.

    A pattern that begins with `#` fits at the beginning alone, one with `%` at the end.
    """
    if pattern.startswith("#") and not every:
        rest = without_prefix(pattern[1:], value, longest=True, budget=budget)
        return by + rest if rest != value else value
    if pattern.startswith("%") and not every:
        rest = without_suffix(pattern[1:], value, longest=True, budget=budget)
        return rest + by if rest != value else value
    if not pattern:
        return value
    if not is_pattern(pattern):
        plain = unescaped(pattern)
        _check_size(len(value) + (value.count(plain) if every else 1) * len(by))
        return value.replace(plain, by, -1 if every else 1)
    out: list[str] = []
    at = size = 0
    while at < len(value):
        end = next((end for end in range(len(value), at, -1) if matches(pattern, value[at:end], budget)), None)
        if end is None:
            out.append(value[at])
            at += 1
            continue
        out.append(by)
        size += len(by)
        _check_size(size)
        at = end
        if not every:
            break
    return "".join(out) + value[at:]


def _check_size(size: int) -> None:
    """Raises TooMuch before a value is made that no variable may have."""
    if size > VALUE:
        raise TooMuch(f"a value grows beyond {VALUE} characters")
