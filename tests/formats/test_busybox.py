"""busybox's applets, from bytes that look like its read-only data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.busybox import applets

PLACES = {"/": 0, "/bin": 1, "/sbin": 2, "/usr/bin": 3, "/usr/sbin": 4}
TABLE = {
    "[": "/usr/bin",
    "[[": "/usr/bin",
    "ash": "/bin",
    "busybox": "/bin",
    "cat": "/bin",
    "chroot": "/usr/sbin",
    "init": "/sbin",
    "linuxrc": "/",
    "zcat": "/bin",
}


def names(table: dict[str, str]) -> bytes:
    return b"".join(name.encode() + b"\0" for name in table) + b"\0"


def places(table: dict[str, str]) -> bytes:
    numbers = [PLACES[folder] for folder in table.values()]
    numbers += [0] * (len(numbers) % 2)
    return bytes(low | high << 4 for low, high in zip(numbers[::2], numbers[1::2], strict=True))


def read(binary: bytes) -> dict[str, str | None]:
    return {applet.name: applet.folder for applet in applets(binary)}


def test_names_and_folders() -> None:
    binary = b"\x7fELF\xff" + places(TABLE) + b"\xff usage:\n\0BusyBox\0" + names(TABLE) + b"/bin/sh\0"
    assert read(binary) == TABLE


def test_the_table_of_folders_may_lie_among_zeros() -> None:
    assert read(bytes(100) + places(TABLE) + bytes(100) + names(TABLE)) == TABLE


def test_without_a_table_of_folders() -> None:
    assert read(b"\x7fELF\0" + names(TABLE)) == dict.fromkeys(TABLE)


def test_two_tables_that_differ_tell_nothing() -> None:
    other = places({**TABLE, "zcat": "/usr/bin"})
    assert set(read(places(TABLE) + b"\xff" + other + b"\xff\0" + names(TABLE)).values()) == {None}


def test_a_string_before_the_names_is_none_of_them() -> None:
    assert list(read(b"\0" + b"0\0" + names(TABLE))) == list(TABLE)


@pytest.mark.parametrize("binary", [b"", b"\0", b"busybox", b"\x7fELF no names here\0", b"\0\0\0"])
def test_no_busybox(binary: bytes) -> None:
    assert applets(binary) == ()


@given(st.binary(max_size=150), st.binary(max_size=150))
def test_any_bytes(before: bytes, after: bytes) -> None:
    for applet in applets(before + b"\0busybox\0" + after):
        assert applet.name
        assert "/" not in applet.name
