"""The accounts that scripts of Alpine packages make: their calls of busybox's addgroup and adduser, read and not run.

A package that needs accounts of its own has a script of such calls. What only such a script has is read; of any
other the calls that stand on lines of their own, whose words are plain, are read too.
"""

import shlex
from collections.abc import Iterator, Mapping

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex
from fromscratch.limits import number

_MOST_LINES, _LONGEST_LINE = 1000, 500
_MAX_ID = (1 << 32) - 2
_ENDING = lazy_regex(r"(?:[&12]?>{1,2} ?/dev/null|[12]>&1|\|\| ?(?:true|:|exit 0)|;)$")
_HARMLESS = lazy_regex(r"(?:#.*|:|true|exit(?: 0)?|set -[eux]+)?")
_NAME = lazy_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_PLAIN = lazy_regex(r"[^$`|&;<>(){}*?\\]*")
_PREFIX = lazy_regex(r"(?:/usr)?(?:/s?bin/)?(?:busybox\s+)?(addgroup|adduser)\s+")


class AddGroup(Struct, frozen=True):
    """A group of its own (`number` None: the next free one); with `user`, that user becomes a member of it."""

    name: str
    number: int | None = None
    is_system: bool = False
    user: str = ""


class AddUser(Struct, frozen=True):
    """A user; what is None has busybox's default."""

    name: str
    number: int | None = None
    is_system: bool = False
    group: str | None = None
    home: str | None = None
    has_home: bool = True
    shell: str | None = None
    comment: str | None = None


class Accounts(Struct, frozen=True):
    """The calls of a script in their order. `is_whole` says that it does nothing else."""

    calls: tuple[AddGroup | AddUser, ...]
    is_whole: bool


def accounts_of(script: str) -> Accounts:
    """What a script makes of accounts."""
    calls: list[AddGroup | AddUser] = []
    lines = script.replace("\\\n", " ").split("\n")
    whole = len(lines) <= _MOST_LINES
    for line in map(str.strip, lines[:_MOST_LINES]):
        if _HARMLESS.fullmatch(line):
            continue
        call = _call(line) if len(line) <= _LONGEST_LINE else None
        if call is None:
            whole = False
        else:
            calls.append(call)
    return Accounts(tuple(calls), whole)


def _call(line: str) -> AddGroup | AddUser | None:
    while ending := _ENDING.search(line):
        line = line[: ending.start()].rstrip()
    start = _PREFIX.match(line)
    if start is None or not _PLAIN.fullmatch(line):
        return None
    try:
        words = shlex.split(line[start.end() :])
    except ValueError:
        return None
    return _group(words) if start[1] == "addgroup" else _user(words)


def _group(words: list[str]) -> AddGroup | None:
    parsed = _options(words, flags="S", values="g")
    if parsed is None:
        return None
    options, names = parsed
    numbered = _id(options["g"]) if "g" in options else None
    if not 1 <= len(names) <= 2 or ("g" in options and numbered is None):
        return None
    return AddGroup(names[-1], numbered, "S" in options, names[0] if len(names) == 2 else "")


def _user(words: list[str]) -> AddGroup | AddUser | None:
    parsed = _options(words, flags="SDH", values="ugGhsk")
    if parsed is None:
        return None
    options, names = parsed
    numbered = _id(options["u"]) if "u" in options else None
    if len(names) == 2 and not options:
        return AddGroup(names[1], user=names[0])  # adduser USER GROUP
    home = options.get("h")
    if len(names) != 1 or ("u" in options and numbered is None) or (home is not None and not _is_home(home)):
        return None
    return AddUser(
        names[0],
        numbered,
        "S" in options,
        options.get("G"),
        home,
        "H" not in options,
        options.get("s"),
        options.get("g"),
    )


def _id(digits: str) -> int | None:
    found = number(digits)
    return found if found is not None and found <= _MAX_ID else None


def _is_home(path: str) -> bool:
    return path.startswith("/") and ".." not in path.split("/")


def _options(words: list[str], *, flags: str, values: str) -> tuple[Mapping[str, str], list[str]] | None:
    """Options and names; None for a call with others, or with a name that no account may have."""
    options: dict[str, str] = {}
    names: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and len(word) > 1:
            found = list(_option(word[1:], rest, flags, values))
            if None in found:
                return None
            options |= {name: value for one in found if one is not None for name, value in [one]}
        elif _NAME.fullmatch(word):
            names.append(word)
        else:
            return None
    return options, names


def _option(letters: str, rest: Iterator[str], flags: str, values: str) -> Iterator[tuple[str, str] | None]:
    for place, letter in enumerate(letters):
        if letter in values:
            value = letters[place + 1 :] or next(rest, None)
            yield None if value is None or ":" in value or "\n" in value else (letter, value)
            return
        yield (letter, "") if letter in flags else None
