"""What cp, mv, ln and install do with a file that is in their way, when a backup of it is to stay."""

import re

from fromscratch import paths
from fromscratch.paths import TreePath
from fromscratch.transforms.shell.machine import Call, Machine, NotUnderstood
from fromscratch.transforms.shell.options import Options

BACKUP = "bS:"
"""The letters of the options that ask for backups."""
BACKUPS = "backup:: suffix:=S"
"""Their long names."""
_KINDS = {
    "none": "none",
    "off": "none",
    "simple": "simple",
    "never": "simple",
    "numbered": "numbered",
    "t": "numbered",
    "existing": "existing",
    "nil": "existing",
}


def set_aside(machine: Machine, call: Call, options: Options, place: TreePath) -> bool:
    """Rename what stands at a place, if the options ask for a backup; returns whether it was."""
    if not options.has("b", "backup", "S"):
        return False
    kind = _KINDS.get(options.value("backup") or call.environment.get("VERSION_CONTROL") or "existing")
    if kind is None:
        raise NotUnderstood("that kind of backup is not known")
    if kind == "none":
        return False
    suffix = options.value("S") or call.environment.get("SIMPLE_BACKUP_SUFFIX") or "~"
    if "/" in suffix:
        raise NotUnderstood("the suffix of the backup is a path")
    pattern = re.compile(re.escape(paths.name(place)) + r"\.~([1-9][0-9]{0,8})~", re.ASCII)
    found = [pattern.fullmatch(name) for name in machine.tree.children(paths.parent(place))]
    numbers = [int(each[1]) for each in found if each]
    if kind == "numbered" or (kind == "existing" and numbers):
        suffix = f".~{max(numbers, default=0) + 1}~"
    machine.tree.move(place, TreePath(place + suffix))
    return True
