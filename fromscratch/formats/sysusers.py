"""System accounts as packages declare them: sysusers.d(5), and the commands of scripts that say the same.

The lines of both become `Line`s; a line that cannot be read is given back as a fault, as systemd passes over it.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, cast

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex

Kind = Literal["u", "g", "m"]
_NAME = lazy_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}\$?")
_ID = lazy_regex(r"[0-9]{1,10}(:([0-9]{1,10}|[A-Za-z_][A-Za-z0-9_.-]{0,30}))?")
_MOST = 1 << 18  # characters of one file or script


class Line(Struct, frozen=True):
    """A user ("u"), a group ("g"), or the membership of user `name` in the group `id` ("m").

    `id` is a number, for a user perhaps with its group ("5:staff", "-:staff"); empty for any that is free.
    """

    kind: Kind
    name: str
    id: str = ""
    comment: str = ""
    home: str = ""
    shell: str = ""


class Parsed(Struct, frozen=True):
    lines: tuple[Line, ...]
    faults: tuple[str, ...] = ()


def parse(text: str) -> Parsed:
    """The lines of one file of sysusers.d."""
    lines, faults = [], []
    for number, raw in enumerate(text[:_MOST].split("\n"), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        line = _line(raw)
        if line is not None:
            lines.append(line)
        elif raw.split()[0] != "r":  # a range of numbers to choose from
            faults.append(f"line {number}: {raw.strip()[:80]!r}")
    return Parsed(tuple(lines), tuple(faults))


def _line(raw: str) -> Line | None:
    try:
        fields = [field if field != "-" else "" for field in shlex.split(raw)]
    except ValueError:
        return None
    kind, name, number, *rest = (*fields, "", "", "")
    kind = kind.rstrip("!")
    if kind == "m":
        return Line("m", name, number) if _NAME.fullmatch(name) and _NAME.fullmatch(number) else None
    if kind not in ("u", "g") or not _NAME.fullmatch(name):
        return None
    if number.startswith("/"):  # the owner of that file, which no system has yet
        number = ""
    if number.startswith("-:") and _NAME.fullmatch(number[2:]):
        pass
    elif number and not _ID.fullmatch(number):
        return None
    comment, home, shell = rest[0], rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else ""
    if any(":" in field or "\n" in field for field in (comment, home, shell)):
        return None
    return Line(cast(Kind, kind), name, number, comment, home, shell)


_USERS = {"useradd", "adduser"}
_GROUPS = {"groupadd", "addgroup"}
_VALUES = {  # the options with a value that matter, and what they are called here
    "-u": "uid", "--uid": "uid", "-g": "gid", "--gid": "gid", "-G": "groups", "--groups": "groups",
    "-d": "home", "--home-dir": "home", "--home": "home", "-s": "shell", "--shell": "shell",
    "-c": "comment", "--comment": "comment", "--gecos": "comment",
}  # fmt: skip
_PASSED_OVER = {"-K", "--key", "-k", "--skel", "-b", "--base-dir", "-e", "--expiredate", "-f", "--inactive", "-p"}
_BUSYBOX = {"-h": "home", "-g": "comment", "-G": "gid"}  # adduser of busybox and of Alpine's scripts
_END = {"||", "&&", ";", "|", "&", ">", ">>", "2>", "&>", "2>&1", "1>", "<"}
_LEADING = {"then", "else", "do", "{", "(", "!", "if"}


def commands(script: str) -> Parsed:
    """The accounts that the plain commands useradd(8), groupadd(8), adduser and addgroup of a script would make.

    A command with a variable or a substitution in its words is a fault: what it makes is not known without running it.
    """
    lines, faults = [], []
    for words in _commands(script[:_MOST].replace("\\\n", " ")):
        program = words[0].rpartition("/")[2]
        if program not in _USERS | _GROUPS:
            continue
        found = None if any("$" in word or "`" in word for word in words) else _account(program, words[1:])
        if found is None:
            faults.append(" ".join(words)[:80])
        else:
            lines += found
    return Parsed(tuple(lines), tuple(faults))


def _commands(script: str) -> Iterator[list[str]]:
    for raw in script.split("\n"):
        if not any(word in raw for word in (*_USERS, *_GROUPS)):
            continue
        lexer = shlex.shlex(raw, posix=True, punctuation_chars=";&|<>(){}")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:
            yield raw.split()
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word in _END or set(word) <= set(";&|<>(){}"):
                if command:
                    yield command
                command = []
            elif command or word not in _LEADING:
                command.append(word)


def _account(program: str, words: Iterable[str]) -> list[Line] | None:
    names: list[str] = []
    options: dict[str, str] = {}
    values = {**_VALUES, **_BUSYBOX} if program in ("adduser", "addgroup") else dict(_VALUES)
    pending = iter(words)
    for word in pending:
        flag, equals, value = word.partition("=")
        if word.isdigit() and not names:
            return None
        if not word.startswith("-"):
            names.append(word)
        elif flag in values:
            options[values[flag]] = value if equals else next(pending, "")
        elif flag in _PASSED_OVER and program in _USERS and not equals:
            next(pending, None)
    names = [name for name in names if not name.isdigit()]  # the descriptor before a redirection
    if not names or not all(map(_NAME.fullmatch, names)):
        return None
    if program in _GROUPS:
        return _group(names, options)
    if len(names) == 2:  # adduser NAME GROUP
        return [Line("m", names[0], names[1])]
    return _user(names[0], options)


def _group(names: list[str], options: Mapping[str, str]) -> list[Line] | None:
    if len(names) == 2:  # addgroup NAME GROUP
        return [Line("m", names[0], names[1])]
    number = options.get("gid", "")
    return [Line("g", names[0], number)] if not number or number.isdigit() else None


def _user(name: str, options: Mapping[str, str]) -> list[Line] | None:
    uid, group = options.get("uid", ""), options.get("gid", "")
    number = f"{uid or '-'}:{group}" if group and group != name else uid
    if not number.startswith("-:") and number and not _ID.fullmatch(number):
        return None
    found = [Line("u", name, number, options.get("comment", ""), options.get("home", ""), options.get("shell", ""))]
    return found + [Line("m", name, other) for other in options.get("groups", "").split(",") if _NAME.fullmatch(other)]
