"""What asks about the machine: processes, sockets, disks and mounts, of which an image has none while it is built."""

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_NONE_FOUND = Result(1)
_MACHINES = {
    "amd64": "x86_64", "arm64": "aarch64", "armel": "armv7l", "armhf": "armv7l", "i386": "i686",
    "loong64": "loongarch64", "mips64el": "mips64", "ppc64": "ppc64", "ppc64el": "ppc64le", "riscv64": "riscv64",
    "s390x": "s390x",
}  # fmt: skip
"""What uname(1) calls the machines of dpkg's architectures."""
_MOUNTED = frozenset({"/dev", "/dev/pts", "/dev/shm", "/proc", "/sys"})
_PLENTY = 1 << 40
"""The blocks of 1 KiB that df says are free: nothing limits a tree."""


def _no_process(machine: Machine, call: Call) -> Result:
    return _NONE_FOUND


def _nothing_listed(machine: Machine, call: Call) -> Result:
    return Result()


def mountpoint(machine: Machine, call: Call) -> Result:
    """Whether something is mounted there, as in every container."""
    places = [word for word in call.arguments if not word.startswith("-")]
    return Result() if places and all(call.path(place).rstrip("/") in _MOUNTED for place in places) else Result(32)


def df(machine: Machine, call: Call) -> Result:
    """Free space, without limit, of the file system of the root."""
    fields = [word.partition("=")[2] for word in call.arguments if word.startswith("--output=")]
    flags = {word for word in call.arguments if word.startswith("-") and not word.startswith("--output=")}
    if fields == ["avail"] and flags <= {"-k", "-P", "--portability"}:
        return Result(output=f"Avail\n{_PLENTY}\n".encode())
    if not fields and flags <= {"-k", "-P", "-kP", "-Pk", "--portability"}:
        head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n"
        return Result(output=f"{head}overlay {_PLENTY} 0 {_PLENTY} 0% /\n".encode())
    raise NotUnderstood(f"the output of {' '.join(call.words)} depends on the machine")


def uname(machine: Machine, call: Call) -> Result:
    """The kernel's name and the machine's; its release, version and host name are of whoever runs the image."""
    words = {"s": "Linux", "m": _MACHINES.get(machine.architecture), "o": "GNU/Linux"}
    flags = "".join(word[1:] for word in call.arguments if word.startswith("-") and not word.startswith("--")) or "s"
    if any(word.startswith("--") or not word.startswith("-") for word in call.arguments) or "a" in flags:
        raise NotUnderstood(f"the output of {' '.join(call.words)} depends on the machine")
    shown = [words.get(flag) for flag in sorted(set(flags), key="snrvmpio".find)]
    return Result(output=None if None in shown else f"{' '.join(map(str, shown))}\n".encode())


def perl(machine: Machine, call: Call) -> Result:
    """Whether there is a Perl that runs, which scripts ask by a program that is empty. No other is run."""
    if call.arguments not in (("-e", ""), ("-e", "1")):
        raise NotUnderstood("perl is a program, and programs are not run")
    return Result(0 if machine.tree.find("/usr/bin/perl") is not None else 127)


COMMANDS = {
    **dict.fromkeys(("pgrep", "pidof", "pkill", "killall", "fuser", "lsof"), Command(_no_process, "program")),
    **dict.fromkeys(("ss", "netstat", "lsmod"), Command(_nothing_listed, "program")),
    "mountpoint": Command(mountpoint, "program"),
    "df": Command(df, "program"),
    "perl": Command(perl, "program"),
    "uname": Command(uname, "program"),
}
