"""Files and folders that a system makes when it starts: tmpfiles.d(5).

Only the lines are read whose effect is the same on every system: those that create something, or give something that
is there its mode and owner. The others clean up, or depend on the machine, and mean nothing before it runs.
"""

import shlex

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex

_MODE = lazy_regex(r"[~:]{0,2}[0-7]{3,5}")
_MOST = 1 << 18  # characters of one file
_KINDS = {
    "d": "d", "D": "d", "v": "d", "q": "d", "Q": "d", "f": "f", "F": "f", "L": "L", "C": "C", "p": "p", "w": "w",
    "e": "z", "z": "z", "m": "z", "Z": "Z",
}  # fmt: skip
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}
_ESCAPE = lazy_regex(r"\\[nt\\]")
# While a system boots; out of a credential; in base64.
_NOT_FOLLOWED = "!^~"
_SPECIFIERS = {
    "%t": "/run", "%S": "/var/lib", "%C": "/var/cache", "%L": "/var/log", "%T": "/tmp", "%V": "/var/tmp",
    "%h": "/root",
}  # fmt: skip
_SPECIFIER = lazy_regex("%.")


class Line(Struct, frozen=True):
    """One thing to create: a folder ("d"), a file ("f"), a symlink ("L"), a copy ("C") or a FIFO ("p"); or what is
    there to change: its mode and owner ("z", with all below it "Z"), or the text of a file ("w").

    `path` of the last three may be a pattern. `argument` is the text of the file, the target of the link, or what is
    copied; empty for the same path under /usr/share/factory. `replaces` says that it is made also where something
    stands. `mode` is None for the default. `when_new` names what counts only for something that is made: "m", "u" or
    "g"; `masked` says that the mode takes only bits away.
    """

    kind: str
    path: str
    mode: int | None = None
    user: str = ""
    group: str = ""
    argument: str = ""
    replaces: bool = False
    when_new: str = ""
    masked: bool = False


class Parsed(Struct, frozen=True):
    lines: tuple[Line, ...]
    faults: tuple[str, ...] = ()


def parse(text: str) -> Parsed:
    """The lines of one file that make or change something; a specifier of a machine makes a line a fault."""
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
        if letter not in _KINDS and letter.isalpha():
            continue
        if any(flag in flags for flag in _NOT_FOLLOWED):
            continue
        line = _line(letter, flags, fields)
        if line is None:
            faults.append(f"line {number}: {raw.strip()[:80]!r}")
        else:
            lines.append(line)
    return Parsed(tuple(lines), tuple(faults))


def _line(letter: str, flags: str, fields: list[str]) -> Line | None:
    _, path, mode, user, group, _, argument = (*(field if field != "-" else "" for field in fields), *[""] * 7)[:7]
    if letter not in _KINDS or not path or (mode and not _MODE.fullmatch(mode)):
        return None
    where, text = _expanded(path), _expanded(argument)
    if where is None or text is None or not where.startswith("/"):
        return None
    if letter in "fFw":
        text = _ESCAPE.sub(lambda found: _ESCAPES[found[0]], text)
    return Line(
        _KINDS[letter],
        where,
        int(mode.lstrip("~:"), 8) & 0o7777 if mode else None,
        user.lstrip(":"),
        group.lstrip(":"),
        text,
        "+" in flags,
        "".join(what for what, field in (("m", mode), ("u", user), ("g", group)) if ":" in field[:2]),
        "~" in mode,
    )


def _expanded(text: str) -> str | None:
    """The text without specifiers; None for one whose meaning only a running machine knows."""
    found = {match[0] for match in _SPECIFIER.finditer(text)}
    if not found <= {*_SPECIFIERS, "%%"}:
        return None
    return _SPECIFIER.sub(lambda match: _SPECIFIERS.get(match[0], "%"), text)
