"""useradd(8), usermod and userdel, as the shadow suite makes and changes users."""

from fromscratch.transforms.scripted.account_files import AccountFiles, Row
from fromscratch.transforms.scripted.account_numbers import ORDINARY, SYSTEM
from fromscratch.transforms.shell.commands.accounts.options import Words
from fromscratch.transforms.shell.commands.accounts.present import account_files, primary_group, saved
from fromscratch.transforms.shell.commands.accounts.shadow_words import (
    MISSING,
    NAME_USED,
    NUMBER_USED,
    USAGE,
    listed,
    shadow_words,
)
from fromscratch.transforms.shell.commands.accounts.skeleton import SKELETON, copy_skeleton
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_ADD_FLAGS = {
    "-r": "system", "--system": "system", "-m": "make home", "--create-home": "make home",
    "-M": "no home", "--no-create-home": "no home", "-N": "no group", "--no-user-group": "no group",
    "-U": "own group", "--user-group": "own group", "-l": "", "--no-log-init": "", "-o": "again",
    "--non-unique": "again", "--badname": "", "-F": "", "--add-subids-for-system": "",
}  # fmt: skip
_USER_VALUES = {
    "-c": "comment", "--comment": "comment", "-d": "home", "--home": "home", "--home-dir": "home", "-g": "group",
    "--gid": "group", "-G": "groups", "--groups": "groups", "-s": "shell", "--shell": "shell", "-u": "uid",
    "--uid": "uid", "-p": "password", "--password": "password", "-e": "", "--expiredate": "", "-f": "",
    "--inactive": "",
}  # fmt: skip
_ADD_VALUES = {
    **_USER_VALUES, "-b": "base", "--base-dir": "base", "-k": "skeleton", "--skel": "skeleton", "-K": "", "--key": "",
    "-Z": "", "--selinux-user": "",
}  # fmt: skip
_CHANGE_FLAGS = {
    "-a": "append", "--append": "append", "-r": "remove", "--remove": "remove", "-L": "lock", "--lock": "lock",
    "-U": "unlock", "--unlock": "unlock", "-m": "move home", "--move-home": "move home", "-o": "again",
    "--non-unique": "again", "-b": "", "--badname": "",
}  # fmt: skip
_CHANGE_VALUES = {
    **_USER_VALUES, "-l": "name", "--login": "name", "-v": "", "-w": "", "--add-subuids": "", "--add-subgids": "",
    "-V": "", "-W": "", "--del-subuids": "", "--del-subgids": "", "-Z": "", "--selinux-user": "",
}  # fmt: skip
_SHELL, _HOMES, _HOME_MODE = "/bin/sh", "/home", 0o755


def useradd(machine: Machine, call: Call) -> Result:
    words = shadow_words(call, _ADD_FLAGS, _ADD_VALUES)
    accounts = account_files(machine)
    if len(words.operands) != 1:
        return USAGE
    name, is_system = words.operands[0], words.has("system")
    if accounts.users.find(name) is not None:
        return NAME_USED
    uid = words.number("uid")
    if uid is None:
        uid = accounts.number(name, SYSTEM if is_system else ORDINARY)
    elif accounts.users.numbered(uid) and not words.has("again"):
        return NUMBER_USED
    if uid is None:
        return NUMBER_USED
    further = listed(words, "groups")
    gid = _group_of(accounts, words, name, uid)
    if gid is None and words.get("group") is None:
        return NAME_USED
    if gid is None or any(accounts.groups.find(each) is None for each in further):
        return MISSING
    home = words.get("home") or f"{(words.get('base') or _HOMES).rstrip('/')}/{name}"
    accounts.add_user(
        name,
        uid,
        gid,
        comment=words.get("comment") or "",
        home=home,
        shell=_SHELL if words.get("shell") is None else words.get("shell") or "",
        password=words.get("password") or "!",
    )
    for group in further:
        accounts.set_members(group, [*accounts.members(group), name])
    if words.has("make home") and not words.has("no home"):
        place = accounts.make_home(home, (uid, gid), _HOME_MODE, machine.origin())
        if place is not None and not is_system:
            copy_skeleton(machine, place, (uid, gid), words.get("skeleton") or SKELETON)
    return saved(machine, accounts)


