"""Authorization at a registry: a name and password, or a token of its token service.

The token service is that of docker's distribution, spec/auth/token.md and oauth.md. Credentials are sent only after a
challenge, and only to the origins of the registry and of its token service.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from fromscratch.address import Address
from fromscratch.errors import RegistryError
from fromscratch.host.http import session as web
from fromscratch.host.registry import refusal
from fromscratch.host.registry.address import Place, is_loopback
from fromscratch.host.registry.credentials import Credentials
from fromscratch.limits import json_value

if TYPE_CHECKING:
    import requests

    from fromscratch.host.registry.challenge import Challenge

_CLIENT = "fromscratch"
_DEFAULT_LIFETIME = 60.0  # seconds, by token.md, if the answer has no expires_in
_LONGEST_LIFETIME = 24 * 3600.0
_RENEW_EARLY = 5.0
_MAX_SIZE = 1 << 20


class Authorizer:
    """Authorization for one repository, shared by all threads.

    `scopes` are requested from a token service, such as `repository:team/hello:pull,push`; so are `extra`, unless
    the service refuses those. `find` is called for credentials once, when they are first needed.
    """

    def __init__(
        self,
        place: Place,
        base: str,
        scopes: tuple[str, ...],
        extra: tuple[str, ...],
        find: Callable[[], Credentials | None],
        note: Callable[[str], None],
    ) -> None:
        self._place, self._base = place, base
        self._scopes, self._extra = list(scopes), list(extra)
        self._find, self._note = find, note
        self._lock = threading.RLock()
        self._one_scope_only = False  # whether the service grants only one of several scopes
        self._searched = False
        self._found: Credentials | None = None
        self._bearer: Challenge | None = None
        self._authorization: str | None = None
        self._expires = 0.0
        self._secrets: set[str] = set()

    def header(self, session: web.Session) -> str | None:
        """The Authorization of the next request. Raises web.Failed and RegistryError for a token that cannot be had."""
        with self._lock:
            if self._bearer and self._authorization and time.monotonic() > self._expires:
                self._renew(session)
            return self._authorization

    def answer(self, session: web.Session, field: str, shown: str | None) -> bool:
        """Whether the request, refused with this WWW-Authenticate, is worth another try, with a new `header`."""
        with self._lock:
            if shown != self._authorization:
                return True  # another thread has answered the same challenge
            from fromscratch.host.registry.challenge import challenge_of

            bearer, basic = challenge_of(field, "bearer"), challenge_of(field, "basic")
            credentials = self._credentials()
            if credentials and credentials.bearer:
                return self._set_authorization(f"Bearer {credentials.bearer}", shown)
            if bearer:
                self._bearer = bearer
                widened = self._widen(bearer.parameters.get("scope", ""))
                if shown and not widened and bearer.parameters.get("error") == "insufficient_scope":
                    if not self._extra:
                        return False
                    # This service grants one of several scopes: request only those that every request needs.
                    self._extra.clear()
                    self._one_scope_only = True
                self._renew(session)
                return True
            if basic and credentials and credentials.user:
                return self._set_authorization(credentials.basic, shown)
            return False

    @property
    def source(self) -> str:
        """Where the credentials came from; empty if none were found or needed."""
        return self._found.source if self._found else ""

    def conceal(self, text: str) -> str:
        """The text without any secret that was sent."""
        with self._lock:
            for secret in sorted(self._secrets, key=len, reverse=True):
                text = text.replace(secret, "…")
        return text

    def _credentials(self) -> Credentials | None:
        if not self._searched:
            self._found = self._find()
            self._searched = True
            self._secrets.update(self._found.secrets if self._found else ())
            if self._found and self._base.startswith("http:") and not is_loopback(self._place.host):
                self._note(f"{self._place.registry} is asked without TLS: its credentials can be read on the way")
        return self._found

    def _set_authorization(self, header: str, shown: str | None) -> bool:
        self._authorization, self._expires = header, float("inf")
        return header != shown

    def _widen(self, scope: str) -> bool:
        """Add the scope that the registry names; False if it has been requested already."""
        new = [one for one in scope.split() if not self._is_requested(one)] if not self._one_scope_only else []
        self._extra += new
        return bool(new)

    def _is_requested(self, scope: str) -> bool:
        name, _, actions = scope.rpartition(":")
        for known in (*self._scopes, *self._extra):
            ours, _, allowed = known.rpartition(":")
            if ours == name and set(actions.split(",")) <= set(allowed.split(",")):
                return True
        return False

    def _renew(self, session: web.Session) -> None:
        """Get a new token; without the extra scopes if the service refuses them."""
        try:
            token, lifetime = self._token(session, [*self._scopes, *self._extra])
        except RegistryError:
            if not self._extra:
                raise
            token, lifetime = self._token(session, self._scopes)
            self._extra.clear()
        self._secrets.add(token)
        self._authorization = f"Bearer {token}"
        self._expires = time.monotonic() + max(lifetime - _RENEW_EARLY, lifetime / 2)

    def _token(self, session: web.Session, scopes: list[str]) -> tuple[str, float]:
        assert self._bearer is not None  # noqa: S101 - a token is only requested after a challenge
        realm = self._realm(self._bearer)
        service = self._bearer.parameters.get("service", "")
        credentials = self._credentials()
        ask = self._by_identity if credentials and credentials.identity else self._by_password
        for last in (False, True):
            start = time.monotonic()
            with ask(session, realm, service, scopes, credentials) as response:
                data = _limited(response)
                if response.status_code == 404 and not last:
                    continue  # GitLab answers so to the first request for a repository that it is creating
                if response.status_code != 200:
                    raise self._refused(response, data, realm, credentials)
            break
        token, lifetime = _parsed(data, realm)
        return token, lifetime - (time.monotonic() - start)

    def _by_password(
        self, session: web.Session, realm: str, service: str, scopes: list[str], credentials: Credentials | None
    ) -> "requests.Response":
        """token.md: a GET with the name and password, or an anonymous one without credentials."""
        query = urlencode([*([("service", service)] if service else []), *(("scope", scope) for scope in scopes)])
        url = f"{realm}{'&' if urlsplit(realm).query else '?'}{query}"
        shown = credentials.basic if credentials and credentials.user else None
        return session.send("GET", url, {"Accept": "application/json"}, authorization=shown)

    def _by_identity(
        self, session: web.Session, realm: str, service: str, scopes: list[str], credentials: Credentials | None
    ) -> "requests.Response":
        """oauth.md: a POST with the refresh token."""
        assert credentials is not None  # noqa: S101 - `_token` has chosen this by the credentials
        form = {
            "grant_type": "refresh_token",
            "service": service,
            "client_id": _CLIENT,
            "scope": " ".join(scopes),
            "refresh_token": credentials.identity,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return session.send("POST", realm, headers, lambda: urlencode(form).encode(), confined=True)

    def _realm(self, challenge: "Challenge") -> str:
        """The address of the token service. It must be as well protected as the registry itself."""
        realm = challenge.parameters.get("realm", "")
        scheme, host, _ = web.origin(realm)
        if scheme == "https" and host:
            return realm
        open_anyway = self._base.startswith("http:") and not is_loopback(self._place.host)
        if scheme == "http" and host and (open_anyway or is_loopback(urlsplit(realm).netloc)):
            return realm
        shown = self.conceal(str(Address(realm)).partition("?")[0]) or "nowhere"
        raise RegistryError(
            f"{self._place.registry} wants its tokens to be fetched from {shown}, which is not protected",
            "nothing was sent there; ask who runs the registry",
        )

    def _refused(
        self, response: "requests.Response", data: bytes, realm: str, credentials: Credentials | None
    ) -> Exception:
        failure = web.refused(response)
        if failure.again:
            return failure
        details = refusal.read(response.status_code, data, self.conceal)
        host = urlsplit(realm).hostname
        whom = f"the credentials of {credentials.source}" if credentials else "anybody without credentials"
        return RegistryError(
            f"{host}, which gives tokens for {self._place.registry}, does not accept {whom}: {details.reason}",
            f"log in {'again ' if credentials else ''}with {refusal.login(self._place)}",
        )


def _parsed(data: bytes, realm: str) -> tuple[str, float]:
    """The token, and its lifetime in seconds."""
    try:
        document: Mapping[str, object] = json_value(data)
        token = document.get("token") or document.get("access_token")
        lifetime = document.get("expires_in")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise ValueError
    except (ValueError, AttributeError, RecursionError):
        # The answer may hold a token: it is neither quoted nor chained.
        raise RegistryError(f"{urlsplit(realm).hostname} answers with no token", "ask who runs the registry") from None
    return token, float(min(lifetime, _LONGEST_LIFETIME)) if isinstance(
        lifetime, int | float
    ) and lifetime > 0 else _DEFAULT_LIFETIME


def _limited(response: "requests.Response") -> bytes:
    data = b""
    for piece in web.pieces(response, response.url):
        data += piece
        if len(data) > _MAX_SIZE:
            break
    return data
