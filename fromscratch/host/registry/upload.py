"""One blob into a repository: distribution-spec, "Pushing blobs".

Whole, by POST and PUT, as long as the connection holds. When it broke, the registry is asked how much it has, and the
rest is sent in chunks, so that a bad line costs one chunk each time it breaks; so is everything if the call says so.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlencode

from fromscratch.errors import RegistryError
from fromscratch.host.http import session as web
from fromscratch.host.http.progress import Watcher
from fromscratch.host.process.threads import Stopped
from fromscratch.host.registry.client import Answer, Client
from fromscratch.host.registry.outgoing import Outgoing
from fromscratch.model.image import Blob

_CHUNK = 16 << 20
_LEAST_CHUNK = 1 << 20
_OCTETS = {"Content-Type": "application/octet-stream"}
_GONE = (404, 400)
_OUT_OF_ORDER = 416
_TOO_LARGE = 413
_SLOWEST = 10e6  # bytes a second
_NO_CHUNKS = (405, 501)
_LOST = ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "RANGE_INVALID")
_CHANGED = ("DIGEST_INVALID", "SIZE_INVALID")
_HINT = "run it again; what has arrived is not sent again"


class Arrival(Enum):
    """How a blob came to be in the repository."""

    PRESENT = "already there"
    MOUNTED = "mounted from another repository"
    SENT = "sent"


@dataclass
class _Under:
    """An upload under way: where it goes on, and how much of it has arrived."""

    location: str
    offset: int = 0
    least_chunk: int = 0


class _Body:
    """What requests sends with a Content-Length, piece by piece."""

    def __init__(self, size: int, pieces: Callable[[], Iterator[memoryview]]) -> None:
        self._size, self._pieces = size, pieces

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[memoryview]:
        return self._pieces()


@dataclass
class Upload:
    """`sources` are repositories of the registry that may have the blob already."""

    client: Client
    blob: Blob
    watcher: Watcher
    sources: tuple[str, ...] = ()
    _chunk: int = field(init=False)
    _doubted: bool = field(init=False, default=False)
    _chunks: bool | None = field(init=False, default=None)  # whether the registry takes some, once that is known
    _learnt: bool = field(init=False, default=False)
    _miscounts: bool = field(init=False, default=False)  # what it says that it has is not what it has taken

    def __post_init__(self) -> None:
        self._chunk = self.client.access.chunk_size

    def bring(self) -> Arrival:
        """See to it that the repository has the blob. Raises RegistryError, IntegrityError and what `open` raises."""
        if self._there():
            self.watcher.reach(self.blob.size)
            return Arrival.PRESENT
        under = self._begun()
        if under is None:
            self.watcher.reach(self.blob.size)
            return Arrival.MOUNTED
        with Outgoing(self.blob) as out:
            try:
                self._persist(under, out)
            except BaseException:
                self._cancel(under)
                raise
        return Arrival.SENT

    @property
    def _doing(self) -> str:
        return f"push {self.blob.digest} to {self.client.place}"

    def _there(self) -> bool:
        path = f"blobs/{self.blob.digest}"
        return bool(self.client.ask(self._doing, "HEAD", path, expect=(200, 404, 405)).status == 200)

    def _begun(self) -> _Under | None:
        """A new upload; None if the registry has taken the blob out of another of its repositories."""
        under = None
        for source in self.sources:
            if under is not None:  # what a registry begins that has not found the blob: the next may have it
                self._cancel(under)
                under = None
            query = urlencode({"mount": str(self.blob.digest), "from": source}, safe=":/")
            with suppress(RegistryError):  # a source that may not be read is none
                answer = self.client.ask(self._doing, "POST", f"blobs/uploads/?{query}", expect=(201, 202), data=b"")
                if answer.status == 201:
                    return None
                under = self._under(answer)
        return under or self._under(self._post())

    def _post(self) -> Answer:
        other = f"?digest-algorithm={self.blob.digest.algorithm}" if self.blob.digest.algorithm != "sha256" else ""
        return self.client.ask(self._doing, "POST", f"blobs/uploads/{other}", expect=(202,), data=b"")

    def _under(self, answer: Answer) -> _Under:
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        try:
            return _Under(answer.location, 0, int(least) if re.fullmatch("[0-9]{1,12}", least) else 0)
        except web.Failed as failed:
            raise self._insecure(failed) from failed

    def _persist(self, under: _Under, out: Outgoing) -> None:
        """Send until all has arrived."""
        failures, furthest = 0, 0
        while True:
            try:
                self._send(under, out)
                return
            except web.Failed as failed:
                if under.offset > furthest:
                    failures, furthest = 0, under.offset
                learnt, self._learnt = self._learnt, False  # a limit of the registry: found in a few steps, and kept to
                failures += not learnt
                if not failed.again or failures >= self.client.patience.attempts:
                    raise RegistryError(f"cannot {self._doing}: {failed.reason}", _HINT) from failed
                self.watcher.say(f"{failed.reason}; trying again")
                if not learnt:
                    self.client.wait(failures, failed)
                if self._there():
                    return  # only the answer was lost
                self._resume(under)
                self._chunk = 0 if self._chunks is False else self._chunk or _CHUNK

    def _send(self, under: _Under, out: Outgoing) -> None:
        size = self.blob.size
        chunk = max(self._chunk, under.least_chunk) if self._chunk else size
        while size - under.offset > chunk:
            self._patch(under, out, chunk)
        self._put(under, out)
        self.watcher.reach(size)

    def _patch(self, under: _Under, out: Outgoing, length: int) -> None:
        start = under.offset
        headers = {**_OCTETS, "Content-Range": f"{start}-{start + length - 1}"}
        answer = self._attempt("PATCH", under.location, headers, out, start, length, (202, 201, 204))
        self._chunks = True
        under.location = self._under(answer).location
        under.offset = self._counted(start, length, _arrived(answer))

    def _counted(self, start: int, length: int, arrived: int | None) -> int:
        """How much of the blob a registry has that took a chunk and says that so many bytes have arrived.

        Some registries tell the end of the first chunk for ever, or of each chunk by itself, or one byte too many: the
        digest at the end shows whether what we have counted ourselves was right.
        """
        end = start + length
        if arrived is None or start < arrived <= end:
            return end if arrived is None else arrived
        if arrived > end + 1:
            raise web.Failed(web.Kind.BROKEN, "the registry says that it has what we have not sent", again=True)
        self._miscounts = True
        return end

    def _put(self, under: _Under, out: Outgoing) -> None:
        """Close the upload, with what is left of the blob."""
        start, length = under.offset, self.blob.size - under.offset
        joint = "&" if "?" in under.location else "?"
        url = f"{under.location}{joint}{urlencode({'digest': str(self.blob.digest)}, safe=':')}"
        headers = {**_OCTETS, **({"Content-Range": f"{start}-{self.blob.size - 1}"} if start and length else {})}
        self._attempt("PUT", url, headers, out, start, length, (201, 202, 204))

    def _attempt(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        out: Outgoing,
        start: int,
        length: int,
        fine: tuple[int, ...],
    ) -> Answer:
        def pieces() -> Iterator[memoryview]:
            position = start
            for piece in out.pieces(start, length):
                if self.client.stop.is_set():
                    raise Stopped
                yield piece
                position += len(piece)
                self.watcher.reach(position)

        body = (lambda: _Body(length, pieces)) if length else (lambda: b"")
        expect = (*fine, _OUT_OF_ORDER, _TOO_LARGE, *_GONE, *_NO_CHUNKS)
        # A registry may hash all of it, or bring it to where it keeps blobs, before it answers.
        wait = self.blob.size / _SLOWEST
        answer = self.client.once(self._doing, method, url, expect=expect, headers=headers, body=body, wait=wait)
        if answer.status in fine:
            return answer
        if answer.status == _TOO_LARGE:
            self._smaller(length)
            raise web.Failed(web.Kind.BROKEN, f"the registry takes no {length} bytes at once", again=True)
        if answer.status == _OUT_OF_ORDER and length > _LEAST_CHUNK and "Range" not in answer.headers:
            # Not where it begins but how long it is: GHCR takes 4 MiB in a PATCH, and says so by this status alone.
            self._smaller(length)
            raise web.Failed(web.Kind.BROKEN, f"the registry takes no {length} bytes in one piece", again=True)
        if method == "PATCH" and self._chunks is None and answer.status in (404, _OUT_OF_ORDER, *_NO_CHUNKS):
            self._chunks, self._learnt = False, True
            raise web.Failed(web.Kind.BROKEN, "the registry takes no chunks", again=True)
        raise self._refused(answer)

    def _refused(self, answer: Answer) -> Exception:
        """An upload that is lost or out of step is begun anew; what arrived as something else, once."""
        code = self.client.refusal(answer).code
        lost = answer.status in (404, _OUT_OF_ORDER) or code in _LOST
        if code in _CHANGED and not self._doubted:
            self._doubted = lost = True
            self._chunks = False if self._miscounts else self._chunks
        if lost:
            return web.Failed(web.Kind.BROKEN, "the registry has lost track of the upload", again=True)
        return self.client.error(answer, self._doing)

    def _smaller(self, length: int) -> None:
        """A limit of what one request may hold stands in the way: try with less. Raises RegistryError."""
        if length <= _LEAST_CHUNK:
            raise RegistryError(
                f"cannot {self._doing}: the registry does not take {length} bytes at once",
                "see the limit of request bodies in what stands in front of the registry",
            )
        self._chunk = max(_LEAST_CHUNK, min(_CHUNK, length // 4))
        self._learnt = True

    def _resume(self, under: _Under) -> None:
        """Go on where the registry does: behind what it has of this upload, or from the start with a new one."""
        try:
            answer = self.client.once(self._doing, "GET", under.location, expect=(204, 200, 202))
            arrived = None if self._miscounts or self._chunks is False else _arrived(answer)
            if arrived is not None and arrived <= self.blob.size:
                under.location = answer.location if "Location" in answer.headers else under.location
                under.offset = arrived
                return
        except (web.Failed, RegistryError):
            pass
        self._cancel(under)
        fresh = self._under(self._post())
        under.location, under.offset, under.least_chunk = fresh.location, fresh.offset, fresh.least_chunk

    def _cancel(self, under: _Under) -> None:
        """The registry need not keep what will never be finished; whether it hears us does not matter."""
        with suppress(web.Failed, RegistryError, Stopped):
            self.client.once(self._doing, "DELETE", under.location, expect=(204, 202, 200, 404))

    def _insecure(self, failed: web.Failed) -> RegistryError:
        return RegistryError(
            f"cannot {self._doing}: {self.client.conceal(failed.reason)}",
            "a proxy in front of the registry has to tell it that it is asked by https (X-Forwarded-Proto)"
            if failed.kind is web.Kind.UNTRUSTED
            else "ask who runs the registry",
        )


def _arrived(answer: Answer) -> int | None:
    """How many bytes the registry says it has; `0-0` is what it says of none as well."""
    found = re.fullmatch(r"(?:bytes=)?0-([0-9]{1,19})", answer.headers.get("Range", "").strip())
    if not found:
        return None
    return int(found[1]) + 1 if int(found[1]) else 0
