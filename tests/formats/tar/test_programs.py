"""Archives of ours in the hands of others: GNU tar, bsdtar and tarfile list and unpack the same tree."""

import hashlib
import os
import re
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.formats.packing.codec import CodecName
from fromscratch.formats.packing.layer import Packed, pack
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.machine.scan import scan
from fromscratch.host.process.run import run
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, tree_path
from tests.engines import need, need_root
from tests.trees import listed, tree

HERE = Origin("test", "shipped in", "an archive")
CAPABILITY = "security.capability=0x0100000200200000000000000000000000000000"
EVERYTHING = f"""
    d 1777 0:0 /
    d 0755 0:0 /bin
    f 0755 0:0 /bin/ping 'ping' {{{CAPABILITY}}}
    h 0755 0:0 /bin/ping4 => /bin/ping {{{CAPABILITY}}}
    f 4755 0:0 /bin/su 'su'
    h 4755 0:0 /bin/sudo => /bin/su
    l 0777 0:0 /bin/sh -> su
    l 0777 0:0 /bin/far -> {"/away" * 100}
    d 0700 7:9000000 /naïve
    f 0644 0:0 /naïve/\\xe6\\x96\\x87 'x'
    f 0644 0:0 /note 'x' {{user.note=0x00ff3d0a}}
    p 0600 0:0 /queue
    d 0755 0:0 /dev
    c 0666 0:0 1,3 /dev/null
    b 0660 0:6 8,0 /dev/sda
"""


@pytest.fixture(scope="module")
def given() -> Rootfs:
    long = tree(f"f 0644 0:0 /{'d' * 120}/{'f' * 120}/{'g' * 200} 'long'")
    return Rootfs({**long, **tree(EVERYTHING)})


@pytest.fixture
def archive(given: Rootfs, tmp_path: Path) -> Path:
    (tmp_path / "x.tar").write_bytes(b"".join(blocks(given)))
    (tmp_path / "out").mkdir()
    return tmp_path / "x.tar"


@pytest.mark.parametrize("program", ["tar", "bsdtar"])
def test_they_list_it_alike(program: str, given: Rootfs, archive: Path) -> None:
    done = run([need(program), "-tf", str(archive)])
    assert done.stderr == b""
    expected = [path[1:] + "/" * isinstance(entry, Directory) or "./" for path, entry in given.items()]
    names = done.stdout.decode().replace(r"\303\257", "ï").replace(r"\346\226\207", "文").splitlines()
    assert names == ["./" if name == "/" else name for name in expected]


def unpack_by_tar(archive: Path, out: Path) -> None:
    run([need("tar"), "--xattrs", "--xattrs-include=*", "-xpf", str(archive), "-C", str(out)])


def unpack_by_bsdtar(archive: Path, out: Path) -> None:
    run([need("bsdtar"), "--xattrs", "-xpf", str(archive), "-C", str(out)])


@pytest.mark.parametrize("unpack", [unpack_by_tar, unpack_by_bsdtar])
def test_they_unpack_it_to_the_same_tree(
    unpack: Callable[[Path, Path], None], given: Rootfs, archive: Path, tmp_path: Path
) -> None:
    need_root("making devices and giving files away")
    unpack(archive, tmp_path / "out")
    assert listed(scan(tmp_path / "out", HERE)) == listed(given)


def test_tarfile_unpacks_it_to_the_same_tree(given: Rootfs, archive: Path, tmp_path: Path) -> None:
    need_root("making devices and giving files away")
    with tarfile.open(archive) as opened:
        if hasattr(tarfile, "fully_trusted_filter"):
            opened.extraction_filter = tarfile.fully_trusted_filter
        opened.extractall(tmp_path / "out", numeric_owner=True)  # noqa: S202  our own archive
    # It knows no attributes.
    assert listed(scan(tmp_path / "out", HERE)) == re.sub(r" \{.*\}", "", listed(given))


MOMENTS = (0, 1, 999_999_999, 1_700_000_000_123_456_789, 8**11 * 10**9 + 5, -2_000_000_000)


