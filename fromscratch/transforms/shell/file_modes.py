"""Modes as chmod(1), mkdir(1) and install(1) of GNU read them: in octal, or as changes to a mode."""

import re

from msgspec import Struct

from fromscratch.transforms.shell.machine import NotUnderstood

_ALL, _SET_ID, _STICKY, _ANYBODY_EXECUTES = 0o7777, 0o6000, 0o1000, 0o111
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": _ALL}
_LETTERS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": _SET_ID, "t": _STICKY}
_COPIED = {"u": 0o700, "g": 0o070, "o": 0o007}
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[0-7]+|[ugo]|[rwxXst]*))+)", re.ASCII)
_ACTION = re.compile(r"([-+=])([0-7]+|[ugo]|[rwxXst]*)", re.ASCII)
_DIGITS_THAT_CLEAR = 5  # a directory loses its set-ID bits only to a number that is this long: chmod(1)


class Change(Struct, frozen=True):
    """One change: `affected` are the bits of those for whom it is, 0 where nobody is named.

    `mentioned` are bits that it speaks of: a directory keeps its set-ID bits but for those.
    """

    operator: str
    affected: int
    mentioned: int
    value: int
    copies: bool = False
    executes: bool = False

    def of(self, mode: int, *, directory: bool, umask: int) -> int:
        """The mode that this change makes of another."""
        omitted = _SET_ID & ~self.mentioned if directory else 0
        value = self.value
        if self.copies:
            value &= mode
            value |= sum(bits for bits in (0o444, 0o222, 0o111) if value & bits)
        if self.executes and (directory or mode & _ANYBODY_EXECUTES):
            value |= _ANYBODY_EXECUTES
        value &= (self.affected or ~umask) & ~omitted
        if self.operator == "=":
            preserved = (~self.affected if self.affected else 0) | omitted
            return (mode & preserved & _ALL) | value
        return mode | value if self.operator == "+" else mode & ~value


def parse_changes(text: str) -> tuple[Change, ...]:
    """The changes that a mode of chmod(1) is made of. Raises NotUnderstood for what is not a mode."""
    if re.fullmatch("[0-7]{1,12}", text) and int(text, 8) <= _ALL:
        mode = int(text, 8)
        mentioned = (mode & (_SET_ID | _STICKY)) | 0o777 if len(text) < _DIGITS_THAT_CLEAR else _ALL
        return (Change("=", _ALL, mentioned, mode),)
    changes: list[Change] = []
    for part in text.split(","):
        clause = _CLAUSE.fullmatch(part)
        if not clause:
            raise NotUnderstood(f"{text} is not a mode")
        affected = 0
        for letter in clause[1]:
            affected |= _WHO[letter]
        changes += [_change(action[1], action[2], affected) for action in _ACTION.finditer(clause[2])]
    return tuple(changes)


def _change(operator: str, what: str, affected: int) -> Change:
    if what.isdigit():
        if int(what, 8) > _ALL or affected:
            raise NotUnderstood(f"{operator}{what} is not a mode")
        return Change(operator, _ALL, _ALL, int(what, 8))
    value = _COPIED.get(what, 0)
    if not value:
        for letter in what:
            value |= _LETTERS.get(letter, 0)
    mentioned = affected & value if affected else value
    return Change(operator, affected, mentioned, value, copies=what in _COPIED, executes="X" in what)


def changed(mode: int, changes: tuple[Change, ...], *, directory: bool, umask: int = 0) -> int:
    """The mode that these changes make of another."""
    for change in changes:
        mode = change.of(mode, directory=directory, umask=umask)
    return mode
