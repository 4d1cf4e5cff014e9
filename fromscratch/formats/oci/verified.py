"""A stream that must turn out to be the bytes that a descriptor promised: image-spec/descriptor.md, "Digests"."""

import io
from typing import BinaryIO, cast

from fromscratch import digest as digests
from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import IntegrityError


def verified(stream: BinaryIO, digest: Digest, size: int, what: str) -> BinaryIO:
    """`stream`, whose end is only reached if it had `size` bytes of this digest.

    Else the read at the end raises IntegrityError. A reader that stops before the end has verified nothing.
    A stream that already has the same check is returned as it is.
    """
    if isinstance(stream, Promised) and stream.promise == (digest, size):
        return cast(BinaryIO, stream)
    return cast(BinaryIO, Promised(_Verified(stream, digest, size, what), (digest, size)))


def check_bytes(data: bytes, digest: Digest, size: int, what: str) -> bytes:
    """`data`, if it is what was promised. Raises IntegrityError."""
    if len(data) != size:
        raise _wrong_size(what, len(data), size)
    hasher = digest.hasher()
    hasher.update(data)
    digests.check(Digest(digest.algorithm, hasher.hexdigest()), digest, what)
    return data


def read_out(stream: BinaryIO) -> None:
    """Read what is left of a stream, for the check that comes at its end. Raises what reading raises."""
    while stream.read(CHUNK):
        pass


class Promised(io.BufferedReader):
    """A stream whose end is only reached if it had the promised digest and size."""

    def __init__(self, raw: io.RawIOBase, promise: tuple[Digest, int]) -> None:
        super().__init__(raw, CHUNK)
        self.promise = promise


class _Verified(io.RawIOBase):
    def __init__(self, stream: BinaryIO, digest: Digest, size: int, what: str) -> None:
        self._stream, self._digest, self._size, self._what = stream, digest, size, what
        self._hasher, self._seen = digest.hasher(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        piece = self._stream.read(len(view))
        if not piece:
            self._finish()
            return 0
        self._seen += len(piece)
        if self._seen > self._size:
            raise _wrong_size(self._what, "more", self._size)
        self._hasher.update(piece)
        view[: len(piece)] = piece
        return len(piece)

    def _finish(self) -> None:
        if self._seen != self._size:
            raise _wrong_size(self._what, self._seen, self._size)
        digests.check(Digest(self._digest.algorithm, self._hasher.hexdigest()), self._digest, self._what)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _wrong_size(what: str, found: int | str, promised: int) -> IntegrityError:
    return IntegrityError(
        f"{what} has {found} bytes where its descriptor promises {promised}", "it is damaged: build or fetch it again"
    )
