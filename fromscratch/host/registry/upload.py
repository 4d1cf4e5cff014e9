"""Uploading a blob to a repository: distribution-spec, "Pushing blobs".

It is sent whole, by POST and PUT. After a broken connection the registry is asked how much it has, and the rest is sent
in chunks: each further break costs only one chunk. With a chunk size in the call, all is sent in chunks.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from urllib.parse import urlencode

from msgspec import Struct

from fromscratch.errors import RegistryError
from fromscratch.host.http import session as web
from fromscratch.host.http.progress import Watcher
from fromscratch.host.process.threads import Stopped
from fromscratch.host.registry.client import Answer, Client
from fromscratch.host.registry.outgoing import Outgoing
from fromscratch.model.image import Blob

_CHUNK = 16 << 20
_MIN_CHUNK = 1 << 20
_OCTETS = {"Content-Type": "application/octet-stream"}
_GONE = (404, 400)
_OUT_OF_ORDER = 416
_TOO_LARGE = 413
_SLOWEST_RATE = 10e6  # bytes a second
_NO_CHUNKS = (405, 501)
_LOST = ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "RANGE_INVALID")
_CHANGED = ("DIGEST_INVALID", "SIZE_INVALID")
_HINT = "run it again; what has arrived is not sent again"


class Arrival(Enum):
    """How a blob came to be in the repository."""

    PRESENT = "already there"
    MOUNTED = "mounted from another repository"
    SENT = "sent"


class _Session(Struct):
    """An upload session of the registry: where to continue, and how many bytes it has."""

    location: str
    offset: int = 0
    least_chunk: int = 0


class _Body:
    """A body with a known length: requests sends it piece by piece, with a Content-Length."""

    def __init__(self, size: int, pieces: Callable[[], Iterator[memoryview]]) -> None:
        self._size, self._pieces = size, pieces

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[memoryview]:
        return self._pieces()


class Upload:
    """The upload of one blob. `sources` are repositories of the registry to mount it from, if they have it."""

    def __init__(self, client: Client, blob: Blob, watcher: Watcher, sources: tuple[str, ...] = ()) -> None:
        self.client, self.blob, self.watcher, self.sources = client, blob, watcher, sources
        self._chunk = client.access.chunk_size
        self._restarted = False
        self._takes_chunks: bool | None = None  # None: not known yet
        self._limit_found = False
        self._miscounts = False  # its Range is not how much it has

    def run(self) -> Arrival:
        """Upload the blob, unless the repository has it or can mount it.

        Raises RegistryError, IntegrityError, and what `open` of the blob raises.
        """
        if self._exists():
            self.watcher.reach(self.blob.size)
            return Arrival.PRESENT
        session = self._start()
        if session is None:
            self.watcher.reach(self.blob.size)
            return Arrival.MOUNTED
        with Outgoing(self.blob) as out:
            try:
                self._send_all(session, out)
            except BaseException:
                self._cancel(session)
                raise
        return Arrival.SENT

    @property
    def _doing(self) -> str:
        return f"push {self.blob.digest} to {self.client.place}"

    def _exists(self) -> bool:
        path = f"blobs/{self.blob.digest}"
        return bool(self.client.ask(self._doing, "HEAD", path, expect=(200, 404, 405)).status == 200)

    def _start(self) -> _Session | None:
        """Start a session; None if the registry has mounted the blob from another repository."""
        session = None
        for source in self.sources:
            if (
                session is not None
            ):  # the registry did not find the blob and started a session; the next source may have it
                self._cancel(session)
                session = None
            query = urlencode({"mount": str(self.blob.digest), "from": source}, safe=":/")
            with suppress(RegistryError):  # a source without the right to read is skipped
                answer = self.client.ask(self._doing, "POST", f"blobs/uploads/?{query}", expect=(201, 202), data=b"")
                if answer.status == 201:
                    return None
                session = self._session_of(answer)
        return session or self._session_of(self._post())

    def _post(self) -> Answer:
        other = f"?digest-algorithm={self.blob.digest.algorithm}" if self.blob.digest.algorithm != "sha256" else ""
        return self.client.ask(self._doing, "POST", f"blobs/uploads/{other}", expect=(202,), data=b"")

    def _session_of(self, answer: Answer) -> _Session:
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        try:
            return _Session(answer.location, 0, int(least) if re.fullmatch("[0-9]{1,12}", least) else 0)
        except web.Failed as failed:
            raise self._insecure(failed) from failed

    def _send_all(self, session: _Session, out: Outgoing) -> None:
        """Send, and resume after failures, until the registry has all."""
        failures, furthest = 0, 0
        while True:
            try:
                self._send(session, out)
                return
            except web.Failed as failed:
                if session.offset > furthest:
                    failures, furthest = 0, session.offset
                limit_found, self._limit_found = (
                    self._limit_found,
                    False,
                )  # finding a limit of the registry is not a failure
                failures += not limit_found
                if not failed.again or failures >= self.client.patience.attempts:
                    raise RegistryError(f"cannot {self._doing}: {failed.reason}", _HINT) from failed
                self.watcher.say(f"{failed.reason}; trying again")
                if not limit_found:
                    self.client.wait(failures, failed)
                if self._exists():
                    return  # the upload was complete, only the answer was lost
                self._resume(session)
                self._chunk = 0 if self._takes_chunks is False else self._chunk or _CHUNK

    def _send(self, session: _Session, out: Outgoing) -> None:
        size = self.blob.size
        chunk = max(self._chunk, session.least_chunk) if self._chunk else size
        while size - session.offset > chunk:
            self._patch(session, out, chunk)
        self._put(session, out)
        self.watcher.reach(size)

    def _patch(self, session: _Session, out: Outgoing, length: int) -> None:
        start = session.offset
        headers = {**_OCTETS, "Content-Range": f"{start}-{start + length - 1}"}
        answer = self._attempt("PATCH", session.location, headers, out, start, length, (202, 201, 204))
        self._takes_chunks = True
        session.location = self._session_of(answer).location
        session.offset = self._received(start, length, _bytes_received(answer))

    def _received(self, start: int, length: int, received: int | None) -> int:
        """How much of the blob a registry has that took a chunk and says that so many bytes have arrived.

        Some registries always give the end of the first chunk, or that of the chunk alone, or one byte too many.
        Then our own count is used; the digest at the end shows whether it was right.
        """
        end = start + length
        if received is None or start < received <= end:
            return end if received is None else received
        if received > end + 1:
            raise web.Failed(web.Kind.BROKEN, "the registry claims to have more than was sent", again=True)
        self._miscounts = True
        return end

    def _put(self, session: _Session, out: Outgoing) -> None:
        """Send the rest of the blob, and close the session."""
        start, length = session.offset, self.blob.size - session.offset
        joint = "&" if "?" in session.location else "?"
        url = f"{session.location}{joint}{urlencode({'digest': str(self.blob.digest)}, safe=':')}"
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
        success: tuple[int, ...],
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
        expect = (*success, _OUT_OF_ORDER, _TOO_LARGE, *_GONE, *_NO_CHUNKS)
        # The registry may hash all of the blob, or move it to its storage, before it answers.
        wait = self.blob.size / _SLOWEST_RATE
        answer = self.client.once(self._doing, method, url, expect=expect, headers=headers, body=body, wait=wait)
        if answer.status in success:
            return answer
        if answer.status == _TOO_LARGE:
            self._reduce_chunk(length)
            raise web.Failed(web.Kind.BROKEN, f"the registry does not take {length} bytes at once", again=True)
        if answer.status == _OUT_OF_ORDER and length > _MIN_CHUNK and "Range" not in answer.headers:
            # Without a Range, the length is refused, not the offset: GHCR limits a PATCH to 4 MiB by this status alone.
            self._reduce_chunk(length)
            raise web.Failed(web.Kind.BROKEN, f"the registry does not take {length} bytes in one piece", again=True)
        if method == "PATCH" and self._takes_chunks is None and answer.status in (404, _OUT_OF_ORDER, *_NO_CHUNKS):
            self._takes_chunks, self._limit_found = False, True
            raise web.Failed(web.Kind.BROKEN, "the registry does not take chunks", again=True)
        raise self._refused(answer)

    def _refused(self, answer: Answer) -> Exception:
        """The failure or error for an answer: a lost session is restarted; a digest mismatch restarts it once."""
        code = self.client.refusal(answer).code
        lost = answer.status in (404, _OUT_OF_ORDER) or code in _LOST
        if code in _CHANGED and not self._restarted:
            self._restarted = lost = True
            self._takes_chunks = False if self._miscounts else self._takes_chunks
        if lost:
            return web.Failed(web.Kind.BROKEN, "the registry has lost track of the upload", again=True)
        return self.client.error(answer, self._doing)

    def _reduce_chunk(self, length: int) -> None:
        """Send smaller chunks: the request was too large. Raises RegistryError if it cannot be smaller."""
        if length <= _MIN_CHUNK:
            raise RegistryError(
                f"cannot {self._doing}: the registry does not take {length} bytes at once",
                "raise the limit of request bodies in the proxy before the registry",
            )
        self._chunk = max(_MIN_CHUNK, min(_CHUNK, length // 4))
        self._limit_found = True

    def _resume(self, session: _Session) -> None:
        """Continue after what the registry has of this session, or start a new one."""
        try:
            answer = self.client.once(self._doing, "GET", session.location, expect=(204, 200, 202))
            received = None if self._miscounts or self._takes_chunks is False else _bytes_received(answer)
            if received is not None and received <= self.blob.size:
                session.location = answer.location if "Location" in answer.headers else session.location
                session.offset = received
                return
        except (web.Failed, RegistryError):
            pass
        self._cancel(session)
        fresh = self._session_of(self._post())
        session.location, session.offset, session.least_chunk = fresh.location, fresh.offset, fresh.least_chunk

    def _cancel(self, session: _Session) -> None:
        """Tell the registry that the session will not be finished; it does not matter if this fails."""
        with suppress(web.Failed, RegistryError, Stopped):
            self.client.once(self._doing, "DELETE", session.location, expect=(204, 202, 200, 404))

    def _insecure(self, failed: web.Failed) -> RegistryError:
        return RegistryError(
            f"cannot {self._doing}: {self.client.conceal(failed.reason)}",
            "a proxy in front of the registry has to tell it that it is asked by https (X-Forwarded-Proto)"
            if failed.kind is web.Kind.UNTRUSTED
            else "ask who runs the registry",
        )


def _bytes_received(answer: Answer) -> int | None:
    """How many bytes the registry has, by the Range of its answer; `0-0` also stands for none."""
    found = re.fullmatch(r"(?:bytes=)?0-([0-9]{1,19})", answer.headers.get("Range", "").strip())
    if not found:
        return None
    return int(found[1]) + 1 if int(found[1]) else 0
