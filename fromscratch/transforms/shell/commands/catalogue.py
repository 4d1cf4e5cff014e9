"""Every command that is known, by its name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands import (
    alternatives,
    apache_modules,
    debconf,
    indexes,
    postconf,
    services,
    ucf,
)
from fromscratch.transforms.shell.commands.accounts import adduser, declared, lookup, records, useradd
from fromscratch.transforms.shell.commands.dpkg import all_commands as dpkg
from fromscratch.transforms.shell.commands.files import all_commands as files
from fromscratch.transforms.shell.machine import Command

COMMANDS: Mapping[str, Command] = {
    **adduser.COMMANDS,
    **useradd.COMMANDS,
    **records.COMMANDS,
    **lookup.COMMANDS,
    **declared.COMMANDS,
    **alternatives.COMMANDS,
    **apache_modules.COMMANDS,
    **debconf.COMMANDS,
    **dpkg.COMMANDS,
    **files.COMMANDS,
    **indexes.COMMANDS,
    **postconf.COMMANDS,
    **services.COMMANDS,
    **ucf.COMMANDS,
}