def _group_of(accounts: AccountFiles, words: Words, name: str, uid: int) -> int | None:
    """The main group of a new user; None for one that is not there, or that is there and should be made."""
    asked = words.get("group")
    if asked is not None:
        return primary_group(accounts, asked)
    if words.has("no group"):
        return primary_group(accounts, "users") or 100
    if accounts.groups.find(name) is not None:
        return None
    gid = accounts.own_group_number(name, uid)
    if gid is not None:
        accounts.add_group(name, gid)
    return gid


def usermod(machine: Machine, call: Call) -> Result:
    words = shadow_words(call, _CHANGE_FLAGS, _CHANGE_VALUES)
    accounts = account_files(machine)
    if len(words.operands) != 1:
        return USAGE
    name = words.operands[0]
    row = accounts.users.find(name)
    if row is None:
        return MISSING
    if words.has("move home"):
        raise NotUnderstood("it moves a home folder")
    uid, group = words.number("uid"), words.get("group")
    if uid is not None:
        if row[2] != str(uid) and accounts.users.numbered(uid) and not words.has("again"):
            return NUMBER_USED
        row[2] = str(uid)
    if group is not None:
        gid = primary_group(accounts, group)
        if gid is None:
            return MISSING
        row[3] = str(gid)
    for column, option in ((4, "comment"), (5, "home"), (6, "shell")):
        value = words.get(option)
        if value is not None:
            row[column] = value
    if words.get("groups") is not None and not _change_groups(accounts, words, name):
        return MISSING
    _change_password(accounts, words, name)
    if words.get("name") is not None:
        return _renamed(machine, accounts, row, words.get("name") or "")
    return saved(machine, accounts)


def _change_groups(accounts: AccountFiles, words: Words, name: str) -> bool:
    """Give the user these further groups; whether all of them are there."""
    groups = listed(words, "groups")
    if any(accounts.groups.find(each) is None for each in groups):
        return False
    present = accounts.of_user(name)
    left = groups if words.has("remove") else [] if words.has("append") else [g for g in present if g not in groups]
    for group in left:
        accounts.set_members(group, (each for each in accounts.members(group) if each != name))
    for group in () if words.has("remove") else groups:
        accounts.set_members(group, [*accounts.members(group), name])
    return True


def _change_password(accounts: AccountFiles, words: Words, name: str) -> None:
    row = accounts.passwords.find(name)
    password = words.get("password")
    if password is not None:
        accounts.passwords.put([name, password, *[""] * 7])
    elif words.has("lock") and row is not None and not row[1].startswith("!"):
        row[1] = f"!{row[1]}"
    elif words.has("unlock") and row is not None and len(row[1]) > 1 and row[1].startswith("!"):
        row[1] = row[1][1:]


def _renamed(machine: Machine, accounts: AccountFiles, row: Row, new: str) -> Result:
    old = row[0]
    if accounts.users.find(new) is not None:
        return NAME_USED
    for group in accounts.of_user(old):
        accounts.set_members(group, (new if each == old else each for each in accounts.members(group)))
    for each in (row, accounts.passwords.find(old)):
        if each is not None:
            each[0] = new
    return saved(machine, accounts)


def userdel(machine: Machine, call: Call) -> Result:
    words = shadow_words(call, {"-f": "force", "--force": "force", "-r": "home", "--remove": "home"}, {})
    accounts = account_files(machine)
    if words.has("home"):
        raise NotUnderstood("it removes a home folder")
    if len(words.operands) != 1:
        return USAGE
    name = words.operands[0]
    row = accounts.users.find(name)
    if row is None:
        return MISSING
    accounts.remove_user_and_group(row)
    return saved(machine, accounts)


COMMANDS = {
    "useradd": Command(useradd, "account"),
    "usermod": Command(usermod, "account"),
    "userdel": Command(userdel, "account"),
}
