"""Compressed files made plain."""

import bz2
import contextlib
import gzip
import lzma
import tracemalloc
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError, ImageError
from fromscratch.formats.packing.decompress import expand, kind

DATA = bytes(range(256)) * 5000 + bytes(3 << 20)


def lz4(data: bytes) -> bytes:
    from lz4 import frame

    return bytes(frame.compress(data, content_checksum=True))


def lzip(data: bytes) -> bytes:
    """One member, as the program writes it (the manual of lzip, "File format")."""
    stream = lzma.compress(
        data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 3, "lp": 0, "pb": 2}]
    )
    sizes = (zlib.crc32(data), 4), (len(data), 8), (6 + len(stream) + 20, 8)
    return b"LZIP\x01\x14" + stream + b"".join(number.to_bytes(width, "little") for number, width in sizes)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "lzip": lzip,
    "lz4": lz4,
    "none": bytes,
}
if find_spec("lz4") is None:  # the package is an extra
    del COMPRESSORS["lz4"]
PACKED = [name for name in COMPRESSORS if name != "none"]


def expanded(blob: bytes, folder: Path) -> bytes:
    (folder / "blob").write_bytes(blob)
    expand(folder / "blob", folder / "plain")
    return (folder / "plain").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compression")


@pytest.mark.parametrize("name", COMPRESSORS)
@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["nothing", "a byte", "much"])
def test_every_form_is_known_by_its_first_bytes(name: str, data: bytes, tmp_path: Path) -> None:
    assert expanded(COMPRESSORS[name](data), tmp_path) == data
    assert kind(tmp_path / "blob") == name


@pytest.mark.parametrize("name", PACKED)
def test_several_streams_are_one_file_and_zeros_behind_are_padding(name: str, tmp_path: Path) -> None:
    compress = COMPRESSORS[name]
    assert (
        expanded(compress(b"one") + compress(DATA) + compress(b"") + compress(b"two"), tmp_path)
        == b"one" + DATA + b"two"
    )
    assert expanded(compress(b"one") + bytes(400_000), tmp_path) == b"one"


def test_a_skippable_frame_of_zstd_is_skipped(tmp_path: Path) -> None:
    skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc"
    assert expanded(skippable + zstandard.compress(b"x"), tmp_path) == b"x"


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKED)
def test_memory_does_not_grow_with_the_bytes(name: str, tmp_path: Path) -> None:
    size = 100 << 20
    (tmp_path / "blob").write_bytes(COMPRESSORS[name](bytes(size)))
    tracemalloc.start()
    try:
        expand(tmp_path / "blob", tmp_path / "plain")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "plain").stat().st_size == size
    assert peak < 40 << 20


@pytest.mark.parametrize("name", PACKED)
def test_a_cut_file_is_named(name: str, tmp_path: Path) -> None:
    blob = COMPRESSORS[name](DATA)
    for length in {len(blob) - 1, len(blob) - 5, len(blob) // 2, 16}:
        with pytest.raises(FormatError, match=rf"{tmp_path}/blob is not a sound {name} file: it is cut"):
            expanded(blob[:length], tmp_path)


@pytest.mark.parametrize("name", [name for name in PACKED if name != "lzma"])  # which has no checksum
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    blob = bytearray(COMPRESSORS[name](b"hello " * 1000))
    blob[-6] ^= 0xFF
    with pytest.raises(FormatError, match=rf"{tmp_path}/blob is not a sound {name} file"):
        expanded(bytes(blob), tmp_path)


@pytest.mark.parametrize("name", PACKED)
def test_garbage_behind_a_stream_is_not_passed_over(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=f"is not a sound {name} file"):
        expanded(COMPRESSORS[name](b"hello") + b"garbage", tmp_path)


@pytest.mark.parametrize(
    ("magic", "name"), [(b"PK\x03\x04", "zip"), (b"\x02\x21\x4c\x18", "legacy lz4"), (b"\x1f\x9d\x90", "compress")]
)
def test_a_form_that_we_do_not_read_is_named(magic: bytes, name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=f"is a {name} file"):
        expanded(magic + bytes(100), tmp_path)


def test_a_dictionary_that_would_take_much_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="it needs a dictionary of 536870912 bytes"):
        expanded(b"LZIP\x01\x1d" + lzip(b"x")[6:], tmp_path)


def test_a_name_like_a_magic_is_no_compression(tmp_path: Path) -> None:
    assert expanded(b"BZhello" + bytes(505), tmp_path) == b"BZhello" + bytes(505)


@given(
    st.sampled_from(PACKED), st.lists(st.tuples(st.integers(0, 1 << 10), st.integers(1, 255)), min_size=1, max_size=3)
)
def test_flipped_bits_give_bytes_or_an_error(folder: Path, name: str, flips: list[tuple[int, int]]) -> None:
    blob = bytearray(COMPRESSORS[name](b"hello " * 50))
    for position, mask in flips:
        blob[position % len(blob)] ^= mask
    with contextlib.suppress(ImageError):
        expanded(bytes(blob), folder)
