"""nsswitch.conf(5): which services answer for each database, read as glibc does (nss/nss_action_parse.c)."""

import re
from collections.abc import Mapping, Sequence

from fromscratch.lazy_regex import lazy_regex

DATABASES = (
    *("passwd", "group", "shadow", "gshadow", "initgroups"),
    *("hosts", "networks", "services", "protocols", "rpc", "ethers"),
    *("netgroup", "aliases", "publickey"),
)

_LINE = lazy_regex(r"[ \t\v\f\r]*([a-z_]+)[ \t\v\f\r]*:([^#\0]*)")
_SERVICE = lazy_regex(
    r"\s*([^\s\[]+)\s*(?:\[\s*(?:!?(?:SUCCESS|NOTFOUND|UNAVAIL|TRYAGAIN)\s*=\s*(?:RETURN|CONTINUE|MERGE)\s*)+\])?",
    re.IGNORECASE | re.ASCII,
)
_WIDTH = 16


def services(raw: bytes) -> dict[str, tuple[str, ...]]:
    """The services of each database in the order in which they are asked, each once.

    A database that is not named is left out, of one that is named twice the last line counts, and what a line
    holds from its first fault on counts for nothing: no text is an error.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        start = _LINE.match(line)
        if start and start[1] in DATABASES:
            found[start[1]] = tuple(dict.fromkeys(_names(start[2])))
    return {database: found[database] for database in DATABASES if database in found}


def _names(text: str) -> list[str]:
    names: list[str] = []
    position = 0
    while service := _SERVICE.match(text, position):
        names.append(service[1])
        position = service.end()
    return names


def text(configuration: Mapping[str, Sequence[str]]) -> bytes:
    """The file that says so, a line a database."""
    lines = (f"{database + ':':<{_WIDTH}}{' '.join(names)}\n" for database, names in configuration.items())
    return "".join(lines).encode("utf-8", "surrogateescape")
