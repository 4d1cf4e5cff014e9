"""dpkg-divert(1): the file of another package gets another name, so that a package's own can stand there."""

import fnmatch
from collections.abc import Iterator

from msgspec import Struct

from fromscratch.errors import NotInTree
from fromscratch.paths import encode
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_FLAGS = {
    "--add": "add", "--list": "list", "--listpackage": "listpackage", "--local": "local", "--no-rename": "keep",
    "--quiet": "", "--remove": "remove", "--rename": "rename", "--test": "test", "--truename": "truename",
}  # fmt: skip
_VALUES = {"--admindir": "", "--divert": "to", "--instdir": "", "--package": "package", "--root": ""}
_CLASH = Result(2)


class Diversion(Struct, frozen=True):
    """`path` of every package but `package` is found at `to`; a local one, without package, is of all packages."""

    path: str
    to: str
    package: str = ""

    @property
    def shown(self) -> str:
        what = f"diversion of {self.path} to {self.to}"
        return f"{what} by {self.package}" if self.package else f"local {what}"


class Diversions:
    """The diversions of a machine, by the paths that they divert."""

    def __init__(self) -> None:
        self.by_path: dict[str, Diversion] = {}

    def matching(self, pattern: str) -> Iterator[Diversion]:
        for one in self.by_path.values():
            texts = (one.path, one.to, one.package or ":")
            if any(fnmatch.fnmatchcase(text, pattern) for text in texts):
                yield one


def dpkg_divert(machine: Machine, call: Call) -> Result:
    """Add or remove a diversion, or say what is diverted."""
    words = options.read(call.arguments, _FLAGS, _VALUES)
    known = machine.state(Diversions)
    if words.has("list"):
        patterns = words.operands or ("*",)
        found = dict.fromkeys(one for pattern in patterns for one in known.matching(pattern))
        return Result(0, encode("".join(f"{one.shown}\n" for one in found)))
    if len(words.operands) != 1:
        raise NotUnderstood("it names no file, or several")
    path = words.operands[0]
    present = known.by_path.get(path)
    if words.has("truename"):
        return Result(0, encode(f"{present.to if present else path}\n"))
    if words.has("listpackage"):
        return Result(0, encode(f"{present.package or 'LOCAL'}\n") if present else b"")
    package = "" if words.has("local") else words.get("package") or machine.package
    moves = words.has("rename") and not words.has("keep") and not words.has("test")
    if words.has("remove"):
        return _remove(machine, present, package if words.has("package") else None, moves)
    return _add(machine, Diversion(path, words.get("to") or f"{path}.distrib", package), moves)


def _add(machine: Machine, diversion: Diversion, moves: bool) -> Result:
    known = machine.state(Diversions)
    present = known.by_path.get(diversion.path)
    if present is not None:
        return Result() if present == diversion else _CLASH
    if moves:
        _rename(machine, diversion.path, diversion.to)
    known.by_path[diversion.path] = diversion
    return Result()


def _remove(machine: Machine, present: Diversion | None, package: str | None, moves: bool) -> Result:
    if present is None:
        return Result()
    if package is not None and present.package != package:
        return _CLASH
    if moves and machine.tree.find(present.path, follow_last=False) is None:
        _rename(machine, present.to, present.path)
    del machine.state(Diversions).by_path[present.path]
    return Result()


def _rename(machine: Machine, source: str, target: str) -> None:
    try:
        found = machine.tree.resolve(source, follow_last=False)
    except NotInTree:
        return
    if machine.tree.find(target, follow_last=False) is None:
        machine.tree.move(found, machine.tree.place(target, follow_last=False))


COMMANDS = {"dpkg-divert": Command(dpkg_divert, "content")}
