"""Trees as image layers: the same bytes for any number of threads, and no failure that gets lost."""

import gzip
import hashlib
import io
import os
import platform
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, IntegrityError, MissingTool
from fromscratch.formats.packing import codec as codecs
from fromscratch.formats.packing.codec import CodecName
from fromscratch.formats.packing.decompress import expand
from fromscratch.formats.packing.layer import pack
from fromscratch.formats.tar.writer import blocks, estimated_size
from fromscratch.host.machine.scan import scan
from fromscratch.host.process.run import environment, find, run
from fromscratch.model.content import ArchiveMember, HostFile, Inline
from fromscratch.model.entry import File, Meta, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.engines import missing, need
from tests.trees import tree

CODECS: tuple[CodecName, ...] = ("gzip", "zstd", "smallest", "none")
# zstd at its last level takes seconds where the others take a moment.
EACH_CODEC = [pytest.param(each, marks=pytest.mark.slow if each == "smallest" else ()) for each in CODECS]
HERE = Origin("test", "found in", "here")


@pytest.fixture(scope="module")
def large() -> Rootfs:
    """Nine blocks and a bit: text that repeats, noise, and zeros."""
    words = b" ".join(b"%d bottles" % number for number in range(300_000))
    noise = hashlib.shake_256(b"noise").digest(2 << 20)
    parts = {"words": words, "noise": noise, "zeros": bytes(3_000_001), "small": b"hello\n"}
    return Rootfs({tree_path(name): File(Meta(0o644), Inline(data)) for name, data in parts.items()})


def packed(given: Rootfs, codec: CodecName = "gzip", threads: int = 2) -> bytes:
    out = io.BytesIO()
    pack(given, out, codec=codec, threads=threads)
    return out.getvalue()


def plain(given: Rootfs) -> bytes:
    return b"".join(blocks(given))


@pytest.mark.parametrize("codec", EACH_CODEC)
def test_any_number_of_threads_gives_the_same_bytes(codec: CodecName, large: Rootfs) -> None:
    assert len({packed(large, codec, threads) for threads in (1, 2, 3, 8)}) == 1


PACKED = """
import hashlib, io, sys
from fromscratch.formats.packing.layer import pack
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
words = b" ".join(b"%d bottles" % number for number in range(100_000))
noise = hashlib.shake_256(b"noise").digest(1 << 20)
parts = {"words": words, "noise": noise, "again": words[::-1], "zeros": bytes(300_001)}
tree = Rootfs({tree_path(name): File(Meta(0o644), Inline(data)) for name, data in parts.items()})
for codec in ("gzip", "zstd", "none"):
    print(codec, pack(tree, io.BytesIO(), codec=codec, threads=int(sys.argv[1])).digest)
"""


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_bytes() -> None:
    said = set()
    for threads in (1, 3, 8):
        for seed in ("0", "4711"):
            done = run([sys.executable, "-c", PACKED, str(threads)], env=environment({"PYTHONHASHSEED": seed}))
            said.add(done.stdout)
    assert len(said) == 1
    assert len(said.pop().splitlines()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("cpu", ["qemu64", "Nehalem", "Haswell"])
def test_every_cpu_gives_the_same_bytes(cpu: str) -> None:
    """From one with SSE2 alone to one with AVX2: each has functions of its own in the libraries."""
    if platform.machine() != "x86_64":
        missing("this is no x86_64 machine, whose CPUs this test plays")
    played = [need("qemu-x86_64-static"), "-cpu", cpu, sys.executable]
    there = run([*played, "-c", PACKED, "2"], env=environment()).stdout
    assert there == run([sys.executable, "-c", PACKED, "2"], env=environment()).stdout


def test_gzip_is_one_member_that_everyone_reads(large: Rootfs, tmp_path: Path) -> None:
    blob = packed(large)
    assert gzip.decompress(blob) == plain(large)
    decoder = codecs.deflate_library()[0].decompressobj(31)
    assert decoder.decompress(blob) == plain(large)
    assert (decoder.eof, decoder.unused_data) == (True, b"")
    (tmp_path / "layer.gz").write_bytes(blob)
    if find("gzip"):
        run(["gzip", "-t", str(tmp_path / "layer.gz")])
    expand(tmp_path / "layer.gz", tmp_path / "layer.tar")
    assert (tmp_path / "layer.tar").read_bytes() == plain(large)


def test_gzip_tells_no_time_name_or_system(large: Rootfs) -> None:
    assert packed(large)[:10] == bytes.fromhex("1f8b 08 00 00000000 00 ff")


def test_zstd_is_read_as_one_stream(large: Rootfs, tmp_path: Path) -> None:
    blob = packed(large, "zstd")
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(blob), read_across_frames=True) as reader:
        assert reader.read() == plain(large)
    (tmp_path / "layer.zst").write_bytes(blob)
    if find("zstd"):
        run(["zstd", "-t", str(tmp_path / "layer.zst")])


