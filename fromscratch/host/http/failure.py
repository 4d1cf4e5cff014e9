"""Failures of HTTP: their kind, which decides the hint, and a reason without credentials."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fromscratch.address import Address, without_secrets
from fromscratch.paths import shown

if TYPE_CHECKING:
    import ssl

    import requests

_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_DENIED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}


class Kind(Enum):
    """The kind of a failure; it decides the hint."""

    MISSING = "the server has no such file"
    DENIED = "the server does not give it to us"
    UNREACHABLE = "no answer came from there"
    UNTRUSTED = "the connection is not to be trusted"
    NO_ADDRESS = "the address itself is wrong"
    NO_PROXY = "what is set as the proxy is not one"
    BROKEN = "the answer makes no sense or did not come whole"


class Failed(Exception):
    """One request to one address failed. `again`: a retry may help, after `pause` seconds if that is set."""

    def __init__(self, kind: Kind, reason: str, again: bool = False, pause: float | None = None) -> None:
        self.kind, self.again, self.pause = kind, again, pause
        self.reason = without_secrets(reason)  # it may quote the address that a server redirected to
        super().__init__(kind, self.reason, again, pause)

    def __str__(self) -> str:
        return self.reason


def refused(response: "requests.Response") -> Failed:
    """The failure for a response with an error status."""
    status = response.status_code
    with suppress(ValueError):
        status = HTTPStatus(status)
    phrase = status.phrase if isinstance(status, HTTPStatus) else shown(response.reason)
    words = f"the server answers {int(status)} {phrase}"
    if status in _GONE:
        return Failed(Kind.MISSING, words)
    if status in _DENIED:
        return Failed(Kind.DENIED, words)
    if status >= 500 or status in _AGAIN:
        return Failed(Kind.BROKEN, words, again=True, pause=_retry_after(response.headers.get("Retry-After")))
    return Failed(Kind.BROKEN, words)


def _retry_after(text: str | None) -> float | None:
    """Seconds from now; RFC 9110, 10.2.3: a number of seconds or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())


@contextmanager
def as_failed(url: str) -> Iterator[None]:
    """Turn exceptions of requests and urllib3 into Failed, without credentials in its reason."""
    import requests
    import urllib3

    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _explained(error, url) from error


def _explained(error: Exception, url: str) -> Failed:
    import ssl

    import requests
    import urllib3

    host = _host(url)
    causes = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    wrong, proxy = requests.exceptions, _proxy(url)
    invalid = caused_by(wrong.InvalidURL, wrong.InvalidSchema, wrong.MissingSchema) or type(error) is ValueError
    if invalid or " " in proxy:  # urllib3 before 2.7 looks even such a name up
        if proxy and _is_valid(url):  # the address is valid, so the proxy's is not
            return Failed(Kind.NO_PROXY, f"the proxy {proxy} of this environment cannot be used")
        return Failed(Kind.NO_ADDRESS, "this is not a valid address")
    if caused_by(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
        return Failed(Kind.UNREACHABLE, "the proxy of this machine does not let us through", again=True)
    if reason := next((_tls_reason(cause) for cause in causes if isinstance(cause, ssl.SSLError)), ""):
        untrusted = caused_by(ssl.SSLCertVerificationError)
        return Failed(Kind.UNTRUSTED, f"TLS with {host} failed: {reason}", again=not untrusted)
    if any(type(cause).__name__ in ("gaierror", "NameResolutionError") for cause in causes):
        return Failed(Kind.UNREACHABLE, f"the name {host} could not be resolved", again=True)
    if caused_by(ConnectionRefusedError):
        return Failed(Kind.UNREACHABLE, f"{host} refuses the connection", again=True)
    if caused_by(requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return Failed(Kind.UNREACHABLE, f"{host} did not answer in time", again=True)
    if caused_by(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return Failed(Kind.UNREACHABLE, f"{host} sent nothing more for too long", again=True)
    if caused_by(ConnectionError, urllib3.exceptions.ProtocolError):
        return Failed(Kind.BROKEN, "the connection broke", again=True)
    system = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), "")
    return Failed(Kind.UNREACHABLE, f"no connection to {host}" + (f": {system}" if system else ""), again=True)


def _proxy(url: str) -> str:
    """The proxy of the environment for a URL, without credentials; empty if there is none."""
    from requests.utils import get_environ_proxies, select_proxy

    found = select_proxy(url, get_environ_proxies(url))
    return repr(str(Address(found))) if found else ""


def _is_valid(url: str) -> bool:
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    return False


def _host(url: str) -> str:
    with suppress(ValueError):
        return urlsplit(url).hostname or "the server"
    return "the server"


def _tls_reason(error: "ssl.SSLError") -> str:
    return str(getattr(error, "verify_message", "") or error.reason or "the handshake broke off")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all errors that it wraps, in the several ways of the libraries."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
