"""Names for temporary images and containers in an engine, which tell whether their process still exists.

A killed process cannot clean up. So a name identifies the process that made it, and the next process on the same
machine removes what was left behind.
"""

import hashlib
import os
import secrets
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def temporary_name() -> str:
    """A unique name that identifies this process: letters, digits and dashes."""
    pid = os.getpid()
    return f"{_host()}-{pid}-{_life(pid)}-{secrets.token_hex(4)}"


def abandoned(name: str) -> bool:
    """Whether it is the `temporary_name` of a process of this machine that has ended."""
    host, _, rest = name.partition("-")
    pid, _, rest = rest.partition("-")
    life, _, ending = rest.partition("-")
    of_this_host = host == _host() and pid.isascii() and pid.isdigit() and bool(ending)
    return of_this_host and life != _life(int(pid))


def _host() -> str:
    """An identifier of the host and its PID namespace: a process number is unique in these."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return _short(f"{socket.gethostname()} {namespace}")


def _life(pid: int) -> str:
    """An identifier of the process with this number, by its start time, proc_pid_stat(5); "" if there is none."""
    try:
        start_time = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19]
        return _short(f"{_BOOT.read_text()} {start_time.decode()}")
    except (OSError, IndexError):
        return ""


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