@pytest.mark.parametrize("codec", EACH_CODEC)
def test_the_digests_and_sizes_are_those_of_the_bytes(codec: CodecName, large: Rootfs) -> None:
    out = io.BytesIO()
    result = pack(large, out, codec=codec)
    assert result.digest == Digest.of(out.getvalue())
    assert result.size == len(out.getvalue())
    assert result.diff_id == Digest.of(plain(large))
    assert result.uncompressed_size == len(plain(large))


def test_a_tar_of_one_block_is_packed_harder(large: Rootfs) -> None:
    small = Rootfs({tree_path("a"): File(Meta(0o644), Inline(b"a" * (1 << 19)))})
    assert pack(small, io.BytesIO()).codec.endswith(" level 9")
    assert pack(small, io.BytesIO(), codec="zstd").codec.endswith(" level 19")
    assert pack(small, io.BytesIO(), level=6).codec.endswith(" level 6")
    assert pack(large, io.BytesIO()).codec.endswith(" level 5")


@pytest.mark.slow
def test_smallest_is_zstd_at_its_level_22_for_trees_of_any_size(large: Rootfs) -> None:
    packs = {codec: pack(large, io.BytesIO(), codec=codec) for codec in CODECS}
    assert packs["smallest"].codec.endswith(" level 22")
    assert packs["zstd"].codec.endswith(" level 3")
    assert packs["smallest"].diff_id == packs["zstd"].diff_id


def test_what_is_recorded_of_the_codec() -> None:
    results = {codec: pack(Rootfs(), io.BytesIO(), codec=codec) for codec in CODECS}
    assert {codec: result.media_type.rpartition(".")[2] for codec, result in results.items()} == {
        "gzip": "tar+gzip",
        "zstd": "tar+zstd",
        "smallest": "tar+zstd",
        "none": "tar",
    }
    assert results["none"].media_type == "application/vnd.oci.image.layer.v1.tar"
    assert re.fullmatch(r"gzip zlib(-ng)? [0-9.]+ level 9", results["gzip"].codec)
    assert results["zstd"].codec.endswith(" level 19")
    assert results["none"].codec == "none"


WITHOUT_ZLIB_NG = """
import gzip, importlib.abc, io, sys

class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "zlib_ng":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
from fromscratch.formats.packing.layer import pack
from fromscratch.formats.tar.writer import blocks
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path

text = b" ".join(b"%d bottles" % number for number in range(300_000))
tree = Rootfs({tree_path("words"): File(Meta(0o644), Inline(text))})
out = io.BytesIO()
print(pack(tree, out, threads=3).codec)
assert gzip.decompress(out.getvalue()) == b"".join(blocks(tree))
assert "zlib_ng" not in sys.modules
"""


def test_without_zlib_ng_the_standard_library_takes_its_place() -> None:
    done = run([sys.executable, "-c", WITHOUT_ZLIB_NG], env=environment())
    assert re.fullmatch(r"gzip zlib 1\.[0-9.]+ level 6", done.stdout.decode().strip())


def test_the_fast_codec_is_gzip_and_says_that_its_digest_may_vary(large: Rootfs) -> None:
    out = io.BytesIO()
    result = pack(large, out, codec="fast")
    assert gzip.decompress(out.getvalue()) == plain(large)
    assert result.digest == Digest.of(out.getvalue())
    assert result.media_type == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert re.fullmatch(r"gzip isal [0-9.]+ level 1, digest may vary", result.codec)
    assert result.diff_id == pack(large, io.BytesIO()).diff_id


def test_without_isal_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isal", None)
    with pytest.raises(MissingTool) as caught:
        packed(Rootfs(), "fast")
    assert "pip install isal" in caught.value.hint


def test_only_the_library_that_is_used_is_imported() -> None:
    code = "import sys; from fromscratch.formats.packing import layer; print(*sorted(sys.modules))"
    loaded = run([sys.executable, "-c", code], env=environment()).stdout.decode().split()
    assert "fromscratch.formats.packing.layer" in loaded
    spared = {"isal", "zlib_ng", "zstandard", "concurrent.futures", "logging", "fromscratch.formats.tar.reader"}
    assert not spared & set(loaded)


def test_without_zstandard_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingTool) as caught:
        packed(Rootfs(), "zstd")
    assert "pip install zstandard" in caught.value.hint


def test_a_level_can_be_asked_for(large: Rootfs) -> None:
    out = io.BytesIO()
    assert pack(large, out, level=1).codec.endswith(" level 1")
    assert gzip.decompress(out.getvalue()) == plain(large)


