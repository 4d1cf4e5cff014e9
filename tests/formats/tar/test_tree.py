"""Trees as tar archives: every tree comes back, `tarfile` reads and writes the same, and same tree, same bytes."""

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError, ImageError, IntegrityError
from fromscratch.formats.tar.header import decimal_seconds, header, split
from fromscratch.formats.tar.holes import extents
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import BLOCK_SIZE, blocks, estimated_size
from fromscratch.host.machine.scan import scan
from fromscratch.model.content import ArchiveMember, HostFile, Inline
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Origin, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, decode, encode, tree_path
from tests.sameness import everything
from tests.strategies import trees
from tests.trees import listed, tree

SHIPPED = Origin("test", "shipped in", "an archive")


def packed(given: Rootfs) -> bytes:
    return b"".join(blocks(given))


def read(data: bytes, folder: Path) -> Rootfs:
    (folder / "archive.tar").write_bytes(data)
    return read_tree(folder / "archive.tar", SHIPPED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tar")


def without_root_time(given: Rootfs) -> Rootfs:
    """A plain root has no entry of its own, so its time is not told."""
    meta = given[ROOT].meta
    if (meta.mode, meta.uid, meta.gid, meta.xattrs) != (0o755, 0, 0, ()):
        return given
    return Rootfs({**given, ROOT: Directory(Meta(0o755))})


@given(trees())
def test_every_tree_comes_back(folder: Path, given: Rootfs) -> None:
    data = packed(given)
    assert len(data) % 512 == 0
    assert everything(read(data, folder)) == everything(without_root_time(given))


@given(trees())
def test_tarfile_reads_the_same(given: Rootfs) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(given)), encoding="utf-8", errors="surrogateescape") as tar:
        members = tar.getmembers()
        expected = [path for path in given if path != ROOT or without_root_time(given) is given]
        assert [member.name for member in members] == [path[1:] or "." for path in expected]
        for member, path in zip(members, expected, strict=True):
            same_as_tarfile(tar, member, given[path])


def same_as_tarfile(tar: tarfile.TarFile, member: tarfile.TarInfo, entry: Entry) -> None:
    meta = entry.meta
    assert (member.mode, member.uid, member.gid) == (meta.mode, meta.uid, meta.gid)
    assert float(member.mtime) == pytest.approx(meta.mtime / 1e9)
    found = {
        key.removeprefix("SCHILY.xattr."): encode(value)
        for key, value in member.pax_headers.items()
        if key.startswith("SCHILY.")
    }
    assert found == dict(meta.xattrs)
    match entry:
        case File():
            content = tar.extractfile(member)
            assert content is not None
            assert content.read() == entry.content.open().read()
        case Directory():
            assert member.isdir()
        case Symlink():
            assert (member.issym(), member.linkname) == (True, entry.target)
        case HardLink():
            assert (member.islnk(), member.linkname) == (True, entry.target[1:])
        case Device():
            assert member.ischr() if entry.kind == "c" else member.isblk()
            assert (member.devmajor, member.devminor) == (entry.major, entry.minor)
        case Fifo():
            assert member.isfifo()


