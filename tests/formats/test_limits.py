"""How far an archive may grow."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from fromscratch.errors import FormatError, TooLarge, UsageError
from fromscratch.formats.packing.decompress import expand
from fromscratch.limits import Limits, check_entries, limits, size_of, size_text

GIB = 1 << 30
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("512M", 512 << 20), ("64G", 64 * GIB), ("3KiB", 3072), ("2tb", 2 << 40), (" 10g ", 10 * GIB)],
)
def test_sizes_are_written_with_units_of_1024(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "0", "G", "-1", "1.5G", "10X", "1e9", "9" * 30, "½"])
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        size_of(text)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1M", "9" * 30, "٣"])
def test_what_is_not_a_number_of_entries_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a number of entries"):
        limits(None, text)


def test_what_nobody_says_is_the_default() -> None:
    assert limits(None, None) == Limits()
    assert limits("1G", "5") == Limits(expanded=GIB, entries=5, explicit=True)


@pytest.mark.parametrize(
    ("packed", "used", "limit"),
    [
        (0, 0, 4 * GIB),
        (10 << 20, 0, 4 * GIB),
        (100 << 20, 0, 10_000 << 20),
        (GIB, 0, 64 * GIB),
        (GIB, 60 * GIB, 4 * GIB),
        (0, 63 * GIB, GIB),
        (0, 65 * GIB, 0),
    ],
)
def test_a_blob_may_expand_to_a_hundred_times_its_size_within_the_whole(packed: int, used: int, limit: int) -> None:
    assert Limits().for_blob(packed, used).size == limit


def test_what_the_user_says_counts_as_it_stands() -> None:
    assert limits("10G", None).for_blob(1).size == 10 * GIB
    assert limits("10G", None).for_blob(GIB, 4 * GIB).size == 6 * GIB


def test_messages_tell_the_limit_and_its_flag() -> None:
    with pytest.raises(TooLarge, match=r"^it expands to more than 4 GiB, and so to more than 4096 times") as caught:
        Limits().for_blob(1 << 20).check(5 * GIB, "it")
    assert "max_expanded" in caught.value.hint
    with pytest.raises(TooLarge, match=r"^it expands to more than 1536 MiB in all$"):
        limits("1536M", None).for_blob(1).check(2 * GIB, "it")
    with pytest.raises(TooLarge, match=r"^it has more than 7 entries") as caught:
        check_entries(8, limits(None, "7"), "it")
    assert "max_entries" in caught.value.hint
    check_entries(7, limits(None, "7"), "it")
    assert size_text(1000) == "1000 bytes"


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_bomb_stops_before_it_has_filled_the_disk(name: str, tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(COMPRESSORS[name](bytes(40 << 20)))
    with pytest.raises(TooLarge, match=r"^the bomb expands to more than 10 MiB in all$"):
        expand(tmp_path / "bomb", tmp_path / "plain", title="the bomb", limits=limits("10M", None))
    assert (tmp_path / "plain").stat().st_size <= 10 << 20
    expand(tmp_path / "bomb", tmp_path / "plain", limits=limits("40M", None))
    assert (tmp_path / "plain").stat().st_size == 40 << 20


def test_many_streams_are_one_bomb(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(COMPRESSORS["zstd"](bytes(1 << 20)) * 100)
    with pytest.raises(TooLarge):
        expand(tmp_path / "bomb", tmp_path / "plain", limits=limits("99M", None))


def test_a_header_of_xz_gets_no_more_memory_than_honest_ones_need(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    (tmp_path / "x.xz").write_bytes(lzma.compress(b"x", filters=filters))
    with pytest.raises(FormatError, match=r"not a sound xz file: Memory usage limit exceeded"):
        expand(tmp_path / "x.xz", tmp_path / "plain")
    (tmp_path / "x.xz").write_bytes(lzma.compress(b"x", preset=9 | lzma.PRESET_EXTREME))
    expand(tmp_path / "x.xz", tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == b"x"