def test_progress_counts_the_bytes_of_the_tar(large: Rootfs) -> None:
    class Counting:
        done = total = 0

        def advance(self, amount: int) -> None:
            self.done += amount

        def expect(self, total: int) -> None:
            self.total = total

        def pulse(self, text: str = "", left: float | None = None) -> None: ...

        def describe(self, text: str) -> None: ...

    task = Counting()
    pack(large, io.BytesIO(), progress_task=task)
    assert task.done == task.total == estimated_size(large) == len(plain(large))


def test_a_raw_stream_that_takes_less_at_once_gets_all(large: Rootfs) -> None:
    class Narrow(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += data[:70_000]
            return len(data[:70_000])

    out = Narrow()
    pack(large, out, codec="none")  # type: ignore[arg-type]
    assert bytes(out.data) == plain(large)


# What fails.


@pytest.mark.parametrize("name", [".wh.motd", ".wh..wh..opq", ".wh."])
def test_a_name_that_engines_take_as_a_deletion_is_refused(name: str) -> None:
    with pytest.raises(ImageError, match=rf"cannot hold /etc/{name}"):
        packed(tree(f"f 0644 0:0 /etc/{name}"))
    assert packed(tree("f 0644 0:0 /etc/x.wh.y"))


@pytest.mark.parametrize("codec", EACH_CODEC)
@pytest.mark.parametrize("change", [100, 5 << 20])
def test_a_file_that_changes_stops_the_pack_and_is_named(codec: CodecName, change: int, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "log").write_bytes(bytes(3 << 20))
    given = scan(tmp_path / "tree", HERE)
    os.truncate(tmp_path / "tree" / "log", change)
    with pytest.raises(IntegrityError, match="tree/log changed"):
        packed(given, codec)
    assert threads_left() == []


@pytest.mark.parametrize("codec", EACH_CODEC)
def test_a_cut_archive_in_the_store_stops_the_pack(codec: CodecName, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(bytes(2 << 20))
    given = Rootfs({tree_path("x"): File(Meta(0o644), ArchiveMember(tmp_path / "x.tar", 512, 2 << 20))})
    with pytest.raises(IntegrityError, match=r"x\.tar changed"):
        packed(given, codec)


def test_a_file_that_is_gone_stops_the_pack(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"cannot read .*/gone"):
        packed(Rootfs({tree_path("x"): File(Meta(0o644), HostFile(tmp_path / "gone", 3, 0, 0, 0))}))


class Full(io.RawIOBase):
    """A disk with room for 100 kB."""

    def __init__(self, error: BaseException) -> None:
        self.room, self.error = 100_000, error

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise self.error
        return len(data)


@pytest.mark.parametrize("codec", EACH_CODEC)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_the_output_raises_comes_out_as_it_is(codec: CodecName, error: BaseException, large: Rootfs) -> None:
    with pytest.raises(type(error)) as caught:
        pack(large, Full(error), codec=codec)  # type: ignore[arg-type]
    assert caught.value is error
    assert threads_left() == []


@pytest.mark.parametrize("method", ["compress", "checksum"])
def test_what_a_thread_raises_comes_out_as_it_is(method: str, large: Rootfs, monkeypatch: pytest.MonkeyPatch) -> None:
    error = MemoryError("no room for the window")

    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(codecs.Gzip, method, fail)
    with pytest.raises(MemoryError) as caught:
        packed(large)
    assert caught.value is error
    assert threads_left() == []


_others: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def _those_of_other_tests() -> None:
    """Threads whose end was interrupted on purpose are there until the process ends."""
    _others.clear()
    _others.update(threading.enumerate())


def threads_left() -> list[str]:
    ours = set(threading.enumerate()) - _others
    return [thread.name for thread in ours if thread.name.startswith(("diff-id", "compress"))]


INTERRUPTED = """
import os, signal, sys, threading
from fromscratch.formats.packing.layer import pack
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path

noise = os.urandom(1 << 20)
tree = Rootfs({tree_path(str(number)): File(Meta(0o644), Inline(noise)) for number in range(5000)})
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    with open(os.devnull, "wb") as out:
        pack(tree, out)
except KeyboardInterrupt:
    sys.exit(7)
"""


def test_an_interruption_ends_it_at_once() -> None:
    assert run([sys.executable, "-c", INTERRUPTED], check=False, timeout=120, env=environment()).returncode == 7


MEMORY = """
import resource, sys, tempfile
from pathlib import Path
from fromscratch.formats.packing.layer import pack
from fromscratch.model.content import HostFile
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "big")
    with open(path, "wb") as stream:
        stream.truncate(400 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = HostFile.of(path, path.stat())
    with open("/dev/null", "wb") as out:
        pack(Rootfs({tree_path("big"): File(Meta(0o644), content)}), out, codec=sys.argv[1])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "most"), [("none", 16), ("gzip", 24), ("zstd", 64)])
def test_memory_does_not_grow_with_the_bytes_packed(codec: str, most: int) -> None:
    grown = int(run([sys.executable, "-c", MEMORY, codec]).stdout)
    assert grown >> 10 <= most
