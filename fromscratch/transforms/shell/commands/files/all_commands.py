"""All commands on files, by name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands.files import (
    argument_lists,
    copying,
    creating,
    finding,
    installing,
    linking,
    listing,
    moving,
    owners,
    reading,
)
from fromscratch.transforms.shell.machine import Command

COMMANDS: Mapping[str, Command] = {
    **argument_lists.COMMANDS,
    **copying.COMMANDS,
    **creating.COMMANDS,
    **finding.COMMANDS,
    **installing.COMMANDS,
    **linking.COMMANDS,
    **listing.COMMANDS,
    **moving.COMMANDS,
    **owners.COMMANDS,
    **reading.COMMANDS,
}
