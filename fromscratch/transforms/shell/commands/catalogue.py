"""Every command that is known, by its name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands import alternatives, apache_modules, debconf, indexes, services, ucf
from fromscratch.transforms.shell.commands.accounts import adduser, lookup, records, useradd
from fromscratch.transforms.shell.commands.dpkg import (
    architectures,
    diversions,
    maintscript_helper,
    overrides,
    query,
    triggers,
    vendor,
)
from fromscratch.transforms.shell.machine import Command

COMMANDS: Mapping[str, Command] = {
    **adduser.COMMANDS,
    **useradd.COMMANDS,
    **records.COMMANDS,
    **lookup.COMMANDS,
    **alternatives.COMMANDS,
    **apache_modules.COMMANDS,
    **architectures.COMMANDS,
    **debconf.COMMANDS,
    **diversions.COMMANDS,
    **indexes.COMMANDS,
    **maintscript_helper.COMMANDS,
    **overrides.COMMANDS,
    **query.COMMANDS,
    **services.COMMANDS,
    **triggers.COMMANDS,
    **ucf.COMMANDS,
    **vendor.COMMANDS,
}
