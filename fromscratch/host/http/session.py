"""One request over HTTP: what is asked, where an answer may lead, and how a failure reads.

The terms are those of RFC 9110. Nothing here retries or writes files; that is `host.http.transfer`.
"""

import base64
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

from fromscratch import __version__
from fromscratch.address import Address
from fromscratch.host.http.failure import Failed, Kind, refused, told

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait for a connection, and for the next bytes on it."""

    connect: float = 15.0
    read: float = 60.0


class Session:
    """Connections that are kept open between requests. For one thread; only `abort` may be called from another."""

    def __init__(self, timeouts: Timeouts, logins: Logins | None = None) -> None:
        """`logins` knows what to show for an address; without it, that is what stands in the address."""
        import requests

        self._logins = logins or (lambda address: basic(address.login))
        self._timeouts = timeouts
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"fromscratch/{__version__}"
        self._session.verify = certificates()
        # Its own reading of ~/.netrc takes the place of what we show, and goes wherever a redirect leads.
        self._session.auth = lambda request: request
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

        `body` makes the bytes to send, anew for each place that a redirect leads to (RFC 9110, 15.4: what carries a
        body or makes something follows 307 and 308 only). `authorization` is shown to the origin of `url` and to no
        other; so is the body of a `confined` request. An answer may take `wait` seconds more than others. Raises
        Failed when none comes, or it leads where no request may go.
        """
        followed = (301, 302, 303, 307, 308) if method in ("GET", "HEAD") else (307, 308)
        home = origin(url)
        authorization = authorization or self._logins(Address(url))
        for _ in range(_REDIRECTS):
            known = authorization if origin(url) == home else basic(Address(url).login)
            shown = {"Authorization": known} if known else {}
            with told(url):
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
                raise Failed(Kind.UNTRUSTED, "the server leads elsewhere with what only it may see")
        raise Failed(Kind.BROKEN, f"the server redirects more than {_REDIRECTS} times")


SessionKind = TypeVar("SessionKind", bound=Session)


class PerThread(Generic[SessionKind]):
    """One session a thread, made when it first asks; all are closed at the end of the block."""

    def __init__(self, make: Callable[[], SessionKind]) -> None:
        self._make = make
        self._mine = threading.local()
        self._all: list[SessionKind] = []

    def __enter__(self) -> "PerThread[SessionKind]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for session in self._all:
            session.close()

    def mine(self) -> SessionKind:
        if not hasattr(self._mine, "session"):
            self._mine.session = self._make()
            self._all.append(self._mine.session)
        session: SessionKind = self._mine.session
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

        def following() -> bytes:  # what has come, without waiting for a whole piece: urllib3 2 and later
            return bytes(raw.read1(PIECE, decode_content=False))
    else:
        stream = raw.stream(PIECE, decode_content=False)

        def following() -> bytes:
            return next(stream, b"")

    while True:
        with told(url):
            piece = following()
        if not piece:
            return
        yield piece


def announced(response: "requests.Response") -> int | None:
    """How many bytes Content-Length says that the body has; None where that is not there, or no number of bytes."""
    length = response.headers.get("Content-Length", "")
    return int(length) if re.fullmatch("[0-9]{1,19}", length) else None


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what may be shown the same credentials (RFC 6454, 4)."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        raise Failed(Kind.NO_ADDRESS, "this is not an address that can be asked") from None


def redirected(url: str, location: str) -> str:
    """Where a Location leads from `url`. Raises Failed where no request may go."""
    try:
        target = urljoin(url, location)
        before, after = urlsplit(url).scheme, urlsplit(target).scheme
    except ValueError:
        raise Failed(Kind.BROKEN, "the server redirects to what is not an address") from None
    if after not in ("http", "https"):
        raise Failed(Kind.UNTRUSTED, f"the server redirects to {Address(target)}, which is no web address")
    if before == "https" and after != "https":
        shown = str(Address(target)).partition("?")[0]
        raise Failed(Kind.UNTRUSTED, f"the server redirects from https to {shown}, which is not protected")
    return target


def certificates() -> str | bool:
    """What `verify` of requests is to be."""
    # requests heeds only its own two variables; OpenSSL's are what the rest of the system is set up with.
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return next((os.environ[name] for name in names if os.environ.get(name)), True)
