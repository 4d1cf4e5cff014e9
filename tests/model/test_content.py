"""Contents are read alike, wherever their bytes lie: from the beginning to the end, and from any place."""

import io
import tempfile
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import ImageError, IntegrityError
from fromscratch.model.content import (
    ArchiveMember,
    Content,
    HostFile,
    Inline,
    SparseMember,
    digest_of,
    read,
    same_bytes,
)

PIECES = st.lists(st.binary(max_size=20) | st.integers(1, 30).map(bytes), max_size=6)
STEPS = st.lists(st.tuples(st.sampled_from(["seek", "read", "end"]), st.integers(0, 130)), max_size=12)


def contents(folder: Path, pieces: list[bytes]) -> tuple[Content, ...]:
    """The same bytes in every form; zeros are holes of the sparse one."""
    data = b"".join(pieces)
    archive = folder / "archive"
    archive.write_bytes(b"before" + data + b"after")
    places = list(accumulate(map(len, pieces), initial=0))
    parts = tuple((place, 6 + place, len(piece)) for place, piece in zip(places, pieces, strict=False) if any(piece))
    plain = folder / "plain"
    plain.write_bytes(data)
    return (
        Inline(data),
        HostFile.of(plain, plain.stat()),
        ArchiveMember(archive, 6, len(data)),
        SparseMember(archive, len(data), parts),
    )


@given(PIECES, STEPS)
def test_a_content_is_a_file_of_its_bytes(pieces: list[bytes], steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for content in contents(Path(folder), pieces):
            expected = io.BytesIO(b"".join(pieces))
            assert read(content) == expected.getvalue()
            assert content.size == len(expected.getvalue())
            assert same_bytes(content, Inline(expected.getvalue()))
            assert digest_of(content) == digest_of(Inline(expected.getvalue()))
            with content.open() as stream:
                for step, number in steps:
                    if step == "read":
                        assert stream.read(number) == expected.read(number)
                    else:
                        place = (number, io.SEEK_SET) if step == "seek" else (0, io.SEEK_END)
                        assert stream.seek(*place) == expected.seek(*place)
                assert stream.read() == expected.read()


@pytest.mark.parametrize("parts", [((0, 2, 9),), ((4, 2, 5),)])
def test_an_archive_that_was_cut_or_lost_is_told(parts: tuple[tuple[int, int, int], ...], tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(b"01234")
    for content in (ArchiveMember(archive, 2, 9), SparseMember(archive, 9, parts)):
        with pytest.raises(IntegrityError, match="changed while the image was built"):
            read(content)
        lost = ArchiveMember(tmp_path / "none", 0, 1)
        with pytest.raises(ImageError, match="cannot read"):
            read(lost)
