"""A blob on its way out: read and verified ahead in a thread, while what has been read is sent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from types import TracebackType

from fromscratch.errors import ImageError
from fromscratch.formats.oci.verified import verified
from fromscratch.model.image import Blob

PIECE = 1 << 18
_AHEAD = 8
_POLL = 0.1
_GRACE = 2.0


class Outgoing:
    """The bytes of a blob, from any place on. The last of them come only when all of them have proved to be right.

    So a blob that is not what it says is never sent whole. Raises IntegrityError, and what `open` raises.
    """

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._reader: _Reader | None = None
        self._position = 0
        self._rest = memoryview(b"")

    def __enter__(self) -> "Outgoing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def pieces(self, start: int, length: int) -> Iterator[memoryview]:
        """So many bytes from there on; going backwards reads the blob anew."""
        if start < self._position or self._reader is None:
            self._end()
            self._reader = _Reader(self._blob)
            self._position, self._rest = 0, memoryview(b"")
        while self._position < start:
            self._take(start - self._position)
        end = start + length
        while self._position < end:
            yield self._take(end - self._position)

    def _take(self, most: int) -> memoryview:
        assert self._reader is not None  # noqa: S101 - `pieces` has made it
        if not self._rest:
            self._rest = memoryview(self._reader.next())
        piece, self._rest = self._rest[:most], self._rest[most:]
        self._position += len(piece)
        return piece

    def _end(self) -> None:
        if self._reader is not None:
            self._reader.end()
            self._reader = None


class _Reader:
    """Reads some pieces ahead. What it meets on the way is raised where the next piece is asked for."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._ready: Queue[bytes | BaseException] = Queue(_AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def next(self) -> bytes:
        found = self._ready.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def end(self) -> None:
        """Let the thread go; it closes what it reads."""
        self._ended.set()
        with suppress(Empty):
            while True:
                self._ready.get_nowait()  # it may be waiting for room
        self._thread.join(_GRACE)

    def _run(self) -> None:
        try:
            self._read(self._put)
        except OSError as error:  # out of the body of a request it would be taken for one of the connection
            text = f"cannot read the blob {self._blob.digest}: {error.strerror or error}"
            self._put(ImageError(text, "see whether its disk is healthy"))
        except BaseException as error:
            self._put(error)

    def _read(self, put: Callable[[bytes], bool]) -> None:
        blob = self._blob
        with verified(blob.open(), blob.digest, blob.size, f"the blob {blob.digest}") as stream:
            before = b""
            while piece := stream.read(PIECE):
                if before and not put(before):
                    return
                before = piece
        put(before)

    def _put(self, found: bytes | BaseException) -> bool:
        """Whether somebody still waits for it."""
        while not self._ended.is_set():
            try:
                self._ready.put(found, timeout=_POLL)
            except Full:
                continue
            return True
        return False
