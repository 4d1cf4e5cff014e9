"""The same archives as streams, which can be read once: the same entries, the same contents, the same faults."""

import io
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.tar.reader import Member, members, stream_members
from fromscratch.formats.tar.writer import blocks
from fromscratch.model.rootfs import Rootfs
from tests.strategies import trees


class Trickle(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = io.BytesIO(data), step

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, self._step) if size >= 0 else self._step)


def packed(tree: Rootfs) -> bytes:
    return b"".join(blocks(tree))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives")


@given(trees(), st.integers(1, 2000), st.integers(1, 700), st.integers(1, 4))
def test_a_stream_has_the_entries_and_contents_of_the_file(
    folder: Path, tree: Rootfs, step: int, limit: int, every: int
) -> None:
    data = packed(tree)
    (folder / "archive.tar").write_bytes(data)
    stream: BinaryIO = Trickle(data, step)  # type: ignore[assignment]
    found: list[Member] = []
    for number, (member, source) in enumerate(stream_members(stream, "it")):
        found.append(member)
        if number % every == 0:  # what nobody reads is passed over
            content = b"".join(iter(lambda: source.content(limit), b""))  # noqa: B023
            assert content == data[member.offset : member.offset + member.size]
    assert found == list(members(folder / "archive.tar"))


@given(trees(), st.integers(0, 10**9))
def test_a_stream_that_is_cut_is_no_archive(tree: Rootfs, place: int) -> None:
    data = packed(tree)
    # One block of zeros is an end that readers take, as the tar of many a system writes it.
    with pytest.raises(FormatError, match=r"it: .*: the archive ends before its end marker"):
        list(stream_members(io.BytesIO(data[: place % (len(data) - 1023)]), "it"))
