"""TCP connections into the network of a running container."""

import socket

from fromscratch.errors import UsageError
from fromscratch.host.container.control import Control
from fromscratch.host.container.preparation import HOSTNAME

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def connect(control: Control, host: str, port: int, timeout: float) -> socket.socket:
    """A socket that process 1 makes, and so of its network, connected from here. Raises OSError, ImageError."""
    refusal: OSError | None = None
    for family, address in _addresses(host):
        try:
            with control.ask({"do": "socket", "family": int(family)}) as answers:
                fresh = socket.socket(fileno=answers.only()["handle"])
        except OSError as error:  # the kernel may have no IPv6
            refusal = refusal or error
            continue
        try:
            fresh.settimeout(timeout)
            fresh.connect((address, port))
            return fresh
        except OSError as error:
            fresh.close()
            refusal = refusal or error
    raise refusal or ConnectionError(host)


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """No name is looked up: that would load the machine's resolver for a network that has none."""
    if host in ("localhost", HOSTNAME, ""):
        return [(family, _LOOPBACK[family]) for family in _FAMILIES]
    for family in _FAMILIES:
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return [(family, host)]
    raise UsageError(f"{host} is not a host of the container's network", "write localhost, or an IP address")
