"""dpkg-vendor(1): which distribution it is, by the files of /etc/dpkg/origins."""

from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.paths import decode
from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_ORIGINS = "/etc/dpkg/origins"
_MOST = 8


def dpkg_vendor(machine: Machine, call: Call) -> Result:
    """--is, --derives-from, and --query of a field."""
    words = [part for word in call.arguments for part in word.split("=", 1)]
    vendor = _fields(machine, "default")
    if len(words) != 2 or not vendor:
        raise NotUnderstood("the file /etc/dpkg/origins/default does not say which distribution it is")
    name = words[1].lower()
    match words[0]:
        case "--query":
            found = vendor.get(name)
            return Result(1) if found is None else Result(0, f"{found}\n".encode())
        case "--is":
            return Result(int(vendor.get("vendor", "").lower() != name))
        case "--derives-from":
            return Result(int(name not in _line(machine, vendor)))
    raise NotUnderstood(f"{words[0]} is not known of dpkg-vendor")


def _line(machine: Machine, vendor: dict[str, str]) -> list[str]:
    """The distribution and those that it is made from."""
    found = [vendor.get("vendor", "").lower()]
    while "parent" in vendor and len(found) < _MOST:
        found.append(vendor["parent"].lower())
        vendor = _fields(machine, found[-1])
    return found


def _fields(machine: Machine, name: str) -> dict[str, str]:
    entry = machine.tree.find(f"{_ORIGINS}/{name}")
    text = decode(read(entry.content)) if isinstance(entry, File) else ""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value}


COMMANDS = {"dpkg-vendor": Command(dpkg_vendor, "content")}
