"""The transfer of one file from any of its addresses into the store: resumed, retried, verified.

RFC 9110 gives the terms: conditional requests (section 13), ranges (section 14).
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from fromscratch.address import Address
from fromscratch.digest import CHUNK, Digest, check
from fromscratch.errors import FormatError, IntegrityError
from fromscratch.formats.web_page import PAGE_HINT, START, page
from fromscratch.host.http import session as web
from fromscratch.host.http.partial import Partial, Provenance
from fromscratch.host.http.progress import Watcher
from fromscratch.host.http.request import FileRequest, Patience, failure
from fromscratch.host.process.threads import Stopped
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.regular_file import open_buffered

if TYPE_CHECKING:
    import requests

_RECORDS = "http"
_RIGHT_BYTES = "if the new bytes are meant, write their size and digest; otherwise fetch from a source you trust"


class Transfer(Struct, frozen=True):
    """The transfer of one file."""

    store: Store
    request: FileRequest
    session: Callable[[], web.Session]
    watcher: Watcher
    patience: Patience
    stop: threading.Event

    def run(self) -> Digest:
        """Fetch the file. Raises Missing, DownloadError, IntegrityError, ImageError or Stopped."""
        request = self.request
        with self.store.lock(f"download {request.key}", self._waiting, give_up=self.stop.is_set):
            if request.digest and self.store.has(request.digest):
                return request.digest  # another process has fetched it meanwhile
            problems: list[tuple[Address, web.Failed]] = []
            bad: IntegrityError | None = None
            for url in request.addresses:
                try:
                    return self._from_file(url) if _is_file(url) else self._from_web(url)
                except web.Failed as failed:
                    problems.append((url, failed))
                except IntegrityError as error:
                    bad = bad or error
            raise bad or failure(request, problems)

    def _waiting(self) -> None:
        self.watcher.say("waiting for another process that downloads it")

    def _from_file(self, url: Address) -> Digest:
        try:
            path = Path(unquote(urlsplit(url.whole).path, errors="surrogateescape"))
            source = open_buffered(path)
            size = os.fstat(source.fileno()).st_size
        except FileNotFoundError:
            raise web.Failed(web.Kind.MISSING, "there is no such file") from None
        except OSError as error:
            raise web.Failed(web.Kind.DENIED, f"it cannot be read: {error.strerror}") from error
        except ValueError:
            raise web.Failed(web.Kind.NO_ADDRESS, "this is not the address of a file") from None
        with source, self.store.temporary() as fresh, disk.explained(fresh), open(fresh, "wb") as out:
            self.watcher.expect(size)
            hasher = hashlib.new(self._algorithm())
            while piece := source.read(CHUNK):
                out.write(piece)
                hasher.update(piece)
                self._report(out.tell())
            out.flush()
            found = Digest(hasher.name, hasher.hexdigest())
            self._verify(found, size, url, fresh)
            return self.store.adopt(fresh, found)

    def _from_web(self, url: Address) -> Digest:
        with Partial(self.store.partial(self.request.key), self._algorithm()) as partial:
            restarted = False
            while True:
                unchanged = self._persist(url, partial)
                if unchanged is not None:
                    return unchanged
                found = partial.digest()
                try:
                    self._verify(found, partial.position, url, partial.path)
                except IntegrityError:
                    if not partial.resumed or restarted:
                        partial.discard()
                        raise
                    # The earlier bytes may be of another version: download once more, from the start.
                    restarted = True
                    partial.restart(Provenance(url.key))
                    continue
                return self._adopt(url, partial, found)

    def _persist(self, url: Address, partial: Partial) -> Digest | None:
        """Retry until all bytes are there (None), or the server says that the version in the store is current."""
        failures, furthest = 0, partial.position
        while not self._complete(partial):
            try:
                return self._attempt(url, partial)
            except web.Failed as failed:
                if not failed.again:
                    raise
                if partial.position > furthest:
                    failures, furthest = 0, partial.position
                failures += 1
                if failures >= self.patience.attempts:
                    raise
                self.watcher.say(f"{failed.reason}; trying again")
                if self.stop.wait(self.patience.pause(failures, failed.pause)):
                    raise Stopped from None
        return None

    def _complete(self, partial: Partial) -> bool:
        request = self.request
        return bool(request.digest) and partial.position == request.size and partial.digest() == request.digest

    def _attempt(self, url: Address, partial: Partial) -> Digest | None:
        last = self._last_answer(url)
        with self.session().get(url.whole, self._conditions(url, partial, last)) as response:
            match response.status_code:
                case 304 if last is not None:
                    return last.digest
                case 304:
                    raise web.Failed(
                        web.Kind.BROKEN, "the server says 'not modified', but the request had no condition"
                    )
                case 416:
                    self._past_the_end(url, response, partial)
                    return None
                case 206:
                    self._continued(url, response, partial)
                case _:
                    headers = response.headers
                    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
                    partial.restart(Provenance(url.key, etag, modified))
            self._receive(url, response, partial)
        return None

    def _conditions(self, url: Address, partial: Partial, last: "_LastAnswer | None") -> dict[str, str]:
        """The header fields that request only the missing bytes."""
        here = url.key
        if self.request.size is not None and partial.position > self.request.size:
            partial.restart(Provenance(here))
        if partial.position:
            rest = {"Range": f"bytes={partial.position}-"}
            known = partial.provenance
            if known and known.url == here and known.validator:
                return {**rest, "If-Range": known.validator}
            if self.request.digest:
                return rest  # from another mirror or without a validator: the digest will be checked
            partial.restart(Provenance(here))
        return last.conditions() if last else {}

    def _continued(self, url: Address, response: "requests.Response", partial: Partial) -> None:
        span = re.fullmatch(
            r"bytes ([0-9]{1,19})-([0-9]+)/([0-9]+|\*)", response.headers.get("Content-Range", "").strip()
        )
        if not span or int(span[1]) != partial.position:
            partial.restart(Provenance(url.key))
            raise web.Failed(web.Kind.BROKEN, "the server sends another range than the requested one", again=True)
        partial.resumed = True

    def _past_the_end(self, url: Address, response: "requests.Response", partial: Partial) -> None:
        """The server has nothing behind our last byte: right if that is the end (RFC 9110, 15.5.17)."""
        if response.headers.get("Content-Range", "").strip() != f"bytes */{partial.position}":
            partial.restart(Provenance(url.key))
            raise web.Failed(web.Kind.BROKEN, "the server cannot go on from there", again=True)
        partial.resumed = True

    def _receive(self, url: Address, response: "requests.Response", partial: Partial) -> None:
        length = web.announced(response)
        total = None if length is None else partial.position + length
        size = self.request.size
        if total is not None:
            self._check_size(url, total, partial)
            self.watcher.expect(total)
        self.watcher.reach(partial.position)
        for piece in web.pieces(response, url.whole):
            partial.append(piece)
            self._check_size(url, partial.position, partial)
            self._report(partial.position)
        end = total if total is not None else size
        if end is not None and partial.position < end:
            reason = f"the connection ended after {partial.position} of {end} bytes"
            raise web.Failed(web.Kind.BROKEN, reason, again=True)

    def _report(self, position: int) -> None:
        self.watcher.reach(position)
        if self.stop.is_set():
            raise Stopped

    def _check_size(self, url: Address, position: int, partial: Partial) -> None:
        size = self.request.size
        if size is not None and position > size:
            partial.discard()
            raise IntegrityError(
                f"{self._title(url)} is larger than the {size} bytes that were expected"
                + (f" of {self.request.digest}" if self.request.digest else ""),
                _RIGHT_BYTES,
            )

    def _verify(self, found: Digest, size: int, url: Address, path: Path) -> None:
        """Raises IntegrityError for other bytes than expected; if they are an HTML page, the error says so."""
        request = self.request
        wrong_size = request.size is not None and size != request.size
        if wrong_size or (request.digest is not None and found != request.digest):
            with open(path, "rb") as stream:
                what = page(stream.read(START))
            if what:
                expected = f", and not {request.digest}" if request.digest else ""
                raise IntegrityError(f"{self._title(url)} is {what}{expected}", PAGE_HINT)
        if request.digest is not None:
            sizes = f" ({size} bytes, not {request.size})" if wrong_size else ""
            check(found, request.digest, self._title(url) + sizes)
        if wrong_size:
            raise IntegrityError(f"{self._title(url)} has {size} bytes, but {request.size} were expected", _RIGHT_BYTES)

    def _adopt(self, url: Address, partial: Partial, found: Digest) -> Digest:
        self.store.adopt(partial.path, found)
        partial.forget_note()
        if self.request.digest is None and partial.provenance is not None:
            fact = {"etag": partial.provenance.etag, "modified": partial.provenance.modified, "digest": str(found)}
            self.store.write_record(_RECORDS, url.key, json.dumps(fact).encode())
        return found

    def _last_answer(self, url: Address) -> "_LastAnswer | None":
        """What this address gave last time, if the store still has it; only for a request without a digest."""
        if self.request.digest is not None:
            return None
        try:
            fact = json.loads(self.store.record(_RECORDS, url.key) or b"")
            last = _LastAnswer(str(fact["etag"]), str(fact["modified"]), Digest.parse(str(fact["digest"])))
        except (ValueError, KeyError, TypeError, FormatError):
            return None
        return last if self.store.has(last.digest) else None

    def _algorithm(self) -> str:
        return self.request.digest.algorithm if self.request.digest else "sha256"

    def _title(self, url: Address) -> str:
        return f"{self.request.title} from {url}"


class _LastAnswer(Struct, frozen=True):
    etag: str
    modified: str
    digest: Digest

    def conditions(self) -> dict[str, str]:
        fields = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in fields.items() if value}


def _is_file(url: Address) -> bool:
    return url.whole[:5].lower() == "file:"
