"""Sparse files in archives of others: read as the content that they stand for."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError, TooLarge
from fromscratch.formats.tar.header import BLOCK, header
from fromscratch.formats.tar.reader import members, stream_members
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.process.run import run
from fromscratch.limits import limits
from fromscratch.model.content import SparseMember
from fromscratch.model.content import read as bytes_of
from fromscratch.model.entry import File, Meta, Origin
from fromscratch.paths import TreePath
from tests.engines import need
from tests.formats.tar.test_reader import END, extended, member, patched

ORIGIN = Origin("test", "found in", "an archive")
FORMS = {
    "gnu": ("--format=gnu",),
    "pax 0.0": ("--format=posix", "--sparse-version=0.0"),
    "pax 0.1": ("--format=posix", "--sparse-version=0.1"),
    "pax 1.0": ("--format=posix", "--sparse-version=1.0"),
}
SCENES: dict[str, list[tuple[int, bytes]]] = {
    "a hole and nothing else": [],
    "one region": [(1 << 20, b"x" * 5000)],
    "from the start": [(0, b"start"), (300_000, b"y")],
    "many regions": [(place * 20480, bytes([place % 251 + 1]) * 4096) for place in range(120)],
    "to the end": [((8 << 20) - 3, b"end")],
}


def sparse_file(path: Path, regions: list[tuple[int, bytes]], size: int = 8 << 20) -> None:
    with open(path, "wb") as out:
        out.truncate(size)
        for place, data in regions:
            out.seek(place)
            out.write(data)


def content_in(archive: Path, name: str) -> SparseMember:
    entry = read_tree(archive, ORIGIN)[TreePath(f"/{name}")]
    assert isinstance(entry, File)
    assert isinstance(entry.content, SparseMember)
    return entry.content


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scene", SCENES)
def test_what_gnu_tar_writes_is_read(form: str, scene: str, tmp_path: Path) -> None:
    name = "d" * 60 + "/" + "f" * 90  # so that the name of the file itself is in an extended header too
    (tmp_path / "d" / ("d" * 60)).mkdir(parents=True)
    sparse_file(tmp_path / "d" / name, SCENES[scene])
    archive = tmp_path / "x.tar"
    run([need("tar"), "-S", *FORMS[form], "-C", str(tmp_path / "d"), "-cf", str(archive), "d" * 60])
    content = content_in(archive, name)
    assert archive.stat().st_size < 1 << 20
    assert bytes_of(content) == (tmp_path / "d" / name).read_bytes()


@pytest.mark.parametrize("scene", SCENES)
def test_what_bsdtar_writes_is_read(scene: str, tmp_path: Path) -> None:
    sparse_file(tmp_path / "f", SCENES[scene])
    archive = tmp_path / "x.tar"
    run([need("bsdtar"), "--format=pax", "-C", str(tmp_path), "-cf", str(archive), "f"])
    if archive.stat().st_size > 8 << 20:
        pytest.skip("this filesystem tells bsdtar of no holes")
    assert bytes_of(content_in(archive, "f")) == (tmp_path / "f").read_bytes()


def test_it_is_packed_as_the_content_that_it_stands_for(tmp_path: Path) -> None:
    sparse_file(tmp_path / "f", SCENES["many regions"], (8 << 20) - 77)
    run([need("tar"), "-S", "-C", str(tmp_path), "-cf", str(tmp_path / "x.tar"), "f"])
    packed = b"".join(map(bytes, blocks(read_tree(tmp_path / "x.tar", ORIGIN))))
    with tarfile.open(fileobj=io.BytesIO(packed)) as found:
        data = found.extractfile("f")
        assert data is not None
        assert data.read() == (tmp_path / "f").read_bytes()


def test_a_stream_has_its_map_too(tmp_path: Path) -> None:
    for name in "fg":
        sparse_file(tmp_path / name, SCENES["many regions"])
    for form in FORMS.values():
        run([need("tar"), "-S", *form, "-C", str(tmp_path), "-cf", str(tmp_path / "x.tar"), "f", "g"])
        with open(tmp_path / "x.tar", "rb") as stream:
            found = [(member, source.content(10)) for member, source in stream_members(stream, "it")]
        assert [member for member, _ in found] == list(members(tmp_path / "x.tar"))
        assert {start for _, start in found} == {b"\1" * 10}


regions = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=6)


@given(regions, st.integers(0, 3 * BLOCK), st.lists(st.integers(1, 3000), max_size=20))
def test_any_map_is_read_in_any_pieces(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]], hole: int, pieces: list[int]
) -> None:
    place, parts, data, whole = 0, [], b"", b""
    for gap, length in steps:
        place += gap * BLOCK
        stored = os.urandom(length * BLOCK)
        parts += [b"%d" % place, b"%d" % len(stored)]
        whole = whole.ljust(place, b"\0") + stored
        data += stored
        place += len(stored)
    whole = whole.ljust(place + hole, b"\0")
    records = {b"GNU.sparse.map": b",".join(parts), b"GNU.sparse.size": b"%d" % len(whole)}
    records |= {b"GNU.sparse.numblocks": b"%d" % len(steps), b"GNU.sparse.major": b"0", b"GNU.sparse.minor": b"1"}
    archive = tmp_path_factory.mktemp("map") / "x.tar"
    archive.write_bytes(extended(records) + member(b"f", data=data) + END)
    content = content_in(archive, "f")
    assert bytes_of(content) == whole
    with content.open() as stream:
        assert b"".join([*(stream.read(size) for size in pieces), stream.read()]) == whole


def old(regions: list[tuple[int, int]], size: int, data: bytes, *, goes_on: bytes = b"\0") -> bytes:
    table = b"".join(b"%011o\0%011o\0" % region for region in regions)
    block = patched(
        header(b"f", b"S", Meta(0o644), size=len(data)),
        (257, b"ustar  \0"),
        (386, table),
        (482, goes_on),
        (483, b"%011o\0" % size),
    )
    return block + data + bytes(-len(data) % BLOCK)


def newer(text: bytes, data: bytes = b"", size: int = 5000) -> bytes:
    records = {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.realsize": b"%d" % size}
    return extended(records) + member(b"f", data=text + bytes(-len(text) % BLOCK) + data)


def older(**records: bytes) -> bytes:
    return extended({b"GNU.sparse." + key.encode(): value for key, value in records.items()}) + member(
        b"f", data=b"x" * 512
    )


REFUSED = {
    "regions that overlap": (old([(512, 512), (512, 512)], 4096, bytes(1024)), "does not fit into"),
    "regions out of order": (old([(512, 512), (0, 512)], 4096, bytes(1024)), "does not fit into"),
    "a region beyond the end": (old([(4096, 512)], 4100, bytes(512)), "does not fit into"),
    "more than is there": (old([(0, 1024)], 4096, bytes(512)), "does not fit the content"),
    "less than is there": (old([(0, 512)], 4096, bytes(1024)), "does not fit the content"),
    "a region that ends within a block": (old([(0, 100), (512, 412)], 4096, bytes(512)), "ends within a block"),
    "a number that is none": (old([(0, 512)], 4096, bytes(512)).replace(b"0000001000\0", b"000000x000\0"), "checksum"),
    "a map that goes on for ever": (
        old([(0, 512)], 4096, b"", goes_on=b"\1") + (bytes(504) + b"\1" * 8) * 3000,
        "larger than any needs to be",
    ),
    "a map of many blocks": (newer(b"300000\n" + b"0\n" * 600_000), "larger than any needs to be"),
    "a map of letters": (newer(b"1\nx\ny\n"), "not a number"),
    "a map without a count": (newer(b"\n"), "not a number"),
    "a map without an end": (newer(b"5\n0\n"), "ends before its end marker|no number|does not fit|larger"),
    "a map that is no map": (newer(b"x" * 600), "not a number"),
    "an odd map": (older(map=b"0,512,1024", size=b"4096", numblocks=b"1"), "another length than it says"),
    "a map without its length": (older(map=b"0,512", size=b"4096"), "not a number"),
    "a map in two forms": (older(map=b"0,512", offset=b"0", numbytes=b"512", size=b"4096"), "in two forms"),
    "a region without an offset": (
        patched(old([(0, 512)], 4096, bytes(512)), (386, bytes(12))),
        "a region of a sparse file has no offset",
    ),
    "a map without a size": (older(map=b"0,512", numblocks=b"1"), "not a number"),
    "an offset too many": (older(offset=b"0", size=b"4096", numblocks=b"1"), "another length than it says"),
    "a huge size": (older(map=b"0,512", numblocks=b"1", size=b"9" * 29), "does not fit the content"),
    "another version": (extended({b"GNU.sparse.major": b"2"}) + member(b"f"), "of the version b'2.'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_map_that_lies_is_refused(case: str, tmp_path: Path) -> None:
    data, message = REFUSED[case]
    (tmp_path / "x.tar").write_bytes(data + END)
    with pytest.raises(FormatError, match=message) as caught:
        read_tree(tmp_path / "x.tar", ORIGIN)
    assert caught.value.message.startswith(f"{tmp_path}/x.tar: ")
    assert caught.value.hint


def test_what_is_not_stored_counts_as_expanded(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(old([], 5 << 30, b"") + END)
    with pytest.raises(TooLarge, match=r"x\.tar: 'f': .*x\.tar expands to more than 4 GiB") as caught:
        read_tree(tmp_path / "x.tar", ORIGIN)
    assert "max_expanded" in caught.value.hint
    assert read_tree(tmp_path / "x.tar", ORIGIN, limits=limits("5G", None)).size == 5 << 30
