"""Blobs on their way out."""

import errno
import io
import os

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, IntegrityError
from fromscratch.host.registry.outgoing import PIECE, Outgoing
from fromscratch.model.image import Blob

DATA = os.urandom(3 * PIECE + 5)


class Torn(io.BytesIO):
    """A file of which the disk gives no more than the beginning."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= PIECE:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(PIECE)


def blob(data: bytes = DATA, opened: type[io.BytesIO] = io.BytesIO) -> Blob:
    return Blob("a/b", Digest.of(DATA), len(DATA), lambda: opened(data))


@pytest.mark.parametrize("start", [0, 1, PIECE, len(DATA) - 1])
def test_the_bytes_come_from_any_place_on(start: int) -> None:
    with Outgoing(blob()) as out:
        assert b"".join(out.pieces(start, len(DATA) - start)) == DATA[start:]
        assert b"".join(out.pieces(0, 10)) == DATA[:10]


def test_bytes_that_are_others_never_come_whole() -> None:
    sent: list[memoryview] = []
    with Outgoing(blob(DATA[:-1] + b"x")) as out, pytest.raises(IntegrityError):
        sent += out.pieces(0, len(DATA))
    assert b"".join(sent) != DATA


def test_a_file_that_cannot_be_read_is_no_broken_connection() -> None:
    with (
        Outgoing(blob(opened=Torn)) as out,
        pytest.raises(ImageError, match=r"cannot read the blob .* Input/output error"),
    ):
        list(out.pieces(0, len(DATA)))
