"""Names for what is in an engine only while something else is made, and how to tell whose maker is gone.

A process that is killed outright cannot tidy up. So the name says which process made it, and the next
one on the same machine removes what nobody will ask for any more.
"""

import hashlib
import os
import secrets
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def passing_name() -> str:
    """A name that tells of this process: letters, digits and dashes, never the same twice."""
    pid = os.getpid()
    return f"{_place()}-{pid}-{_life(pid)}-{secrets.token_hex(4)}"


def abandoned(name: str) -> bool:
    """Whether `passing_name` gave it to a process of this machine that is no more."""
    place, _, rest = name.partition("-")
    pid, _, rest = rest.partition("-")
    life, _, ending = rest.partition("-")
    made_here = place == _place() and pid.isascii() and pid.isdigit() and bool(ending)
    return made_here and life != _life(int(pid))


def _place() -> str:
    """Where a process number means a process: one host, and there one namespace of them."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return _short(f"{socket.gethostname()} {namespace}")


def _life(pid: int) -> str:
    """What no other process of that number has, before or after; "" if there is none. By proc_pid_stat(5)."""
    try:
        started = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19]
        return _short(f"{_BOOT.read_text()} {started.decode()}")
    except (OSError, IndexError):
        return ""


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