@pytest.mark.parametrize(
    ("unpack", "moments"),
    [
        (unpack_by_tar, (*MOMENTS, -1_500_000_000)),
        (unpack_by_bsdtar, MOMENTS),  # it adds the fraction of a moment before 1970 instead of subtracting it
    ],
)
def test_they_give_back_every_moment(
    unpack: Callable[[Path, Path], None], moments: tuple[int, ...], tmp_path: Path
) -> None:
    """To the nanosecond, before 1970 and behind what ustar's field can hold, on a filesystem that can."""
    files = {tree_path(f"{number}"): File(Meta(0o644, mtime=at), Inline(b"x")) for number, at in enumerate(moments)}
    (tmp_path / "x.tar").write_bytes(b"".join(blocks(Rootfs(files))))
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "x.tar", tmp_path / "out")
    left = []
    for number, moment in enumerate(moments):
        os.utime(tmp_path / "x.tar", ns=(moment, moment))
        can = (tmp_path / "x.tar").stat().st_mtime_ns == moment
        if can:
            assert (tmp_path / "out" / f"{number}").stat().st_mtime_ns == moment
        left.append(can)
    assert sum(left) >= 4


@pytest.mark.parametrize("options", [("tar", "--format=gnu"), ("tar", "--format=pax"), ("bsdtar", "--format=pax")])
def test_what_they_pack_is_read(options: tuple[str, ...], archive: Path, tmp_path: Path) -> None:
    need_root("making devices and giving files away")
    need(options[0])
    unpack_by_tar(archive, tmp_path / "out")
    keep = ["--xattrs", "--xattrs-include=*"] if options == ("tar", "--format=pax") else []
    keep = ["--xattrs"] if options[0] == "bsdtar" else keep
    again = tmp_path / "again.tar"
    run([*options, *keep, "-C", str(tmp_path / "out"), "-cf", str(again), "."])
    expected = scan(tmp_path / "out", HERE)
    found = read_tree(again, HERE)
    assert listed(found) == (listed(expected) if keep else re.sub(r" \{.*\}", "", listed(expected)))
    if keep:
        assert {path: entry.meta for path, entry in found.items()} == {
            path: entry.meta for path, entry in expected.items()
        }


HUGE = (8 << 30) + 12_345
MODULUS = 4 << 30  # of the length in the trailer of gzip


class Sink:
    """Takes everything, keeps nothing but a count, and hands it on to a program's standard input."""

    def __init__(self, program: list[str]) -> None:
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.received = 0

    def write(self, data: Any) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self.received += len(data)
        return len(data)

    def said(self) -> str:
        out, _ = self._process.communicate()
        assert self._process.returncode == 0
        return out.decode()


def with_a_disk(folder: Path, size: int) -> Rootfs:
    """A sparse file with data at both ends of its hole, and one behind it."""
    folder.mkdir()
    with open(folder / "disk.img", "wb") as stream:
        stream.truncate(size)
        stream.write(b"begin")
        stream.seek(size - 3)
        stream.write(b"end")
    (folder / "z").write_text("behind it\n")
    return Rootfs({**scan(folder, HERE, owner=(0, 0)), ROOT: Directory(Meta(0o755))})


def packed_into(program: list[str], given: Rootfs, codec: CodecName) -> tuple[Packed, str]:
    sink = Sink(program)
    result = pack(given, sink, codec=codec)  # type: ignore[arg-type]
    assert result.size == sink.received
    return result, sink.said()


@pytest.mark.slow
def test_a_file_of_more_than_ustar_can_tell_goes_through(tmp_path: Path) -> None:
    given = with_a_disk(tmp_path / "tree", HUGE)
    names = []
    for program in ("tar", "bsdtar"):
        result, said = packed_into([need(program), "--numeric-owner", "-tvf", "-"], given, "none")
        assert result.uncompressed_size > HUGE
        rows = [line.split() for line in said.splitlines()]
        names.append([row[-1] for row in rows])
        assert str(HUGE) in rows[0]
    assert names == [["disk.img", "z"]] * 2


@pytest.mark.slow
def test_a_gzip_member_of_more_than_its_trailer_can_tell_is_read_to_its_end(tmp_path: Path) -> None:
    with open(tmp_path / "layer.gz", "w+b") as out:
        result = pack(with_a_disk(tmp_path / "tree", MODULUS + 12_345), out)
        out.seek(0)
        decoder, plain, size = zlib.decompressobj(31), hashlib.sha256(), 0
        while piece := out.read(1 << 16):
            while piece:
                data = decoder.decompress(piece, 1 << 22)
                plain.update(data)
                size += len(data)
                piece = decoder.unconsumed_tail
    assert decoder.eof
    assert decoder.unused_data == b""
    assert size == result.uncompressed_size
    assert Digest("sha256", plain.hexdigest()) == result.diff_id
