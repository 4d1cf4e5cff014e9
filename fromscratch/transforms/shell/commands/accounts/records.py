"""Commands that change one field of an account, or bring the four files in line: chsh(1), chage, pwconv and others."""

from fromscratch.transforms.scripted.account_files import AccountFiles
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.accounts.present import FAILED, account_files, saved
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_COMMENT_FIELDS = {"-f": "0", "-r": "1", "-w": "2", "-h": "3", "-o": "4"}
_AGES = {"-d": "2", "-m": "3", "-M": "4", "-W": "5", "-I": "6", "-E": "7"}
_LONG_AGES = {
    "--lastday": "2", "--mindays": "3", "--maxdays": "4", "--warndays": "5", "--inactive": "6", "--expiredate": "7",
}  # fmt: skip


def chsh(machine: Machine, call: Call) -> Result:
    """Change the shell of a user."""
    words = options.read(call.arguments, {}, {"-s": "shell", "--shell": "shell"})
    accounts = account_files(machine)
    if words.get("shell") is None:
        raise NotUnderstood("it asks for a shell")
    row = accounts.users.find(words.operands[0] if words.operands else "root")
    if row is None:
        return FAILED
    row[6] = words.get("shell") or ""
    return saved(machine, accounts)


def chfn(machine: Machine, call: Call) -> Result:
    """Change the parts of the comment of a user: name, room, two telephones, and others."""
    words = options.read(call.arguments, {}, _COMMENT_FIELDS)
    accounts = account_files(machine)
    if not words.options:
        raise NotUnderstood("it asks for a name")
    row = accounts.users.find(words.operands[0] if words.operands else "root")
    if row is None:
        return FAILED
    parts = (row[4].split(",") + [""] * 5)[:5]
    for column, text in words.options.items():
        parts[int(column)] = text
    row[4] = ",".join(parts[:4]) + (f",{parts[4]}" if parts[4] else "")
    return saved(machine, accounts)


def chage(machine: Machine, call: Call) -> Result:
    """Change how long a password is valid."""
    words = options.read(call.arguments, {}, {**_AGES, **_LONG_AGES})
    accounts = account_files(machine)
    if not words.options or len(words.operands) != 1:
        raise NotUnderstood("it asks for dates")
    row = accounts.passwords.find(words.operands[0])
    if row is None:
        return FAILED
    for column, text in words.options.items():
        if text not in ("", "-1") and not text.isdigit():
            raise NotUnderstood(f"{text!r} is not a number of days")
        row[int(column)] = "" if text == "-1" else text
    return saved(machine, accounts)


def passwd(machine: Machine, call: Call) -> Result:
    """Lock or unlock a password; a password itself is never set."""
    flags = {"-l": "lock", "--lock": "lock", "-u": "unlock", "--unlock": "unlock", "-q": "", "--quiet": ""}
    words = options.read(call.arguments, flags, {})
    accounts = account_files(machine)
    if not (words.has("lock") or words.has("unlock")) or len(words.operands) != 1:
        raise NotUnderstood("it sets a password")
    row = accounts.passwords.find(words.operands[0])
    if row is None:
        return FAILED
    if words.has("lock"):
        row[1] = row[1] if row[1].startswith("!") else f"!{row[1]}"
    elif row[1].startswith("!"):
        if len(row[1]) == 1:
            return Result(3)
        row[1] = row[1][1:]
    return saved(machine, accounts)


def pwconv(machine: Machine, call: Call) -> Result:
    """Move the passwords of passwd into shadow."""
    accounts = account_files(machine)
    _move_passwords(accounts)
    return saved(machine, accounts)


def grpconv(machine: Machine, call: Call) -> Result:
    """Move the passwords of group into gshadow."""
    accounts = account_files(machine)
    _move_group_passwords(accounts)
    return saved(machine, accounts)


def shadowconfig(machine: Machine, call: Call) -> Result:
    """Move all passwords into the files that only root reads, which then belong to the group shadow."""
    if call.arguments[:1] != ("on",):
        raise NotUnderstood("it puts passwords where everybody reads them")
    accounts = account_files(machine)
    _move_passwords(accounts)
    _move_group_passwords(accounts)
    return saved(machine, accounts)


def _move_passwords(accounts: AccountFiles) -> None:
    for row in accounts.users.rows:
        if accounts.users.find(row[0]) is row and accounts.passwords.find(row[0]) is None:
            accounts.passwords.put([row[0], row[1] if row[1] != "x" else "*", *[""] * 7])
            row[1] = "x"


def _move_group_passwords(accounts: AccountFiles) -> None:
    for row in accounts.groups.rows:
        if accounts.groups.find(row[0]) is row and accounts.group_passwords.find(row[0]) is None:
            accounts.group_passwords.put([row[0], row[1] if row[1] != "x" else "*", "", row[3]])
            row[1] = "x"


def checked(machine: Machine, call: Call) -> Result:
    """Check the files: those that are written here are in order."""
    return Result()


COMMANDS = {
    name: Command(run, "account")
    for name, run in {
        "chsh": chsh,
        "chfn": chfn,
        "chage": chage,
        "passwd": passwd,
        "pwconv": pwconv,
        "grpconv": grpconv,
        "shadowconfig": shadowconfig,
        "pwck": checked,
        "grpck": checked,
    }.items()
}