@given(trees(), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_what_tarfile_writes_is_read(folder: Path, given: Rootfs, form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for path, entry in given.items():
            info, data = as_tarinfo(path, entry, form)
            tar.addfile(info, io.BytesIO(data))
    expected = {}
    for path, entry in given.items():
        seconds = entry.meta.mtime // 10**9 * 10**9  # tarfile holds floats, so whole seconds are what it keeps
        xattrs = entry.meta.xattrs if form == tarfile.PAX_FORMAT else ()
        meta = Meta(entry.meta.mode, entry.meta.uid, entry.meta.gid, seconds, xattrs)
        expected[path] = (File, meta, everything(given)[path][2]) if isinstance(entry, File) else (meta, type(entry))
    got = {
        path: row if row[0] is File else (row[0].meta, type(row[0]))
        for path, row in everything(read(out.getvalue(), folder)).items()
    }
    assert got == expected


def as_tarinfo(path: str, entry: Entry, form: int) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(path[1:] or ".")
    meta = entry.meta
    info.mode, info.uid, info.gid, info.mtime = meta.mode, meta.uid, meta.gid, meta.mtime // 10**9
    if form == tarfile.PAX_FORMAT:
        info.pax_headers = {f"SCHILY.xattr.{key}": decode(value) for key, value in meta.xattrs}
    data = b""
    match entry:
        case File():
            data = entry.content.open().read()
            info.size = len(data)
        case Directory():
            info.type = tarfile.DIRTYPE
        case Symlink():
            info.type, info.linkname = tarfile.SYMTYPE, entry.target
        case HardLink():
            info.type, info.linkname = tarfile.LNKTYPE, entry.target[1:]
        case Device():
            info.type = tarfile.CHRTYPE if entry.kind == "c" else tarfile.BLKTYPE
            info.devmajor, info.devminor = entry.major, entry.minor
        case Fifo():
            info.type = tarfile.FIFOTYPE
    return info, data


@given(trees(), st.sampled_from([512, 1024, 4096]))
def test_the_size_of_the_blocks_does_not_change_the_bytes(given: Rootfs, size: int) -> None:
    pieces = list(blocks(given, lambda: bytearray(b"\xff" * size)))
    assert b"".join(pieces) == packed(given)
    assert {len(piece) for piece in pieces[:-1]} <= {size}


def test_a_large_file_runs_over_many_blocks(tmp_path: Path) -> None:
    data = os.urandom(3 * BLOCK_SIZE + 12345)
    (tmp_path / "large").write_bytes(data)
    given = Rootfs(
        {
            tree_path("inline"): File(Meta(0o644), Inline(data)),
            tree_path("host"): File(Meta(0o644), HostFile.of(tmp_path / "large", (tmp_path / "large").stat())),
            tree_path("member"): File(Meta(0o644), ArchiveMember(tmp_path / "large", 345, BLOCK_SIZE)),
        }
    )
    assert len(packed(given)) == estimated_size(given)
    found = everything(read(packed(given), tmp_path))
    assert found == everything(given)


def test_an_empty_tree_is_only_the_end_marker() -> None:
    assert packed(Rootfs()) == bytes(1024)


def test_the_root_has_an_entry_only_when_it_is_not_plain(tmp_path: Path) -> None:
    given = tree("d 1777 3:4 /")
    assert packed(given)[:100].rstrip(b"\0") == b"./"
    assert listed(read(packed(given), tmp_path)) == "d 1777 3:4 /"


def test_nothing_of_the_machine_is_in_a_header() -> None:
    block = header(b"etc/motd", b"0", Meta(0o644, mtime=10**9), size=6)
    with tarfile.open(fileobj=io.BytesIO(block + bytes(1536))) as tar:
        [member] = tar
    assert (member.uname, member.gname, member.pax_headers) == ("", "", {})
    assert len(block) == 512


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (1_500_000_000, b"1.5"),
        (1, b"0.000000001"),
        (-1, b"-0.000000001"),
        (-500_000_000, b"-0.5"),
        (-1_000_000_000, b"-1"),
        (8**11 * 10**9, b"8589934592"),
    ],
)
def test_times_are_written_exactly(nanoseconds: int, expected: bytes) -> None:
    assert decimal_seconds(nanoseconds) == expected
    with tarfile.open(fileobj=io.BytesIO(header(b"x", b"0", Meta(0o644, mtime=nanoseconds)) + bytes(1024))) as tar:
        assert tar.getmembers()[0].pax_headers == {"mtime": expected.decode()}


