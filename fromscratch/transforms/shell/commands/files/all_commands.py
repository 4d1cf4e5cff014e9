"""All commands on files, by name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands.files import copying, creating, installing, linking, moving, owners, reading
from fromscratch.transforms.shell.machine import Command

COMMANDS: Mapping[str, Command] = {
    **copying.COMMANDS,
    **creating.COMMANDS,
    **installing.COMMANDS,
    **linking.COMMANDS,
    **moving.COMMANDS,
    **owners.COMMANDS,
    **reading.COMMANDS,
}
