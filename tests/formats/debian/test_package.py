"""deb(5): where the archives lie, and what a damaged package is told to be."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.debian.package import control_files, expand_data, layout
from tests.formats.debian import packages as debs

CONTROL = "Package: hello\nVersion: 1-1\nArchitecture: amd64\n"
FILES = {"usr": None, "usr/bin": None, "usr/bin/hello@755": b"\x7fELF" * 100, "usr/bin/hi": "hello"}
PARTS = {"debian-binary": b"2.0\n", "control.tar": debs.tar({"control": b"x"}), "data.tar": debs.tar({})}


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "hello_1-1_amd64.deb"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", list(debs.PACKERS))
def test_every_compression(tmp_path: Path, suffix: str) -> None:
    package = written(tmp_path, debs.deb(CONTROL, FILES, extra={"md5sums": b"0  usr/bin/hello\n"}, suffix=suffix))
    assert control_files(package) == {"control": CONTROL.encode(), "md5sums": b"0  usr/bin/hello\n"}
    expand_data(package, tmp_path / "data.tar")
    assert (tmp_path / "data.tar").read_bytes() == debs.tar(FILES)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_several_compressed_streams_in_a_row(tmp_path: Path, suffix: str) -> None:
    data, pack = debs.tar(FILES), debs.PACKERS[suffix]
    packed = pack(data[:1000]) + pack(data[1000:])
    package = written(tmp_path, debs.ar({**PARTS, "data.tar": b""} | {f"data.tar{suffix}": packed}))
    with pytest.raises(FormatError, match=r"data\.tar"):
        control_files(written(tmp_path, debs.ar({"debian-binary": b"2.0\n", f"data.tar{suffix}": packed})))
    package = written(
        tmp_path,
        debs.ar({"debian-binary": b"2.0\n", "control.tar": PARTS["control.tar"], f"data.tar{suffix}": packed}),
    )
    expand_data(package, tmp_path / "data.tar")
    assert (tmp_path / "data.tar").read_bytes() == data


def test_extensions_and_slashes_are_read_over(tmp_path: Path) -> None:
    package = written(
        tmp_path,
        debs.ar(
            {
                "debian-binary/": b"2.7\nmore\n",
                "_note": b"odd",
                "control.tar": PARTS["control.tar"],
                "data.tar/": b"",
                "later": b"",
            }
        ),
    )
    assert layout(package).data.size == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not start as an ar archive"),
        (b"PK\3\4", "does not start as an ar archive"),
        (debs.ar({}), "does not begin with debian-binary"),
        (debs.ar({"control.tar": b""}), "does not begin with debian-binary"),
        (debs.ar({"debian-binary": b"3.0\n"}), r"unknown format b'3\.0'"),
        (debs.ar({"debian-binary": b"2.0\n"}), r"ends before its control\.tar"),
        (debs.ar({"debian-binary": b"2.0\n", "control.tar": b""}), r"ends before its data\.tar"),
        (debs.ar({"debian-binary": b"2.0\n", "data.tar": b""}), r"member data\.tar out of order"),
        (debs.ar(PARTS)[:-1], r"its member data\.tar is cut: \d+ of \d+ bytes"),
        (debs.ar(PARTS)[:100], r"damaged ar header at byte 72"),
        (debs.ar(PARTS).replace(b"`\n", b"'\n"), r"damaged ar header at byte 8"),
    ],
)
def test_damaged(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=rf"hello_1-1_amd64\.deb.* {message}|{message}"):
        layout(written(tmp_path, data))


@pytest.mark.parametrize(
    ("member", "data", "message"),
    [
        ("control.tar", debs.tar({}), "holds no file named control"),
        ("control.tar", b"no tar" * 200, "is not a tar archive"),
        ("control.tar.gz", b"no gzip", "cannot be decompressed"),
        ("control.tar.xz", debs.PACKERS[".xz"](PARTS["control.tar"])[:-20], "cannot be decompressed"),
        ("control.tar.zst", debs.PACKERS[".zst"](PARTS["control.tar"])[:-5], "cannot be decompressed"),
        ("control.tar.rar", b"Rar!", "has the unknown compression .rar"),
    ],
)
def test_damaged_member(tmp_path: Path, member: str, data: bytes, message: str) -> None:
    package = written(tmp_path, debs.ar({"debian-binary": b"2.0\n", member: data, "data.tar": b""}))
    with pytest.raises(FormatError, match=rf"hello_1-1_amd64\.deb: its member {member} {message}"):
        control_files(package)


def test_a_control_file_that_says_to_be_larger_than_its_archive(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("control")
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 50)}
    entry.size = 512
    packed = entry.tobuf(tarfile.PAX_FORMAT) + b"1\n0\n0\n".ljust(512, b"\0") + bytes(1024)
    package = written(tmp_path, debs.ar({**PARTS, "control.tar": packed}))
    with pytest.raises(FormatError, match="which is larger than itself"):
        control_files(package)


@pytest.mark.parametrize("suffix", list(debs.PACKERS))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cut_and_any_flipped_byte_is_a_format_error_or_nothing(
    tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    whole = debs.deb(CONTROL, FILES, suffix=suffix)
    cut = data.draw(st.integers(0, len(whole)))
    raw = bytearray(whole[:cut])
    if raw:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(0, 255))
    package = written(tmp_path, bytes(raw))
    for read in (control_files, lambda path: expand_data(path, tmp_path / "data.tar")):
        assert isinstance(read_or_refused(read, package), FormatError | None)


def read_or_refused(read: Callable[[Path], object], package: Path) -> Exception | None:
    try:
        read(package)
    except FormatError as error:
        return error if "hello_1-1_amd64.deb" in error.message and error.hint else AssertionError(error)
    return None
