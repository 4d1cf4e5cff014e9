"""Names and passwords by reference: apt_auth.conf(5), and the .netrc of ftp(1) and curl, of which that is a dialect."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from fromscratch.record import PartlyShown


class Login(PartlyShown, frozen=True):
    """What stands behind one `machine`; its repr does not show the password."""

    unshown = ("password",)

    machine: str
    name: str = ""
    password: str = ""


def parse(text: str) -> list[Login]:
    """Every login, in its order. `default` and macros are passed over: a password is for those who are named."""
    found: list[Login] = []
    words = _words(text)
    machine, known = "", dict[str, str]()
    for word in words:
        if word in ("machine", "default", "macdef"):
            found += _login(machine, known)
            machine, known = (next(words, "") if word == "machine" else ""), {}
        elif word in ("login", "password", "account"):
            known.setdefault(word, next(words, ""))
    return [*found, *_login(machine, known)]


def _login(machine: str, known: dict[str, str]) -> Iterator[Login]:
    if machine and ("login" in known or "password" in known):
        yield Login(machine, known.get("login", ""), known.get("password", ""))


def _words(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for word in line.split():
            if word.startswith("#"):
                break
            yield word


def matches_as_apt(machine: str, url: str) -> bool:
    """Whether apt takes a `machine` of its auth.conf for this URL: MaybeAddAuth in apt-pkg/contrib/netrc.cc.

    Without a protocol it is for https alone. With a path it is the beginning of host, port and path; without
    one it is the host, with the port if it has one.
    """
    parts = urlsplit(url)
    scheme, mark, rest = machine.partition("://")
    if (scheme if mark else "https") != parts.scheme:
        return False
    host = parts.hostname or ""
    place = f"{host}:{parts.port}" if parts.port else host
    host_or_path = rest if mark else machine
    if "/" in host_or_path:
        return f"{place}{parts.path}".startswith(host_or_path)
    return host_or_path in (host, place)


def matches_as_curl(machine: str, url: str) -> bool:
    """Whether a `machine` of a .netrc is the host of this URL."""
    return machine.lower() == (urlsplit(url).hostname or "")
