"""dpkg-trigger(1): what packages are to be told of, after all of them are configured."""

from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_FLAGS = {"--check-supported": "check", "--no-act": "", "--no-await": "", "--await": ""}
_VALUES = {"--admindir": "", "--by-package": "", "--root": ""}


class Triggers:
    """The names of the triggers that scripts have activated, in order."""

    def __init__(self) -> None:
        self.activated: dict[str, None] = {}


def dpkg_trigger(machine: Machine, call: Call) -> Result:
    """Activate a trigger."""
    words = options.read(call.arguments, _FLAGS, _VALUES)
    if words.has("check"):
        return Result()
    if len(words.operands) != 1:
        raise NotUnderstood("it names no trigger, or several")
    machine.state(Triggers).activated[words.operands[0]] = None
    return Result()


COMMANDS = {"dpkg-trigger": Command(dpkg_trigger, "cache")}
