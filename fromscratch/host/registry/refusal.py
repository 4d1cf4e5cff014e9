"""Errors for refusals by a registry, with a hint for each code: distribution-spec, "Error Codes"."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from fromscratch.advice import Setting, advice
from fromscratch.errors import RegistryError
from fromscratch.host.http.session import Failed, Kind
from fromscratch.host.registry.address import HUB, NO_TLS, Place
from fromscratch.limits import json_value

_MOST = 300
_BY_STATUS = {401: "UNAUTHORIZED", 403: "DENIED", 429: "TOOMANYREQUESTS"}
_HINTS: Mapping[str, str] = {
    "NAME_UNKNOWN": "see whether the repository's name is right; on some registries it has to be made first",
    "NAME_INVALID": "this registry does not take such a name: see what it asks of names",
    "MANIFEST_UNKNOWN": "see whether the tag or digest is right",
    "MANIFEST_INVALID": "this registry does not take this form of an image",
    "MANIFEST_BLOB_UNKNOWN": "run it again: what the registry has lost meanwhile is sent again",
    "BLOB_UNKNOWN": "the registry has lost a part of the image: push it there again",
    "TAG_INVALID": "see whether the tag is right; where tags stay as they are, push under another one",
    "PRECONDITION": "the registry keeps that tag as it is: push under another one",
    "TOOMANYREQUESTS": "wait for a while, or log in: registries allow more to those whom they know",
    "SIZE_INVALID": "something between here and there changes what is sent",
    "DIGEST_INVALID": "something between here and there changes what is sent, or the registry is damaged",
    "UNSUPPORTED": "this registry does not do that",
}
_WITHOUT_TLS = advice(
    "it answers, but not by TLS; if nobody can listen on the way, or change what is sent, ask it with ",
    Setting("plain_http"),
)
_BY_KIND = {
    Kind.UNREACHABLE: "see to the network, the proxy variables and the registry's name, and run it again;"
    " what has arrived stays",
    Kind.UNTRUSTED: advice(
        "name the certificate of the registry's authority with ",
        Setting("ca", "FILE"),
        ", or in /etc/docker/certs.d/HOST:PORT/ca.crt",
    ),
    Kind.NO_PROXY: "write http_proxy, https_proxy or all_proxy as http://HOST:PORT, or unset it",
    Kind.NO_ADDRESS: "write the registry as HOST or HOST:PORT",
    Kind.BROKEN: "run it again; what has arrived stays",
    Kind.DENIED: "see who may do that there",
    Kind.MISSING: "see whether the name is right",
}


class Refusal(Struct, frozen=True):
    """A refusal: `code` is one of the specification, `words` the registry's own message; either may be empty."""

    status: int
    code: str
    words: str

    @property
    def reason(self) -> str:
        words = self.words or f"status {self.status}"  # the answer to HEAD has no words
        return f"{words} ({self.code})" if self.code else words


def read(status: int, body: bytes, conceal: Callable[[str], str]) -> Refusal:
    """The first error in a body of any form; `conceal` removes secrets from its text."""
    code, words = _BY_STATUS.get(status, ""), ""
    try:
        document = json_value(body)
        first = document["errors"][0]
        code, words = str(first.get("code") or code), str(first.get("message") or "")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        pass
    known = code if code.replace("_", "").isalpha() and code.isascii() else ""
    return Refusal(status, known[:40], printable(conceal(words)))


def printable(text: str) -> str:
    """Text of a server, safe to print on a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()[:_MOST]


def error(refusal: Refusal, doing: str, place: Place, shown: str, *, plain: bool = False) -> RegistryError:
    """The error for a refusal. `shown` says where the credentials came from that were sent; empty if none were.

    `plain`: the call asked for a connection without TLS.
    """
    hint = _hint(refusal, place, shown)
    if plain and refusal.status == 400 and not refusal.code:
        hint = advice("it may answer by TLS only: leave out ", Setting("plain_http"))
    return RegistryError(f"cannot {doing}: {place.registry} says {refusal.reason}", hint)


def failure(failed: Failed, doing: str, place: Place) -> RegistryError:
    """The error for a registry that gave no usable answer after all retries."""
    plain = failed.kind is Kind.UNTRUSTED and any(failed.reason.endswith(sign) for sign in NO_TLS)
    return RegistryError(f"cannot {doing}: {failed.reason}", _WITHOUT_TLS if plain else _BY_KIND[failed.kind])


def login(place: Place) -> str:
    """The commands that log in, for a hint."""
    host = "" if place.registry == HUB else f" {place.registry}"
    return f"docker login{host} or podman login {place.registry}"


def _hint(refusal: Refusal, place: Place, shown: str) -> str:
    if refusal.status in (401, 403) or refusal.code in ("UNAUTHORIZED", "DENIED"):
        if shown:
            return f"the credentials of {shown} do not allow it: log in as somebody else with {login(place)}"
        return f"log in with {login(place)}"
    if refusal.code in _HINTS:
        return _HINTS[refusal.code]
    if refusal.status == 415:
        return _HINTS["MANIFEST_INVALID"]
    if refusal.status == 404:
        return _HINTS["NAME_UNKNOWN"]
    if refusal.status == 429:
        return _HINTS["TOOMANYREQUESTS"]
    return "see the registry's own log, or ask who runs it"
