"""dpkg-statoverride(1): owners and modes that count instead of those in packages."""

import fnmatch
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import NotInTree
from fromscratch.paths import encode
from fromscratch.transforms.scripted.account_files import Row
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.accounts.present import account_files
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_FLAGS = {
    "--add": "add", "--force": "force", "--force-all": "force", "--force-statoverride-add": "force", "--list": "list",
    "--force-statoverride-remove": "", "--quiet": "", "--remove": "remove", "--update": "update",
}  # fmt: skip
_VALUES = {"--admindir": "", "--instdir": "", "--root": ""}
_NONE, _EXISTS = Result(1), Result(2)


class Override(Struct, frozen=True):
    user: str
    group: str
    mode: str


class Overrides:
    """The overrides of a machine, by path."""

    def __init__(self) -> None:
        self.by_path: dict[str, Override] = {}


def dpkg_statoverride(machine: Machine, call: Call) -> Result:
    """Add, remove or list overrides. Every file is unpacked already, so one that is added counts at once."""
    words = options.read(call.arguments, _FLAGS, _VALUES)
    known = machine.state(Overrides).by_path
    if words.has("list"):
        patterns = [each.rstrip("/") or each for each in words.operands] or ["*"]
        found = [path for path in known if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)]
        lines = [f"{known[path].user} {known[path].group} {known[path].mode} {path}\n" for path in found]
        return Result(0, encode("".join(lines))) if lines else _NONE
    if words.has("remove"):
        return Result() if known.pop(words.operands[0].rstrip("/"), None) or words.has("force") else _EXISTS
    if not words.has("add") or len(words.operands) != 4:
        raise NotUnderstood("this use of dpkg-statoverride is not known")
    user, group, mode, path = words.operands
    path = path.rstrip("/")
    if path in known and not words.has("force"):
        return _EXISTS
    status = _apply(machine, Override(user, group, mode), path)
    if not status.status:
        known[path] = Override(user, group, mode)
    return status


def _apply(machine: Machine, override: Override, path: str) -> Result:
    accounts = account_files(machine)
    uid, gid = _number(accounts.users.find, override.user), _number(accounts.groups.find, override.group)
    if uid is None or gid is None:
        return _NONE
    try:
        mode = int(override.mode, 8)
        place = machine.tree.resolve(path)
    except ValueError as error:
        raise NotUnderstood(f"{override.mode} is not a mode") from error
    except NotInTree:
        return Result()  # a warning of dpkg-statoverride
    entry = machine.tree.find(place)
    if entry is not None:
        machine.tree.change_meta(place, replace(entry.meta, uid=uid, gid=gid, mode=mode & 0o7777))
    return Result()


def _number(find: Callable[[str], Row | None], name: str) -> int | None:
    """The number of an account, which may be written as #33."""
    if name.startswith("#"):
        return int(name[1:]) if name[1:].isdigit() and len(name) < 12 else None
    row = find(name)
    return int(row[2]) if row else 0 if name == "root" else None


COMMANDS = {"dpkg-statoverride": Command(dpkg_statoverride, "owner")}