@given(st.binary(min_size=101, max_size=300).map(lambda raw: raw.replace(b"\0", b"/")))
def test_a_long_name_is_split_only_where_ustar_can_join_it(name: bytes) -> None:
    parts = split(name)
    if parts is not None:
        assert b"/".join(parts) == name
        assert 0 < len(parts[0]) <= 155
        assert 0 < len(parts[1]) <= 100


def test_long_names_that_ustar_can_say_need_no_extended_header() -> None:
    assert len(header(b"d" * 155 + b"/" + b"f" * 100, b"0", Meta(0o644))) == 512
    assert len(header(b"d" * 155 + b"/" + b"f" * 99 + b"/", b"5", Meta(0o755))) == 512
    assert len(header(b"d" * 156 + b"/" + b"f" * 100, b"0", Meta(0o644))) == 3 * 512


def test_a_name_that_is_not_utf_8_is_marked_as_binary_and_kept() -> None:
    assert b"21 hdrcharset=BINARY\n" in header(b"caf\xe9", b"0", Meta(0o644))
    assert b"hdrcharset" not in header("café".encode(), b"0", Meta(0o644))
    assert b"13 path=caf\xe9\n" in header(b"caf\xe9", b"0", Meta(0o644))


def test_a_large_size_is_told_in_a_record() -> None:
    with tarfile.open(fileobj=io.BytesIO(header(b"x", b"0", Meta(0o644), size=1 << 40) + bytes(1024))) as tar:
        member = tar.next()
    assert member is not None
    assert member.size == 1 << 40


def test_what_no_tar_can_hold_is_refused_by_name() -> None:
    with pytest.raises(FormatError, match=r"/dev/x: .*device number 1,9999999"):
        packed(Rootfs({tree_path("dev/x"): Device(Meta(0o600), "c", 1, 9999999)}))
    with pytest.raises(FormatError, match=r"etc/x has the extended attribute 'user\.a=b'"):
        packed(Rootfs({tree_path("etc/x"): Fifo(Meta(0o600, xattrs=(("user.a=b", b""),)))}))
    with pytest.raises(FormatError, match="holds a NUL byte"):
        packed(Rootfs({tree_path("x"): Symlink(Meta(0o777), "a\0b")}))


@pytest.mark.parametrize("change", ["grows", "shrinks", "is touched", "is replaced"])
def test_a_file_that_changes_after_it_was_scanned_is_named(tmp_path: Path, change: str) -> None:
    path = tmp_path / "tree" / "motd"
    path.parent.mkdir()
    path.write_bytes(b"x" * 10000)
    given = scan(tmp_path / "tree", SHIPPED)
    match change:
        case "grows":
            with open(path, "ab") as stream:
                stream.write(b"more")
        case "shrinks":
            os.truncate(path, 5000)
        case "is touched":
            os.utime(path, ns=(1, 1))
        case _:
            path.unlink()
            path.symlink_to("/etc/passwd")
    with pytest.raises(ImageError, match=r"tree/motd") as caught:
        packed(given)
    assert isinstance(caught.value, IntegrityError) == (change != "is replaced")


@pytest.mark.parametrize("size", [100, 2 * BLOCK_SIZE])
@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_so_is_one_that_is_no_file_any_more(tmp_path: Path, kind: str, size: int) -> None:
    path = tmp_path / "tree" / "motd"
    path.parent.mkdir()
    path.write_bytes(bytes(size))
    given = scan(tmp_path / "tree", SHIPPED)
    path.unlink()
    (os.mkfifo if kind == "fifo" else os.mkdir)(path)  # nobody ever writes into it, and whoever opens it would wait
    with pytest.raises(IntegrityError, match="tree/motd changed"):
        packed(given)
    with pytest.raises(IntegrityError, match="tree/motd changed"):
        HostFile(path, size, 0, 0, 0).open()


def test_a_file_that_changes_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tree" / "log"
    path.parent.mkdir()
    path.write_bytes(bytes(2 * BLOCK_SIZE))
    pieces = blocks(scan(tmp_path / "tree", SHIPPED))
    next(pieces)
    with open(path, "ab") as stream:
        stream.write(b"more")
    with pytest.raises(IntegrityError, match="tree/log changed"):
        list(pieces)


