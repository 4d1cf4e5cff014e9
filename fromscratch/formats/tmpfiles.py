"""Files and folders that a system makes when it starts: tmpfiles.d(5).

Only the lines that create something that is the same on every system are read; the others clean up, or depend on the
machine, and mean nothing before it runs.
"""

import shlex

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex

_MODE = lazy_regex(r"[~:]{0,2}[0-7]{3,5}")
_MOST = 1 << 18  # characters of one file
_CREATED = {"d": "d", "D": "d", "v": "d", "q": "d", "Q": "d", "f": "f", "F": "f", "L": "L", "C": "C"}
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}
_ESCAPE = lazy_regex(r"\\[nt\\]")


class Line(Struct, frozen=True):
    """One thing to create: a folder ("d"), a file ("f"), a symlink ("L") or a copy ("C").

    `argument` is the text of the file, the target of the link, or what is copied; empty for the same path under
    /usr/share/factory. `replaces` says that it is made also where something stands. `mode` is None for the default.
    """

    kind: str
    path: str
    mode: int | None = None
    user: str = ""
    group: str = ""
    argument: str = ""
    replaces: bool = False


class Parsed(Struct, frozen=True):
    lines: tuple[Line, ...]
    faults: tuple[str, ...] = ()


def parse(text: str) -> Parsed:
    """The lines of one file that create something; specifiers other than %% make a line a fault."""
    lines, faults = [], []
    for number, raw in enumerate(text[:_MOST].split("\n"), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        try:
            fields = shlex.split(raw, posix=True) if any(mark in raw for mark in "\"'") else raw.split(maxsplit=6)
        except ValueError:
            fields = []
        kind = fields[0] if fields else "?"
        letter, flags = kind[:1], kind[1:]
        if letter not in _CREATED and letter.isalpha():
            continue
        if "!" in flags:  # only while the system boots
            continue
        line = _line(letter, flags, fields)
        if line is None:
            faults.append(f"line {number}: {raw.strip()[:80]!r}")
        else:
            lines.append(line)
    return Parsed(tuple(lines), tuple(faults))


def _line(letter: str, flags: str, fields: list[str]) -> Line | None:
    _, path, mode, user, group, _, argument = (*(field if field != "-" else "" for field in fields), *[""] * 7)[:7]
    path, argument = path.replace("%%", "\0"), argument.replace("%%", "\0")
    if letter not in _CREATED or not path.startswith("/") or "%" in path + argument:
        return None
    if mode and not _MODE.fullmatch(mode):
        return None
    if letter in "fF":
        argument = _ESCAPE.sub(lambda found: _ESCAPES[found[0]], argument)
    bits = int(mode.lstrip("~:"), 8) & 0o7777 if mode else None
    path, argument = path.replace("\0", "%"), argument.replace("\0", "%")
    return Line(_CREATED[letter], path, bits, user.lstrip(":"), group.lstrip(":"), argument, "+" in flags)
