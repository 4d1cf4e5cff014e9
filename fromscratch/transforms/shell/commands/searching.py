"""which(1): where a program is, in the tree or on every installation."""

from fromscratch.paths import encode
from fromscratch.transforms.shell.lookup import PATH, found
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result


def which(machine: Machine, call: Call) -> Result:
    """Print the path of each program that there is; fail if one is missing."""
    names = [word for word in call.arguments if not word.startswith("-")]
    options = {*call.arguments} - {*names}
    if not options <= {"-a", "-s"}:
        raise NotUnderstood(f"{min(options)} is not known of which")
    places = [found(machine, name, call.environment.get("PATH", PATH)) for name in names]
    lines = "".join(f"{place}\n" for place in places if place is not None)
    return Result(int(None in places or not names), b"" if "-s" in options else encode(lines))


COMMANDS = {"which": Command(which, "program")}
