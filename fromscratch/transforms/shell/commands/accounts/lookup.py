"""getent(1), id(1) and groups(1): what the account files of a tree answer."""

from fromscratch.transforms.scripted.account_files import AccountFiles, Row, Table
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.accounts.present import FAILED, account_files
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_NOT_FOUND = Result(2)
_ROOT = ["root", "x", "0", "0", "root", "/root", "/bin/sh"]


def getent(machine: Machine, call: Call) -> Result:
    """Look accounts up by name or number; without a key all of them."""
    words = options.read(call.arguments, {"-i": "", "--no-idn": ""}, {"-s": "", "--service": ""})
    if not words.operands:
        return FAILED
    database, *keys = words.operands
    accounts = account_files(machine)
    tables = {
        "passwd": accounts.users,
        "group": accounts.groups,
        "shadow": accounts.passwords,
        "gshadow": accounts.group_passwords,
    }
    if database not in tables:
        raise NotUnderstood(f"it looks up {database}")
    table = tables[database]
    numbered = database in ("passwd", "group")
    rows = [_found(table, key, numbered) for key in keys] if keys else [*table.rows]
    text = "".join(":".join(row) + "\n" for row in rows if row is not None)
    return Result(_NOT_FOUND.status if None in rows else 0, text.encode("utf-8", "surrogateescape"))


def _found(table: Table, key: str, numbered: bool) -> Row | None:
    by_number = table.numbered(int(key)) if numbered and key.isdigit() else None
    return by_number or table.find(key)


def identity(machine: Machine, call: Call) -> Result:
    """Print the numbers or names of a user; scripts themselves run as root."""
    flags = {"-u": "user", "--user": "user", "-g": "group", "--group": "group", "-G": "groups", "--groups": "groups",
             "-n": "name", "--name": "name", "-r": "", "--real": "", "-z": "zero", "--zero": "zero"}  # fmt: skip
    words = options.read(call.arguments, flags, {})
    accounts = account_files(machine)
    asked = words.operands[0] if words.operands else "root"
    row = _found(accounts.users, asked, numbered=True) or (_ROOT if asked in ("root", "0") else None)
    if row is None:
        return FAILED
    groups = _groups(accounts, row)
    if words.has("user"):
        text = row[0] if words.has("name") else row[2]
    elif words.has("group"):
        text = groups[0][0] if words.has("name") else groups[0][1]
    elif words.has("groups"):
        text = " ".join(name if words.has("name") else number for name, number in groups)
    else:
        listed = ",".join(f"{number}({name})" for name, number in groups)
        text = f"uid={row[2]}({row[0]}) gid={groups[0][1]}({groups[0][0]}) groups={listed}"
    return Result(0, f"{text}\n".encode("utf-8", "surrogateescape"))


def _groups(accounts: AccountFiles, row: Row) -> list[tuple[str, str]]:
    """The names and numbers of a user's groups, the main one first."""
    main = accounts.groups.numbered(int(row[3]))
    name = main[0] if main else "root" if row[3] == "0" else row[3]
    others = [(group, str(accounts.groups.numbers()[group])) for group in accounts.of_user(row[0])]
    return [(name, row[3]), *(each for each in others if each[1] != row[3])]


def groups(machine: Machine, call: Call) -> Result:
    """Print the names of a user's groups."""
    accounts = account_files(machine)
    lines = []
    for user in call.arguments or ("root",):
        row = accounts.users.find(user) or (_ROOT if user == "root" else None)
        if row is None:
            return FAILED
        names = " ".join(name for name, _ in _groups(accounts, row))
        lines.append(f"{user} : {names}\n" if call.arguments else f"{names}\n")
    return Result(0, "".join(lines).encode("utf-8", "surrogateescape"))


COMMANDS = {
    "getent": Command(getent, "account"),
    "id": Command(identity, "account"),
    "groups": Command(groups, "account"),
}
