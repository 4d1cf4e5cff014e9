"""The TCP ports that something in a network namespace listens at: proc_net_tcp(5)."""

from collections.abc import Iterator
from pathlib import Path

_LISTEN = "0A"
_ANY = {"0" * 8, "0" * 32}
_LOOPBACK = {"0100007F", "7F000001", "0" * 24 + "01000000", "0" * 31 + "1"}  # as either byte order has it


def listening(pid: int) -> tuple[str, ...]:
    """The ports at which this process's network is listened to, those of other addresses with a word about it.

    Empty where nothing listens, or where it cannot be seen.
    """
    return tuple(dict.fromkeys(_ports(pid)))


def _ports(pid: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            _, *lines = Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()
        except (OSError, ValueError):
            continue
        for line in lines:
            local, state = line.split()[1], line.split()[3]
            address, _, port = local.partition(":")
            if state == _LISTEN:
                yield str(int(port, 16)) + ("" if address in _ANY | _LOOPBACK else " of another address")
