"""Requests to one repository of a registry, with retries, credentials, and errors for refusals."""

import re
import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urljoin

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, RegistryError
from fromscratch.formats.oci import documents as oci
from fromscratch.host.http import session as web
from fromscratch.host.http.failure import refused
from fromscratch.host.process.threads import Stopped
from fromscratch.host.registry import credentials, refusal
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import Place, base_url
from fromscratch.host.registry.authorizer import Authorizer
from fromscratch.host.registry.session import RegistrySession, limited
from fromscratch.host.registry.trust import trust
from fromscratch.limits import json_value
from fromscratch.progress import SILENT, Progress

Result = TypeVar("Result")
_MAX_PARTS, _MAX_LISTED = 1000, 4 * oci.MAX_DOCUMENT
_MAX_WARNING = 4096  # what the specification allows all warnings of an answer to have


class Answer(Struct, frozen=True):
    """A response with its body; `url` is the one that answered, after all redirects."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    url: str

    @property
    def location(self) -> str:
        """Location as an absolute address. Raises web.Failed if there is none, or it leads out of https."""
        place = self.headers.get("Location")
        if not place:
            raise web.Failed(web.Kind.BROKEN, "the answer of the registry has no Location")
        return web.redirected(self.url, place)

    @property
    def digest(self) -> Digest | None:
        """The value of Docker-Content-Digest. Raises FormatError."""
        text = self.headers.get("Docker-Content-Digest")
        return Digest.exact(text.strip()) if text else None


class Client:
    """The client for all threads of one push or pull. `pushing` requests the right to write, `mounting` rights to read
    in these repositories.

    with Client(Place.of(reference), access) as client: ...
    """

    def __init__(
        self,
        place: Place,
        access: Access,
        progress: Progress = SILENT,
        *,
        pushing: bool = False,
        mounting: Collection[str] = (),
    ) -> None:
        self.place, self.access = place, access
        self.patience = access.patience
        self.stop = threading.Event()
        self._progress = progress
        scope = f"repository:{place.repository}:{'pull,push' if pushing else 'pull'}"
        self._scopes = (scope,), tuple(f"repository:{name}:pull" for name in mounting)
        self._trust = trust(place.registry, access)
        self._opening = threading.Lock()
        self._warned: set[str] = set()
        self._opened: tuple[str, Authorizer] | None = None
        self._sessions = web.PerThread(partial(self.session, self.patience.timeouts))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._sessions.close()

    def abort(self) -> None:
        """Make the requests of all threads end soon."""
        self.stop.set()
        self._sessions.abort()

    def url(self, path: str) -> str:
        """An address of the repository. Raises web.Failed if the scheme has to be probed, and nothing answers."""
        return f"{self._open()[0]}/v2/{self.place.repository}/{path}"

    def session(self, timeouts: web.Timeouts) -> RegistrySession:
        base, authorizer = self._open()
        return RegistrySession(timeouts, self.place, base, authorizer, self._trust)

    def ask(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        expect: Collection[int] = (200,),
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        most: int = oci.MAX_DOCUMENT,
    ) -> Answer:
        """The answer, its status one of `expect`, however often it takes. `path` is one of the repository, or a URL.

        Raises RegistryError, saying that we cannot do what we are `doing`.
        """
        body = None if data is None else lambda: data
        return self.persist(
            doing, lambda: self.once(doing, method, path, expect=expect, headers=headers, body=body, most=most)
        )

    def persist(self, doing: str, attempt: Callable[[], Result]) -> Result:
        """What `attempt` gives when it does not fail, or fails for good. Raises RegistryError, Stopped."""
        failures = 0
        while True:
            try:
                return attempt()
            except web.Failed as failed:
                failures += 1
                if not failed.again or failures >= self.patience.attempts:
                    raise refusal.failure(failed, doing, self.place) from failed
                self.wait(failures, failed)

    def wait(self, failures: int, failed: web.Failed) -> None:
        """Wait before the next attempt. Raises Stopped."""
        if self.stop.wait(self.patience.pause(failures, failed.pause)):
            raise Stopped

    def once(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        expect: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Any] | None = None,
        most: int = oci.MAX_DOCUMENT,
        wait: float = 0.0,
    ) -> Answer:
        """One attempt, which may take `wait` seconds longer than usual.

        Raises web.Failed if a retry may help, RegistryError for a refusal.
        """
        url = path if "://" in path else self.url(path)
        with self._sessions.of_this_thread().ask(method, url, headers or {}, body, wait) as response:
            status = response.status_code
            self._warn(response.headers.get("Warning", ""))
            if status in expect:
                data = b"" if method == "HEAD" else limited(response, most, f"the answer to {method}")
                return Answer(status, response.headers, data, response.url)
            again = refused(response)
            if again.again:
                raise again
            try:
                data = limited(response, oci.MAX_DOCUMENT, "an error")
            except (web.Failed, FormatError):
                data = b""
            raise self.error(Answer(status, response.headers, data, response.url), doing)

    def _warn(self, field: str) -> None:
        """Show each warning of the registry once: distribution-spec, "Warnings"."""
        for text in re.findall(r'\b299 - "((?:[^"\\]|\\.)*)"', field[:_MAX_WARNING]):
            text_of_warning = refusal.printable(self.conceal(re.sub(r"\\(.)", r"\1", text)))
            if text_of_warning not in self._warned:
                self._warned.add(text_of_warning)
                self._progress.note(f"{self.place.registry} warns: {text_of_warning}")

    def refusal(self, answer: Answer) -> refusal.Refusal:
        """The refusal in an answer with an error status."""
        return refusal.read(answer.status, answer.data, self.conceal)

    def error(self, answer: Answer, doing: str) -> RegistryError:
        """The error for an answer with an error status."""
        shown, plain = self._open()[1].source, self.access.plain_http
        return refusal.error(self.refusal(answer), doing, self.place, shown, plain=plain)

    def conceal(self, text: str) -> str:
        """The text without any secret that was sent to the registry."""
        return self._open()[1].conceal(text)

    def pages(self, doing: str, path: str, *, expect: Collection[int] = (200,)) -> "list[Answer]":
        """All pages of a list: distribution-spec, "Listing Tags", with the Link of RFC 8288.

        Raises RegistryError; FormatError for a list that continues on another server, or has no end.
        """
        answers = [self.ask(doing, "GET", path, expect=expect)]
        seen = {answers[0].url}
        while (following := _next(answers[-1])) and following not in seen:
            if _is_other_origin(following, answers[0].url):
                raise FormatError(
                    f"{self.place.registry} continues a list on another server", "ask who runs the registry"
                )
            if len(seen) == _MAX_PARTS or sum(len(answer.data) for answer in answers) > _MAX_LISTED:
                raise FormatError(f"{self.place.registry} gives a list without an end", "ask who runs the registry")
            seen.add(following)
            answers.append(self.ask(doing, "GET", following))
        return answers

    def _open(self) -> tuple[str, Authorizer]:
        """The base URL and the authorizer, made when they are first needed."""
        with self._opening:
            if self._opened is None:
                base = base_url(self.place, plain_http=self.access.plain_http, trusting=bool(self._trust))
                found = partial(credentials.find, self.place, self.access)
                note = self._progress.note
                self._opened = base, Authorizer(self.place, base, *self._scopes, found, note)
            return self._opened


def decoded(answer: Answer, what: str) -> Any:
    """A JSON object. Raises FormatError."""
    try:
        document = json_value(answer.data)
    except ValueError as error:
        raise FormatError(f"{what} is not JSON", "ask who runs the registry") from error
    if not isinstance(document, dict):
        raise FormatError(f"{what} is not a JSON object", "ask who runs the registry")
    return document


def _next(answer: Answer) -> str | None:
    """The address of `rel="next"` in a Link; absolute, if it can be resolved."""
    from requests.utils import parse_header_links

    for link in parse_header_links(answer.headers.get("Link", "")):
        if link.get("rel") == "next" and link.get("url"):
            try:
                return urljoin(answer.url, link["url"])
            except ValueError:
                return link["url"]
    return None


def _is_other_origin(url: str, asked: str) -> bool:
    try:
        return web.origin(url) != web.origin(asked)
    except web.Failed:
        return True  # it is not an address
