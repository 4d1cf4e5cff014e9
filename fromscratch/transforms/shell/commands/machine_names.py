"""What asks whose machine it is, which a container learns when it starts: its name, its kernel and its processors."""

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result
from fromscratch.transforms.shell.options import parse_options

_NAME = "localhost"
_NOT_THERE = Result(1)
_MACHINES = {
    "amd64": "x86_64", "arm64": "aarch64", "armel": "armv7l", "armhf": "armv7l", "i386": "i686",
    "loong64": "loongarch64", "mips64el": "mips64", "ppc64": "ppc64", "ppc64el": "ppc64le", "riscv64": "riscv64",
    "s390x": "s390x",
}  # fmt: skip
"""What uname(1) calls the machines of dpkg's architectures."""


def uname(machine: Machine, call: Call) -> Result:
    """The kernel's name and the machine's; its release, version and host name are of whoever runs the image."""
    words = {"s": "Linux", "m": _MACHINES.get(machine.architecture), "o": "GNU/Linux"}
    flags = "".join(word[1:] for word in call.arguments if word.startswith("-") and not word.startswith("--")) or "s"
    if any(word.startswith("--") or not word.startswith("-") for word in call.arguments) or "a" in flags:
        raise NotUnderstood(f"the output of {' '.join(call.words)} depends on the machine")
    shown = [words.get(flag) for flag in sorted(set(flags), key="snrvmpio".find)]
    return Result(output=None if None in shown else f"{' '.join(map(str, shown))}\n".encode())


def hostname(machine: Machine, call: Call) -> Result:
    """hostname(1): containers get their name when they start, so that no image can have it in a file."""
    options = parse_options(
        call.arguments, "adfisIyAF:b", "alias=a domain=d fqdn=f long=f short=s ip-address=i all-ip-addresses=I yp=y"
    )
    if options.has("F", "b") or options.operands:
        return Result()  # nothing has a name yet that it could change
    if options.has("i", "I", "y", "A", "a"):
        return Result(output=None)
    machine.leave_out(" ".join(call.words), f"a container gets its name at its start; {_NAME} stands for it", "content")
    return Result(0, b"\n" if options.has("d") else f"{_NAME}\n".encode())


def _not_known(machine: Machine, call: Call) -> Result:
    return Result(output=None)


def _no(machine: Machine, call: Call) -> Result:
    return _NOT_THERE


COMMANDS = {
    **dict.fromkeys(("aa-enabled", "aa-status", "selinuxenabled"), Command(_no, "program")),
    **dict.fromkeys(("locale", "nproc", "uptime"), Command(_not_known, "program")),
    "dnsdomainname": Command(lambda machine, call: hostname(machine, Call(("hostname", "-d"))), "program"),
    "hostname": Command(hostname, "program"),
    "uname": Command(uname, "program"),
}
