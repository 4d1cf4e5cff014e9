"""The challenges of a server's status 401: the WWW-Authenticate field of RFC 9110, 11.6.1."""

import re
from collections.abc import Mapping

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = lazy_regex(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = lazy_regex(rf"({_TOKEN})(?:[ \t]+[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$)))?")
_BETWEEN = lazy_regex(r"[\s,]*")


class Challenge(Struct, frozen=True):
    """One challenge; `scheme` and the names of parameters are lower-case."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(field: str) -> list[Challenge]:
    """All challenges in the field, also several joined by commas; up to the first that cannot be parsed."""
    found: list[tuple[str, dict[str, str]]] = []
    place = 0
    while True:
        place = _BETWEEN.match(field, place).end()  # type: ignore[union-attr]  # it matches nothing as well
        parameter = _PARAMETER.match(field, place)
        scheme = None if parameter else _SCHEME.match(field, place)
        if parameter and found:
            quoted, bare = parameter[2], parameter[3]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
            found[-1][1].setdefault(parameter[1].lower(), value)
        elif scheme:
            found.append((scheme[1].lower(), {}))
        elif not parameter:
            return [Challenge(scheme, parameters) for scheme, parameters in found]
        place = (parameter or scheme).end()  # type: ignore[union-attr]  # one of them is there


def challenge_of(field: str, scheme: str) -> Challenge | None:
    """The first challenge of this scheme."""
    return next((one for one in challenges(field) if one.scheme == scheme), None)
