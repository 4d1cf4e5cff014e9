"""Which name and password a server is shown: what stands in its address, in ~/.netrc, or in apt's auth.conf.

They are looked up for the address that is asked for, and never for where its server leads to.
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
    """A session that shows what this machine knows; `machine` is the root of the filesystem whose apt counts."""
    return web.Session(timeouts, partial(authorization, machine=machine))


def authorization(address: Address, machine: Path = Path("/")) -> str | None:
    """The Authorization for the first that is known of: the address itself, ~/.netrc, /etc/apt/auth.conf and .d."""
    return web.basic(address.login or _known(address, machine))


def _known(address: Address, machine: Path) -> tuple[str, str] | None:
    for path, matches in _files(machine):
        for login in _logins(path):
            try:
                if matches(login.machine, address.bare):
                    return login.name, login.password
            except ValueError:  # an address with a port that is not a number: to be told when it is asked
                return None
    return None


def _files(machine: Path) -> Iterator[tuple[Path, Callable[[str, str], bool]]]:
    own = os.environ.get("NETRC")
    with suppress(RuntimeError):  # of a user without a home
        yield (Path(own) if own else Path("~/.netrc").expanduser()), netrc.matches_as_curl
    apt = machine / "etc/apt"
    parts = sorted(path for path in (apt / "auth.conf.d").glob("*") if path.suffix in ("", ".conf"))
    yield from ((path, netrc.matches_as_apt) for path in (apt / "auth.conf", *parts))


def _logins(path: Path) -> list[Login]:
    """What a file has; one that is not there, or is for others to read, has nothing."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        return netrc.parse(path.read_text("utf-8", "surrogateescape"))
    except (OSError, ValueError):
        return []
