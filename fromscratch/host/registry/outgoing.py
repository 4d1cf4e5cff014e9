"""Reading a blob for an upload: a thread reads and verifies ahead, while earlier pieces are sent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from types import TracebackType

from fromscratch.errors import ImageError
from fromscratch.formats.oci.verified import verified
from fromscratch.model.image import Blob

PIECE = 1 << 18
_PIECES_AHEAD = 8
_POLL = 0.1
_GRACE = 2.0


class Outgoing:
    """The bytes of a blob, from any offset. The last piece comes only after the whole blob has been verified.

    So a corrupt blob is never sent whole. Raises IntegrityError, and what `open` raises.
    """

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._reader: _Reader | None = None
        self._position = 0
        self._unsent = memoryview(b"")

    def __enter__(self) -> "Outgoing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def pieces(self, start: int, length: int) -> Iterator[memoryview]:
        """`length` bytes from the offset `start`; going backwards reads the blob again."""
        if start < self._position or self._reader is None:
            self._end()
            self._reader = _Reader(self._blob)
            self._position, self._unsent = 0, memoryview(b"")
        while self._position < start:
            self._next_piece(start - self._position)
        end = start + length
        while self._position < end:
            yield self._next_piece(end - self._position)

    def _next_piece(self, limit: int) -> memoryview:
        assert self._reader is not None  # noqa: S101 - `pieces` has made it
        if not self._unsent:
            self._unsent = memoryview(self._reader.next())
        piece, self._unsent = self._unsent[:limit], self._unsent[limit:]
        self._position += len(piece)
        return piece

    def _end(self) -> None:
        if self._reader is not None:
            self._reader.end()
            self._reader = None


class _Reader:
    """Reads some pieces ahead. An exception in its thread is raised by the next call of `next`."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._ready: Queue[bytes | BaseException] = Queue(_PIECES_AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def next(self) -> bytes:
        found = self._ready.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def end(self) -> None:
        """End the thread, which closes the blob."""
        self._ended.set()
        with suppress(Empty):
            while True:
                self._ready.get_nowait()  # the thread may be waiting for room in the queue
        self._thread.join(_GRACE)

    def _run(self) -> None:
        try:
            self._read(self._put)
        except OSError as error:  # raised in the body of a request, it would look like a failure of the connection
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
        """Queue a piece or an exception; False once `end` has been called."""
        while not self._ended.is_set():
            try:
                self._ready.put(found, timeout=_POLL)
            except Full:
                continue
            return True
        return False
