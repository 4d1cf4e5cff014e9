"""squid -k parse, as far as scripts read it: the lines of the configuration, in the order in which they count."""

from fromscratch.errors import ImageError
from fromscratch.model.content import read
from fromscratch.paths import decode, encode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.tree_files import regular_file

_CONFIGURATION = "/etc/squid/squid.conf"
_LONGEST = 1 << 20
_CONDITIONS = ("if ", "elif ", "else", "endif")


def squid(machine: Machine, call: Call) -> Result:
    """Raises NotUnderstood for any other call, and for a configuration with conditions."""
    if call.arguments != ("-k", "parse"):
        raise NotUnderstood("squid is a program, and programs are not run")
    return Result(output=encode("".join(f"Processing: {line}\n" for line in _lines(machine, _CONFIGURATION))))


def _lines(machine: Machine, path: str) -> list[str]:
    """The lines of a file, less those of comments; of included files, only what they hold counts."""
    found = []
    for line in decode(read(regular_file(machine, path, _LONGEST).content)).splitlines():
        line = line.strip()
        if line.startswith(_CONDITIONS) or line.endswith("\\"):
            raise NotUnderstood(f"{path} has conditions or continued lines")
        if not line or line.startswith("#"):
            continue
        if line.startswith("include "):
            found += _included(machine, line.removeprefix("include ").split())
        else:
            found.append(line)
    return found


def _included(machine: Machine, patterns: list[str]) -> list[str]:
    found = []
    for pattern in patterns:
        folder, _, name = pattern.rpartition("/")
        if "*" in folder or name.strip("*.conf") or "include" in name:
            raise NotUnderstood(f"{pattern} is a pattern that is not followed")
        try:
            names = machine.tree.children(machine.tree.resolve(folder))
        except ImageError:
            continue
        for each in sorted(names):
            if each.endswith(".conf") and not each.startswith("."):
                found += [line for line in _lines(machine, f"{folder}/{each}") if not line.startswith("include ")]
    return found


COMMANDS = {"squid": Command(squid, "program")}
