"""One request over HTTP: what is asked, where an answer may lead, and how a failure reads.

The terms are those of RFC 9110. Nothing here retries or writes files; that is `host.download`.
"""

import datetime
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from fromscratch import __version__

if TYPE_CHECKING:
    import ssl

    import requests

PIECE = 1 << 16
_REDIRECTS = 10
_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_DENIED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}


class Kind(Enum):
    """What sort of failure it was, which decides the hint."""

    MISSING = "the server has no such file"
    DENIED = "the server does not give it to us"
    UNREACHABLE = "no answer came from there"
    UNTRUSTED = "the connection is not to be trusted"
    NO_ADDRESS = "the address itself is wrong"
    BROKEN = "the answer makes no sense or did not come whole"


@dataclass(eq=False)
class Failed(Exception):
    """One request to one address failed. `again`: asking once more may help, after `pause` seconds if that is set."""

    kind: Kind
    reason: str
    again: bool = False
    pause: float | None = None

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait for a connection, and for the next bytes on it."""

    connect: float = 15.0
    read: float = 60.0


def public(url: str) -> str:
    """The address without the name and password that it may carry: the form that messages and files may hold."""
    return re.sub(r"^([a-z][a-z0-9+.-]*://)[^/?#]*@", r"\1", url, flags=re.IGNORECASE)


class Session:
    """Connections that are kept open between requests. For one thread; only `abort` may be called from another."""

    def __init__(self, timeouts: Timeouts) -> None:
        import requests

        self._timeouts = timeouts
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"fromscratch/{__version__}"
        self._session.verify = _certificates()
        self._current: requests.Response | None = None

    def close(self) -> None:
        self._session.close()

    def abort(self) -> None:
        """Make a read that is under way in another thread end at once, as far as the libraries can."""
        response = self._current
        if response is not None and hasattr(response.raw, "shutdown"):  # urllib3 2.3 and later
            with suppress(Exception):
                response.raw.shutdown()

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator["requests.Response"]:
        """The answer to a GET, redirects followed, its body not yet read.

        Its status is 200, 206, 304 or 416; anything else raises Failed. Redirects from https to anything else are
        refused. Content-Encoding is neither asked for nor undone.
        """
        response = self._follow(url, {"Accept-Encoding": "identity", **headers})
        self._current = response
        try:
            yield response
        finally:
            self._current = None
            response.close()

    def _follow(self, url: str, headers: Mapping[str, str]) -> "requests.Response":
        for _ in range(_REDIRECTS):
            with _told(url):
                response = self._session.get(
                    url,
                    headers=headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=(self._timeouts.connect, self._timeouts.read),
                )
            location = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not location:
                if response.status_code not in (200, 206, 304, 416):
                    response.close()
                    raise _refused(response)
                return response
            response.close()
            url = _redirected(url, location)
        raise Failed(Kind.BROKEN, f"the server redirects more than {_REDIRECTS} times")


def pieces(response: "requests.Response", url: str) -> Iterator[bytes]:
    """The bytes of the body as they were sent. Raises Failed when they stop coming."""
    raw = response.raw
    if hasattr(raw, "read1") and not getattr(raw, "chunked", False):

        def following() -> bytes:  # what has come, without waiting for a whole piece: urllib3 2 and later
            return bytes(raw.read1(PIECE, decode_content=False))
    else:
        stream = raw.stream(PIECE, decode_content=False)

        def following() -> bytes:
            return next(stream, b"")

    while True:
        with _told(url):
            piece = following()
        if not piece:
            return
        yield piece


def _redirected(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
        before, after = urlsplit(url).scheme, urlsplit(target).scheme
    except ValueError:
        raise Failed(Kind.BROKEN, "the server redirects to what is no address") from None
    if after not in ("http", "https"):
        raise Failed(Kind.UNTRUSTED, f"the server redirects to {public(target)}, which is no web address")
    if before == "https" and after != "https":
        shown = public(target).partition("?")[0]
        raise Failed(Kind.UNTRUSTED, f"the server redirects from https to {shown}, which is not protected")
    return target


def _refused(response: "requests.Response") -> Failed:
    status = response.status_code
    with suppress(ValueError):
        status = HTTPStatus(status)
    words = f"the server answers {int(status)} {status.phrase if isinstance(status, HTTPStatus) else response.reason}"
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
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())


def _certificates() -> str | bool:
    # requests heeds only its own two variables; OpenSSL's are what the rest of the system is set up with.
    if os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        return True
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or True


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turns what requests and urllib3 raise into Failed, in words that hold no credentials."""
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

    wrong = requests.exceptions
    if caused_by(wrong.InvalidURL, wrong.InvalidSchema, wrong.MissingSchema) or type(error) is ValueError:
        return Failed(Kind.NO_ADDRESS, "this is no address that can be asked")
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


def _host(url: str) -> str:
    with suppress(ValueError):
        return urlsplit(url).hostname or "the server"
    return "the server"


def _tls_reason(error: "ssl.SSLError") -> str:
    return str(getattr(error, "verify_message", "") or error.reason or "the handshake broke off")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it wraps, by any of the ways in which the libraries wrap."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
