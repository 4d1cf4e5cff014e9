"""What commands of accounts share: the files of a machine, and how they end."""

from fromscratch.transforms.scripted.account_files import AccountFiles, AccountNumbers
from fromscratch.transforms.shell.machine import Machine, Result

FAILED = Result(1)


def account_files(machine: Machine) -> AccountFiles:
    """The account files of the machine as they are now."""
    return AccountFiles(machine.tree, machine.state(AccountNumbers))


def saved(machine: Machine, accounts: AccountFiles) -> Result:
    """Write the files, and end with success."""
    accounts.save(machine.origin())
    return Result()


def primary_group(accounts: AccountFiles, text: str) -> int | None:
    """The number of a group that is named, or given by its number and there; None if there is none."""
    row = accounts.groups.find(text) or (accounts.groups.numbered(int(text)) if text.isdigit() else None)
    return int(row[2]) if row else None
