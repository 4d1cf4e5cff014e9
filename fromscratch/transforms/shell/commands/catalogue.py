"""Every command that is known, by its name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands import postconf
from fromscratch.transforms.shell.commands.accounts import adduser, declared, lookup, records, useradd
from fromscratch.transforms.shell.commands.files import all_commands as files
from fromscratch.transforms.shell.commands.text import all_commands as text
from fromscratch.transforms.shell.machine import Call, Command, Machine, Result


def nothing(machine: Machine, call: Call) -> Result:
    """What has nothing to do in an image that no system boots from."""
    return Result()


COMMANDS: Mapping[str, Command] = {
    **adduser.COMMANDS,
    **useradd.COMMANDS,
    **records.COMMANDS,
    **lookup.COMMANDS,
    **declared.COMMANDS,
    **postconf.COMMANDS,
    **files.COMMANDS,
    **text.COMMANDS,
}
