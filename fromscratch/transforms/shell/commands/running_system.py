"""What asks about processes, sockets, disks and mounts: an image has none while it is built."""

from fromscratch.transforms.shell.machine import Call, Command, Machine, NotUnderstood, Result

_NONE_FOUND = Result(1)
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


COMMANDS = {
    **dict.fromkeys(("pgrep", "pidof", "pkill", "killall", "fuser", "lsof"), Command(_no_process, "program")),
    **dict.fromkeys(("ss", "netstat", "lsmod"), Command(_nothing_listed, "program")),
    "mountpoint": Command(mountpoint, "program"),
    "df": Command(df, "program"),
}