def sparse(path: Path, size: int, *data: int) -> Path:
    """A file of `size` bytes whose only data is a page of noise at each of these places."""
    path.parent.mkdir(exist_ok=True)
    with open(path, "wb") as stream:
        stream.truncate(size)
        for place in data:
            stream.seek(place)
            stream.write(hashlib.shake_256(b"%d" % place).digest(min(4096, size - place)))
    return path


@pytest.mark.parametrize(
    ("size", "data"),
    [
        (5 * BLOCK_SIZE + 77, ()),
        (5 * BLOCK_SIZE + 77, (0,)),
        (5 * BLOCK_SIZE + 77, (BLOCK_SIZE - 4096, 3 * BLOCK_SIZE, 5 * BLOCK_SIZE)),
        (5 * BLOCK_SIZE, (4096, 5 * BLOCK_SIZE - 4096)),
        (1 << 16, (1 << 15,)),
    ],
)
def test_a_sparse_file_is_packed_with_its_zeros(tmp_path: Path, size: int, data: tuple[int, ...]) -> None:
    path = sparse(tmp_path / "tree" / "disk", size, *data)
    given = scan(tmp_path / "tree", SHIPPED)
    read_back = everything(read(b"".join(blocks(given, lambda: bytearray(b"\xff" * BLOCK_SIZE))), tmp_path))
    assert read_back == everything(without_root_time(given))
    with open(path, "rb") as stream:
        pieces = list(extents(stream.fileno(), size))
    assert [start for start, _, _ in pieces] == [0, *(end for _, end, _ in pieces[:-1])]
    assert pieces[-1][1] == size
    if path.stat().st_blocks * 512 < size:
        assert [start for start, _, hole in pieces if not hole] == list(data)


def test_a_sparse_file_that_is_cut_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = sparse(tmp_path / "tree" / "disk", 9 * BLOCK_SIZE, 0, 8 * BLOCK_SIZE)
    pieces = blocks(scan(tmp_path / "tree", SHIPPED))
    next(pieces)
    os.truncate(path, 4 * BLOCK_SIZE)
    with pytest.raises(IntegrityError, match="tree/disk changed"):
        list(pieces)


def test_the_checksum_is_right_for_the_highest_bytes() -> None:
    name, link = b"\xff" * 100, b"\xff" * 4000
    block = header(name, b"2", Meta(0o7777, 0o7777777, 0o7777777, 8**11 * 10**9 - 10**9), link=link)[-512:]
    assert sum(block[:148]) + 8 * ord(" ") + sum(block[156:]) == int(block[148:154], 8)
    block = header(b"~" * 155 + b"/" + b"~" * 100, b"2", Meta(0o7777), link=b"\xff" * 100)[-512:]
    assert sum(block[:148]) + 8 * ord(" ") + sum(block[156:]) == int(block[148:154], 8)


def test_an_archive_that_is_gone_is_named(tmp_path: Path) -> None:
    given = Rootfs({tree_path("x"): File(Meta(0o644), ArchiveMember(tmp_path / "gone.tar", 0, 5))})
    with pytest.raises(ImageError, match=r"cannot read .*gone\.tar"):
        packed(given)


def test_many_archives_are_not_all_open_at_once(tmp_path: Path) -> None:
    entries = {}
    for number in range(100):
        (tmp_path / f"{number}").write_bytes(b"%03d" % number)
        entries[tree_path(f"{number}")] = File(Meta(0o644), ArchiveMember(tmp_path / f"{number}", 0, 3))
    before = len(os.listdir("/proc/self/fd"))
    pieces = blocks(Rootfs(entries), lambda: bytearray(512))
    for _ in range(150):
        next(pieces)
    assert len(os.listdir("/proc/self/fd")) - before <= 32
    pieces.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before
