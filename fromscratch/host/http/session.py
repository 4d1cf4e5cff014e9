"""Requests over HTTP: redirects, credentials, and failures.

The terms are those of RFC 9110. Nothing here retries or writes files; that is `host.http.transfer`.
"""

import base64
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from fromscratch import __version__
from fromscratch.address import Address
from fromscratch.host.http.failure import Failed, Kind, as_failed, refused

if TYPE_CHECKING:
    import requests

__all__ = [
    "Failed",
    "Kind",
    "PerThread",
    "Session",
    "Timeouts",
    "announced",
    "certificates",
    "origin",
    "pieces",
    "redirected",
    "refused",
]

PIECE = 1 << 16
_REDIRECTS = 10
Logins = Callable[[Address], str | None]
"""The Authorization for an address, or None."""


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds to wait for a connection, and for the next bytes on it."""

    connect: float = 15.0
    read: float = 60.0


class Session:
    """Connections that stay open between requests. For one thread; only `abort` may be called from another."""

    def __init__(self, timeouts: Timeouts, logins: Logins | None = None) -> None:
        """`logins` gives the Authorization for an address; by default that is the login in the address."""
        import requests

        self._logins = logins or (lambda address: basic(address.login))
        self._timeouts = timeouts
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"fromscratch/{__version__}"
        self._session.verify = certificates()
        # requests would read ~/.netrc itself, replace our Authorization by it, and send it wherever a redirect leads.
        self._session.auth = lambda request: request
        self._current: requests.Response | None = None

    def close(self) -> None:
        self._session.close()

    def abort(self) -> None:
        """End a read of another thread at once, if the libraries can."""
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
        response = self._answer(url, {"Accept-Encoding": "identity", **headers})
        self._current = response
        try:
            yield response
        finally:
            self._current = None
            response.close()

    def _answer(self, url: str, headers: Mapping[str, str]) -> "requests.Response":
        response = self.send("GET", url, headers)
        if response.status_code not in (200, 206, 304, 416):
            response.close()
            raise refused(response)
        return response

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Callable[[], Any] | None = None,
        *,
        authorization: str | None = None,
        confined: bool = False,
        wait: float = 0.0,
    ) -> "requests.Response":
        """The answer to one request, whatever its status; its body is not yet read.

        `body` makes the bytes to send, again after each redirect (RFC 9110, 15.4: a request with a body, or that
        creates something, follows 307 and 308 only). `authorization` is sent to the origin of `url` and to no
        other; so is the body of a `confined` request. The answer may take `wait` seconds longer than the timeout.
        Raises Failed when none comes, or it redirects to where no request may go.
        """
        followed = (301, 302, 303, 307, 308) if method in ("GET", "HEAD") else (307, 308)
        home = origin(url)
        authorization = authorization or self._logins(Address(url))
        for _ in range(_REDIRECTS):
            known = authorization if origin(url) == home else basic(Address(url).login)
            shown = {"Authorization": known} if known else {}
            with as_failed(url):
                response = self._session.request(
                    method,
                    Address(url).bare,
                    headers={**headers, **shown},
                    data=body() if body else None,
                    stream=True,
                    allow_redirects=False,
                    timeout=(self._timeouts.connect, self._timeouts.read + wait),
                )
            location = response.headers.get("Location")
            if response.status_code not in followed or not location:
                return response
            response.close()
            url = redirected(url, location)
            if confined and origin(url) != home:
                raise Failed(Kind.UNTRUSTED, "the server redirects a request with credentials to another server")
        raise Failed(Kind.BROKEN, f"the server redirects more than {_REDIRECTS} times")


SessionKind = TypeVar("SessionKind", bound=Session)


class PerThread(Generic[SessionKind]):
    """One session for each thread, made when the thread first needs it; all are closed at the end of the block."""

    def __init__(self, make: Callable[[], SessionKind]) -> None:
        self._make = make
        self._local = threading.local()
        self._all: list[SessionKind] = []

    def __enter__(self) -> "PerThread[SessionKind]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for session in self._all:
            session.close()

    def of_this_thread(self) -> SessionKind:
        if not hasattr(self._local, "session"):
            self._local.session = self._make()
            self._all.append(self._local.session)
        session: SessionKind = self._local.session
        return session

    def abort(self) -> None:
        for session in list(self._all):
            session.abort()


def basic(login: tuple[str, str] | None) -> str | None:
    """The Authorization that shows a name and password: RFC 7617."""
    if login is None:
        return None
    return "Basic " + base64.b64encode(":".join(login).encode("utf-8", "surrogateescape")).decode()


def pieces(response: "requests.Response", url: str) -> Iterator[bytes]:
    """The bytes of the body as they were sent. Raises Failed when they stop coming."""
    raw = response.raw
    if hasattr(raw, "read1") and not getattr(raw, "chunked", False):

        def following() -> bytes:  # what has arrived, without waiting for a whole piece: urllib3 2 and later
            return bytes(raw.read1(PIECE, decode_content=False))
    else:
        stream = raw.stream(PIECE, decode_content=False)

        def following() -> bytes:
            return next(stream, b"")

    while True:
        with as_failed(url):
            piece = following()
        if not piece:
            return
        yield piece


def announced(response: "requests.Response") -> int | None:
    """The value of Content-Length; None if it is missing, or not a number of bytes."""
    length = response.headers.get("Content-Length", "")
    return int(length) if re.fullmatch("[0-9]{1,19}", length) else None


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: an origin, which may get the same credentials (RFC 6454, 4)."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        raise Failed(Kind.NO_ADDRESS, "this is not a valid address") from None


def redirected(url: str, location: str) -> str:
    """The address that a Location means, relative to `url`. Raises Failed where no request may go."""
    try:
        target = urljoin(url, location)
        before, after = urlsplit(url).scheme, urlsplit(target).scheme
    except ValueError:
        raise Failed(Kind.BROKEN, "the server redirects to what is not an address") from None
    if after not in ("http", "https"):
        raise Failed(Kind.UNTRUSTED, f"the server redirects to {Address(target)}, which is not a web address")
    if before == "https" and after != "https":
        shown = str(Address(target)).partition("?")[0]
        raise Failed(Kind.UNTRUSTED, f"the server redirects from https to {shown}, which is not protected")
    return target


def certificates() -> str | bool:
    """The value for `verify` of requests."""
    # requests heeds only its own two variables; OpenSSL's are what the rest of the system is set up with.
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return next((os.environ[name] for name in names if os.environ.get(name)), True)
