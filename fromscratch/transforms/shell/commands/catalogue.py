"""Every command that is known, by its name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands import (
    alternatives,
    apache_modules,
    clusters,
    date,
    debconf,
    digests,
    file_capabilities,
    graphviz,
    indexes,
    java,
    languages,
    lighttpd_modules,
    machine_names,
    made_at_start,
    numbers,
    pam_profiles,
    postconf,
    prefixes,
    running_system,
    searching,
    services,
    squid,
    ucf,
)
from fromscratch.transforms.shell.commands.accounts import adduser, declared, groupadd, lookup, records, useradd
from fromscratch.transforms.shell.commands.dpkg import all_commands as dpkg
from fromscratch.transforms.shell.commands.files import all_commands as files
from fromscratch.transforms.shell.commands.text import all_commands as text
from fromscratch.transforms.shell.machine import Command

COMMANDS: Mapping[str, Command] = {
    **adduser.COMMANDS,
    **useradd.COMMANDS,
    **groupadd.COMMANDS,
    **records.COMMANDS,
    **lookup.COMMANDS,
    **declared.COMMANDS,
    **alternatives.COMMANDS,
    **apache_modules.COMMANDS,
    **clusters.COMMANDS,
    **date.COMMANDS,
    **debconf.COMMANDS,
    **digests.COMMANDS,
    **dpkg.COMMANDS,
    **file_capabilities.COMMANDS,
    **graphviz.COMMANDS,
    **files.COMMANDS,
    **indexes.COMMANDS,
    **java.COMMANDS,
    **languages.COMMANDS,
    **lighttpd_modules.COMMANDS,
    **machine_names.COMMANDS,
    **made_at_start.COMMANDS,
    **numbers.COMMANDS,
    **postconf.COMMANDS,
    **prefixes.COMMANDS,
    **running_system.COMMANDS,
    **searching.COMMANDS,
    **pam_profiles.COMMANDS,
    **services.COMMANDS,
    **squid.COMMANDS,
    **text.COMMANDS,
    **ucf.COMMANDS,
}
