"""Modes of files, in octal or in the symbols of chmod(1)."""

import re

from msgspec import Struct

_OCTAL = re.compile(r"(?:0o|0)?([0-7]{3,4})")
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=][rwxXst]*)+)")
_ACTION = re.compile(r"([-+=])([rwxXst]*)")
_READ_WRITE_EXECUTE = {"r": 0o444, "w": 0o222, "x": 0o111}
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}
_SET_ID, _STICKY = 0o6000, 0o1000
_ANYBODY_EXECUTES = 0o111


class ModeChange(Struct, frozen=True):
    """What becomes of a mode. `octal` is the mode itself, where it is given so; else `clauses` change what is there."""

    octal: int | None
    clauses: tuple[tuple[str, str, str], ...] = ()

    def of(self, mode: int, *, is_directory: bool) -> int:
        """The new mode of something that has this one."""
        if self.octal is not None:
            return self.octal
        executable = is_directory or bool(mode & _ANYBODY_EXECUTES)
        for who, operator, letters in self.clauses:
            mode = _changed(mode, who, operator, letters, executable)
        return mode


def parse_mode(text: str) -> ModeChange:
    """`0750`, `0o750`, or as chmod(1) has it: `u=rwX,go=rX`, `ug-s`, `+x`. Raises ValueError.

    Without a letter for whom, a change is for all: there is no umask.
    """
    if found := _OCTAL.fullmatch(text):
        return ModeChange(int(found[1], 8))
    clauses: list[tuple[str, str, str]] = []
    for part in text.split(","):
        clause = _CLAUSE.fullmatch(part)
        if not clause:
            raise ValueError(
                f'{text!r} is not a mode; write it in octal, such as "0750", or as chmod has it, such as u=rwX,go=rX'
            )
        clauses += [(clause[1] or "a", action[1], action[2]) for action in _ACTION.finditer(clause[2])]
    return ModeChange(None, tuple(clauses))


def _changed(mode: int, who: str, operator: str, letters: str, executable: bool) -> int:
    reach = 0
    for letter in who:
        reach |= _WHO[letter]
    bits = 0
    for letter in letters:
        match letter:
            case "X":
                bits |= _ANYBODY_EXECUTES if executable else 0
            case "s":
                bits |= _SET_ID
            case "t":
                bits |= _STICKY
            case _:
                bits |= _READ_WRITE_EXECUTE[letter]
    bits &= reach
    match operator:
        case "+":
            return mode | bits
        case "-":
            return mode & ~bits
    return (mode & ~reach) | bits
