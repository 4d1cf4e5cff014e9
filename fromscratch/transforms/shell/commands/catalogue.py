"""Every command that is known, by its name."""

from collections.abc import Mapping

from fromscratch.transforms.shell.commands.files import copying, creating, installing, linking, moving, owners, reading
from fromscratch.transforms.shell.machine import Call, Command, Machine, Result


def nothing(machine: Machine, call: Call) -> Result:
    """What has nothing to do in an image that no system boots from."""
    return Result()


COMMANDS: Mapping[str, Command] = {
    **copying.COMMANDS,
    **installing.COMMANDS,
    **linking.COMMANDS,
    **creating.COMMANDS,
    **moving.COMMANDS,
    **owners.COMMANDS,
    **reading.COMMANDS,
}
