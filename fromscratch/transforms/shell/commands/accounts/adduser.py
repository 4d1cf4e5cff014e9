"""adduser(8), addgroup, deluser and delgroup, as the Perl programs of that package make accounts."""

import re

from fromscratch.transforms.scripted.account_files import AccountFiles, Row
from fromscratch.transforms.scripted.account_numbers import ORDINARY, SYSTEM
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.accounts.options import Words
from fromscratch.transforms.shell.commands.accounts.present import FAILED, account_files, primary_group, saved
from fromscratch.transforms.shell.commands.accounts.skeleton import copy_skeleton
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_FLAGS = {
    "--system": "system", "--group": "group", "--no-create-home": "no home", "--disabled-login": "no login",
    "--disabled-password": "no password", "--add-extra-groups": "", "--add_extra_groups": "", "--quiet": "", "-q": "",
    "--allow-all-names": "", "--allow-badname": "", "--allow-bad-names": "", "--force-badname": "", "--debug": "",
    "--verbose": "", "--comment-only": "", "--remove-home": "remove home", "--remove-all-files": "remove files",
    "--backup": "", "--only-if-empty": "only if empty", "--force": "",
}  # fmt: skip
_VALUES = {
    "--comment": "comment", "--gecos": "comment", "--home": "home", "--shell": "shell", "--uid": "uid",
    "--gid": "gid", "--ingroup": "ingroup", "--firstuid": "first", "--lastuid": "last", "--firstgid": "first gid",
    "--lastgid": "last gid", "--conf": "", "-c": "", "--stdoutmsglevel": "", "--stderrmsglevel": "",
    "--logmsglevel": "", "--backup-to": "", "--backup-suffix": "", "--user": "user",
}  # fmt: skip
_SYSTEM_HOME, _ORDINARY_HOME = 0o755, 0o700
_NO_HOME = re.compile(r"/+nonexistent(/|$)")
_NO_GROUP = 65534
# The ends that adduser 3.152 has for what is there already, missing or used.
_EXISTS, _MISSING, _WRONG, _USED, _FULL = Result(11), Result(12), Result(13), Result(21), Result(22)
_HAS_MEMBERS, _NO_MEMBER = Result(41), Result(42)


def _words(call: Call) -> Words:
    return options.read(call.arguments, _FLAGS, _VALUES, one_dash=True)


def adduser(machine: Machine, call: Call) -> Result:
    """Add a user, or with two names a user to a group; `addgroup` and --group without --system add a group."""
    words = _words(call)
    accounts = account_files(machine)
    is_group = call.name == "addgroup" or (words.has("group") and not words.has("system"))
    match words.operands:
        case (user, group):
            return _join(machine, accounts, user, group)
        case (name,) if is_group:
            return _add_group(machine, accounts, words, name)
        case (name,) if words.has("system"):
            return _add_system_user(machine, accounts, words, name)
        case (name,):
            return _add_ordinary_user(machine, accounts, words, name)
    return FAILED


def _join(machine: Machine, accounts: AccountFiles, user: str, group: str) -> Result:
    if accounts.users.find(user) is None or accounts.groups.find(group) is None:
        return _MISSING
    accounts.set_members(group, [*accounts.members(group), user])
    return saved(machine, accounts)


def _range(words: Words, default: range, first: str, last: str) -> range:
    lowest, highest = words.number(first), words.number(last)
    return range(default.start if lowest is None else lowest, default.stop if highest is None else highest + 1)


def _add_group(machine: Machine, accounts: AccountFiles, words: Words, name: str) -> Result:
    is_system = words.has("system")
    fixed, present = words.number("gid"), accounts.groups.find(name)
    if present is not None:
        return _present(fixed, present) if is_system else _EXISTS
    if fixed is not None and accounts.groups.numbered(fixed):
        return _USED
    numbers = _range(words, SYSTEM if is_system else ORDINARY, "first gid", "last gid")
    gid = accounts.group_number(name, numbers) if fixed is None else fixed
    if gid is None:
        return _FULL
    accounts.add_group(name, gid)
    return saved(machine, accounts)


def _present(number: int | None, row: Row) -> Result:
    """How adding a system account ends that is there: well, also where the recipe gave it a number of people."""
    return Result() if number in (None, int(row[2])) else _WRONG


