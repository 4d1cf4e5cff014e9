"""The address of an HTTP check: which host and port of the container it means, and what is asked for there."""

import ipaddress
from urllib.parse import urlsplit

from msgspec import Struct

_PORTS = {"http": 80, "https": 443}


class HttpAddress(Struct, frozen=True):
    """`target` is the path with its query, as a request line has it; `authority` what the Host header says."""

    host: str
    port: int
    target: str
    authority: str
    encrypted: bool


def check_host(host: str) -> None:
    """Raises ValueError for what is not a host of the container's network, where no name is looked up."""
    if host == "localhost":
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = f"{host!r} is not known there: write localhost or an IP address"
        raise ValueError(f"{name}, and for a name of a server headers: {{Host: {host}}}") from None


def parse_address(url: str) -> HttpAddress:
    """Raises ValueError, which says what is wrong with it."""
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("not an address: it holds blanks, or characters that have to be escaped as %XX")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not an address of http or https, such as http://localhost:8080/")
    if "@" in parts.netloc:
        raise ValueError("names and passwords go into a header, not into the address")
    check_host(parts.hostname)
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    if not port:
        raise ValueError("0 is not a port")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return HttpAddress(parts.hostname, port, target, parts.netloc, parts.scheme == "https")
