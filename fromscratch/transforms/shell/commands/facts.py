"""Commands that tell of the machine: what an image cannot know is left out."""

from fromscratch.paths import encode
from fromscratch.transforms.shell.lookup import PATH, found
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options


def which(machine: Machine, call: Call) -> Result:
    """which(1): programs of the tree, and those that every installation has."""
    options = parse_options(call.arguments, "as", "", anywhere=False)
    places = [found(machine, name, call.environment.get("PATH", PATH)) for name in options.operands]
    status = 0 if places and all(places) else 1
    return Result(status, b"" if options.has("s") else encode("".join(f"{place}\n" for place in places if place)))


def whoami(machine: Machine, call: Call) -> Result:
    """whoami(1): scripts run as root."""
    return _text("root")


def unknown(why: str) -> Command:
    """A command whose answer only a running machine has."""

    def run(machine: Machine, call: Call) -> Result:
        raise NotUnderstood(why)

    return Command(run, "content")


def _text(text: str) -> Result:
    return Result(0, encode(f"{text}\n"))


_TIME = "the time at which the image is used is not known"
_CHANCE = "it is by chance, and would be the same in every container"
COMMANDS = {
    "free": unknown("the memory of the machine is not known"),
    "hostid": unknown("the name of the machine is not known"),
    "mcookie": unknown(_CHANCE),
    "nproc": unknown("the processors of the machine are not known"),
    "ps": unknown("no process runs while an image is built"),
    "shuf": unknown(_CHANCE),
    "uptime": unknown(_TIME),
    "uuidgen": unknown(_CHANCE),
    "which": Command(which, "content"),
    "whoami": Command(whoami, "content"),
}
