"""ucf(1): configuration files that are copied to their place, and not replaced where they were changed."""

from msgspec.structs import replace

from fromscratch.errors import NotInTree
from fromscratch.model.entry import File
from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.services import nothing
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_FLAGS = {
    "--debconf-ok": "", "--help": "", "--no-action": "dry", "-n": "dry", "--purge": "purge", "-p": "purge",
    "--three-way": "", "-v": "", "--verbose": "", "-D": "", "-Z": "",
}  # fmt: skip
_VALUES = {
    "--debconf-template": "", "--debug": "", "-d": "", "--src-dir": "", "-s": "", "--state-dir": "", "-S": "",
    "--sum-file": "", "-t": "",
}  # fmt: skip


def ucf(machine: Machine, call: Call) -> Result:
    """Copy the new file to where nothing is yet; what is there stays."""
    words = options.read(call.arguments, _FLAGS, _VALUES)
    if words.has("purge") or words.has("dry"):
        return Result()
    if len(words.operands) != 2:
        raise NotUnderstood("it does not name two files")
    new, target = (call.path(word) for word in words.operands)
    entry = machine.tree.find(new)
    if not isinstance(entry, File):
        raise NotInTree(f"{new} is not a file of the tree")
    if machine.tree.find(target) is None:
        place = machine.tree.place(target)
        machine.tree.put(place, replace(entry, origins=(machine.origin(), *entry.origins)))
    return Result()


COMMANDS = {
    "ucf": Command(ucf, "content"),
    "ucfr": Command(nothing, "content"),
}
