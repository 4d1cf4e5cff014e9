"""groupadd(8), groupmod, groupdel and gpasswd, as the shadow suite makes and changes groups."""

from fromscratch.transforms.scripted.account_numbers import ORDINARY, SYSTEM
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.accounts.present import account_files, saved
from fromscratch.transforms.shell.commands.accounts.shadow_words import (
    BAD,
    MISSING,
    NAME_USED,
    NUMBER_USED,
    USAGE,
    listed,
    shadow_words,
)
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_GROUP_FLAGS = {
    "-r": "system", "--system": "system", "-f": "force", "--force": "force", "-o": "again", "--non-unique": "again",
    "-a": "append", "--append": "append",
}  # fmt: skip
_GROUP_VALUES = {
    "-g": "gid", "--gid": "gid", "-K": "", "--key": "", "-p": "", "--password": "", "-U": "users", "--users": "users",
    "-n": "name", "--new-name": "name",
}  # fmt: skip
_HAS_USERS = Result(8)


def groupadd(machine: Machine, call: Call) -> Result:
    words = shadow_words(call, _GROUP_FLAGS, _GROUP_VALUES)
    accounts = account_files(machine)
    if len(words.operands) != 1:
        return USAGE
    name, gid = words.operands[0], words.number("gid")
    if accounts.groups.find(name) is not None:
        return Result() if words.has("force") else NAME_USED
    if gid is not None and accounts.groups.numbered(gid) and not words.has("again"):
        if not words.has("force"):
            return NUMBER_USED
        gid = None
    if gid is None:
        gid = accounts.group_number(name, SYSTEM if words.has("system") else ORDINARY)
    if gid is None:
        return NUMBER_USED
    accounts.add_group(name, gid, listed(words, "users"))
    return saved(machine, accounts)


def groupmod(machine: Machine, call: Call) -> Result:
    words = shadow_words(call, _GROUP_FLAGS, _GROUP_VALUES)
    accounts = account_files(machine)
    if len(words.operands) != 1:
        return USAGE
    name, gid, new = words.operands[0], words.number("gid"), words.get("name")
    row = accounts.groups.find(name)
    if row is None:
        return MISSING
    if gid is not None and str(gid) != row[2]:
        if accounts.groups.numbered(gid) and not words.has("again"):
            return NUMBER_USED
        for user in accounts.users.rows:
            if len(user) > 3 and user[3] == row[2]:
                user[3] = str(gid)
        row[2] = str(gid)
    if words.get("users") is not None:
        before = accounts.members(name) if words.has("append") else []
        accounts.set_members(name, [*before, *listed(words, "users")])
    if new is not None and new != name:
        if accounts.groups.find(new) is not None:
            return NAME_USED
        for each in (row, accounts.group_passwords.find(name)):
            if each is not None:
                each[0] = new
    return saved(machine, accounts)


def groupdel(machine: Machine, call: Call) -> Result:
    words = shadow_words(call, {"-f": "force", "--force": "force"}, {})
    accounts = account_files(machine)
    if len(words.operands) != 1:
        return USAGE
    row = accounts.groups.find(words.operands[0])
    if row is None:
        return MISSING
    if not words.has("force") and any(len(user) > 3 and user[3] == row[2] for user in accounts.users.rows):
        return _HAS_USERS
    accounts.remove_group(words.operands[0])
    return saved(machine, accounts)


def gpasswd(machine: Machine, call: Call) -> Result:
    values = {
        "-a": "add", "--add": "add", "-d": "delete", "--delete": "delete", "-M": "members", "--members": "members",
        "-A": "", "--administrators": "",
    }  # fmt: skip
    words = options.read(call.arguments, {"-R": "", "--restrict": "", "-r": "", "--remove-password": ""}, values)
    accounts = account_files(machine)
    if len(words.operands) != 1 or not words.options:
        raise NotUnderstood("it asks for a password")
    group = words.operands[0]
    users = [name for option in ("add", "members") for name in listed(words, option)]
    if accounts.groups.find(group) is None or any(accounts.users.find(each) is None for each in users):
        return BAD
    gone = words.get("delete")
    if gone is not None and gone not in accounts.members(group):
        return BAD
    before = [] if words.get("members") is not None else accounts.members(group)
    accounts.set_members(group, [each for each in (*before, *users) if each != gone])
    return saved(machine, accounts)


COMMANDS = {
    "groupadd": Command(groupadd, "account"),
    "groupmod": Command(groupmod, "account"),
    "groupdel": Command(groupdel, "account"),
    "gpasswd": Command(gpasswd, "account"),
}
