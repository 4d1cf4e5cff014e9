"""Names and passwords for servers: from their address, from ~/.netrc, or from apt's auth.conf.

They are looked up for the requested address, never for one that its server redirects to.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from fromscratch.address import Address
from fromscratch.formats.trust import netrc
from fromscratch.formats.trust.netrc import Login
from fromscratch.host.http import session as web

_LARGEST = 1 << 20


def session(timeouts: web.Timeouts, machine: Path = Path("/")) -> web.Session:
    """A session with the logins of this machine; `machine` is the root of the filesystem whose apt is read."""
    return web.Session(timeouts, partial(authorization, machine=machine))


def authorization(address: Address, machine: Path = Path("/")) -> str | None:
    """The Authorization for an address, by the first that has one: itself, ~/.netrc, /etc/apt/auth.conf and .d."""
    return web.basic(address.login or _known(address, machine))


def _known(address: Address, machine: Path) -> tuple[str, str] | None:
    for path, matches in _files(machine):
        for login in _logins(path):
            try:
                if matches(login.machine, address.bare):
                    return login.name, login.password
            except ValueError:  # the port of the address is not a number: the request fails with a better message
                return None
    return None


def _files(machine: Path) -> Iterator[tuple[Path, Callable[[str, str], bool]]]:
    own = os.environ.get("NETRC")
    with suppress(RuntimeError):  # a user without a home folder
        yield (Path(own) if own else Path("~/.netrc").expanduser()), netrc.matches_as_curl
    apt = machine / "etc/apt"
    parts = sorted(path for path in (apt / "auth.conf.d").glob("*") if path.suffix in ("", ".conf"))
    yield from ((path, netrc.matches_as_apt) for path in (apt / "auth.conf", *parts))


def _logins(path: Path) -> list[Login]:
    """The logins in a file; none if there is no file, or none that can be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        return netrc.parse(path.read_text("utf-8", "surrogateescape"))
    except (OSError, ValueError):
        return []
