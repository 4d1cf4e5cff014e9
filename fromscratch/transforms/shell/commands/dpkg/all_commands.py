"""Every command of this folder, by its name."""

from fromscratch.transforms.shell.commands.dpkg import (
    architectures,
    diversions,
    maintscript_helper,
    overrides,
    query,
    realpath,
    triggers,
    vendor,
)
from fromscratch.transforms.shell.machine import Command

COMMANDS: dict[str, Command] = {
    **architectures.COMMANDS,
    **diversions.COMMANDS,
    **maintscript_helper.COMMANDS,
    **overrides.COMMANDS,
    **query.COMMANDS,
    **realpath.COMMANDS,
    **triggers.COMMANDS,
    **vendor.COMMANDS,
}
