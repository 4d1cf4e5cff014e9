"""The session for requests to a registry: with its certificates, and authorization after a challenge."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fromscratch.address import Address
from fromscratch.digest import CHUNK
from fromscratch.errors import FormatError
from fromscratch.host.http import session as web
from fromscratch.host.registry import refusal
from fromscratch.host.registry.address import Place, is_loopback
from fromscratch.host.registry.authorizer import Authorizer
from fromscratch.host.registry.trust import Trust

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter

_TRIES = 4  # without authorization; with a token; and twice more, should a token expire meanwhile
_REFUSING = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


class RegistrySession(web.Session):
    """A session for one thread and one repository."""

    def __init__(self, timeouts: web.Timeouts, place: Place, base: str, authorizer: Authorizer, trust: Trust) -> None:
        super().__init__(timeouts)
        self._place, self._base, self._authorizer = place, base, authorizer
        # No proxy for this machine itself.
        if is_loopback(place.host):
            self._session.trust_env = False
        if trust:
            self._session.mount("https://", _adapter(trust))

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Callable[[], Any] | None = None,
        wait: float = 0.0,
    ) -> "requests.Response":
        """The answer, whatever its status. Raises web.Failed, and RegistryError for a token that cannot be had."""
        headers = {"Accept-Encoding": "identity", **headers}
        is_registry = web.origin(url) == web.origin(self._base)
        for attempt in range(_TRIES):
            shown = self._authorizer.header(self) if is_registry else None
            response = self.send(method, url, headers, body, authorization=shown, wait=wait)
            if response.status_code != HTTPStatus.UNAUTHORIZED or not is_registry or attempt == _TRIES - 1:
                break
            if web.origin(response.url) != web.origin(self._base):
                break
            try:
                retry = self._authorizer.answer(self, response.headers.get("WWW-Authenticate", ""), shown)
            except BaseException:
                response.close()
                raise
            if not retry:
                break
            response.close()
        return response

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Callable[[], Any] | None = None, **how: Any
    ) -> "requests.Response":
        """As `web.Session`, but no failure quotes a secret: the address of a redirect may hold one."""
        try:
            return super().send(method, url, headers, body, **how)
        except web.Failed as failed:
            failed.reason = self._authorizer.conceal(failed.reason)
            raise

    def _answer(self, url: str, headers: Mapping[str, str]) -> "requests.Response":
        """As `web.Session`; a refusal by the registry raises RegistryError with its message."""
        response = self.ask("GET", url, headers)
        if response.status_code in (200, 206, 304, 416):
            return response
        with response:
            if response.status_code not in _REFUSING:
                raise web.refused(response)
            details = refusal.read(response.status_code, limited(response, CHUNK, "an error"), self._authorizer.conceal)
            raise refusal.error(details, f"pull from {self._place}", self._place, self._authorizer.source)


def limited(response: "requests.Response", most: int, what: str) -> bytes:
    """The whole body. Raises FormatError if it is larger than `most`, web.Failed if it does not come whole."""
    parts, size = [], 0
    for piece in _pieces(response):
        parts.append(piece)
        size += len(piece)
        if size > most:
            raise FormatError(f"{what} from {Address(response.url)} is too large", "see what is there")
    length = web.announced(response)
    if length is not None and size < length:
        raise web.Failed(web.Kind.BROKEN, f"the connection ended after {size} of {length} bytes", again=True)
    return b"".join(parts)


def _pieces(response: "requests.Response") -> Iterator[bytes]:
    return web.pieces(response, response.url)


def _adapter(trust: Trust) -> "HTTPAdapter":
    import ssl

    from requests.adapters import HTTPAdapter
    from urllib3.util.ssl_ import create_urllib3_context

    context: ssl.SSLContext = create_urllib3_context()
    trust.load(context)

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
            super().init_poolmanager(*arguments, **keywords, ssl_context=context)

        def proxy_manager_for(self, *arguments: Any, **keywords: Any) -> Any:
            return super().proxy_manager_for(*arguments, **keywords, ssl_context=context)

    return Adapter()