def _add_system_user(machine: Machine, accounts: AccountFiles, words: Words, name: str) -> Result:
    fixed, present = words.number("uid"), accounts.users.find(name)
    if present is not None:
        return _present(fixed, present)
    if fixed is not None and accounts.users.numbered(fixed):
        return _USED
    uid = accounts.number(name, _range(words, SYSTEM, "first", "last")) if fixed is None else fixed
    if uid is None:
        return _FULL
    asked = words.get("ingroup") or words.get("gid")
    if words.has("group"):
        gid = _own_group(accounts, name, uid)
    elif asked is not None:
        gid = primary_group(accounts, asked)
    else:
        gid = primary_group(accounts, "nogroup") or _NO_GROUP
    if gid is None:
        return _MISSING
    home, shell = words.get("home") or "/nonexistent", words.get("shell") or "/usr/sbin/nologin"
    if not home.startswith("/"):
        return FAILED
    accounts.add_user(name, uid, gid, comment=words.get("comment") or "", home=home, shell=shell, password="!")
    if not words.has("no home") and not _NO_HOME.match(home):
        accounts.make_home(home, (uid, gid), _SYSTEM_HOME, machine.origin())
    return saved(machine, accounts)


def _own_group(accounts: AccountFiles, name: str, uid: int) -> int | None:
    """The group of the user's name, made if it is missing: with the user's number where it is free."""
    present = primary_group(accounts, name)
    if present is not None:
        return present
    gid = accounts.own_group_number(name, uid)
    if gid is not None:
        accounts.add_group(name, gid)
    return gid


def _add_ordinary_user(machine: Machine, accounts: AccountFiles, words: Words, name: str) -> Result:
    if not words.has("no password") and not words.has("no login"):
        raise NotUnderstood("it asks for a password")
    fixed = words.number("uid")
    if accounts.users.find(name) is not None:
        return _EXISTS
    if fixed is not None and accounts.users.numbered(fixed):
        return _USED
    asked = words.get("ingroup") or words.get("gid")
    numbers = _range(words, ORDINARY, "first", "last")
    uid = accounts.number(name, numbers) if fixed is None else fixed
    if uid is None:
        return _FULL
    if asked is None and accounts.groups.find(name) is not None:
        return _EXISTS
    gid = _own_group(accounts, name, uid) if asked is None else primary_group(accounts, asked)
    if gid is None:
        return _MISSING
    home = words.get("home") or f"/home/{name}"
    shell = words.get("shell") or ("/usr/sbin/nologin" if words.has("no login") else "/bin/bash")
    accounts.add_user(name, uid, gid, comment=words.get("comment") or "", home=home, shell=shell, password="!")
    if accounts.groups.find("users") is not None:
        accounts.set_members("users", [*accounts.members("users"), name])
    if not words.has("no home") and not _NO_HOME.match(home):
        place = accounts.make_home(home, (uid, gid), _ORDINARY_HOME, machine.origin())
        if place is not None:
            copy_skeleton(machine, place, (uid, gid))
    return saved(machine, accounts)


def deluser(machine: Machine, call: Call) -> Result:
    """Remove a user, or with two names a user from a group; `delgroup` and --group remove a group."""
    words = _words(call)
    accounts = account_files(machine)
    if words.has("remove home") or words.has("remove files"):
        raise NotUnderstood("it removes the files of a user")
    match words.operands:
        case (user, group):
            if user not in accounts.members(group):
                return _NO_MEMBER
            accounts.set_members(group, (each for each in accounts.members(group) if each != user))
        case (name,) if call.name == "delgroup" or words.has("group"):
            if accounts.groups.find(name) is None:
                return Result() if words.has("system") else _MISSING
            if words.has("only if empty") and accounts.members(name):
                return _HAS_MEMBERS
            accounts.remove_group(name)
        case (name,):
            return _remove_user(machine, accounts, name, is_system=words.has("system"))
        case _:
            return FAILED
    return saved(machine, accounts)


def _remove_user(machine: Machine, accounts: AccountFiles, name: str, *, is_system: bool) -> Result:
    row = accounts.users.find(name)
    if row is None:
        return Result() if is_system else _MISSING
    accounts.remove_user_and_group(row)
    return saved(machine, accounts)


COMMANDS = {
    "adduser": Command(adduser, "account"),
    "addgroup": Command(adduser, "account"),
    "deluser": Command(deluser, "account"),
    "delgroup": Command(deluser, "account"),
}
