"""locale-archive, as localedef writes it."""

import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import Read
from fromscratch.formats.glibc import locale_archive
from tests.engines import missing, need


def reading(raw: bytes) -> Read:
    return lambda offset, size: raw[offset : offset + size]


def archive(order: str = "<") -> bytes:
    """One locale, aa, whose categories are their numbers; LC_ALL and LC_NAME have none."""
    strings, record, data = 56 + 24, 56 + 24 + 8, 56 + 24 + 8 + 108
    header = struct.pack(f"{order}14I", locale_archive.MAGIC, 1, 56, 1, 2, strings, 8, 8, record, 108, 108, 0, 0, 0)
    table = struct.pack(f"{order}6I", 0, 0, 0, 7, strings + 1, record)
    sizes = [0 if number in (6, 8) else 1 for number in range(13)]
    places = [word for number, size in enumerate(sizes) for word in (data + number, size)]
    return header + table + b"\0aa\0\0\0\0\0" + struct.pack(f"{order}27I", 1, *places) + bytes(range(13))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_locale_is_read_in_either_byte_order(order: str) -> None:
    read = reading(archive(order))
    known = locale_archive.names(read)
    assert list(known) == ["aa"]
    assert dict(locale_archive.locale(read, known["aa"])) == {
        "LC_CTYPE": b"\0",
        "LC_NUMERIC": b"\1",
        "LC_TIME": b"\2",
        "LC_COLLATE": b"\3",
        "LC_MONETARY": b"\4",
        "LC_MESSAGES/SYS_LC_MESSAGES": b"\5",
        "LC_PAPER": b"\7",
        "LC_ADDRESS": b"\x09",
        "LC_TELEPHONE": b"\x0a",
        "LC_MEASUREMENT": b"\x0b",
        "LC_IDENTIFICATION": b"\x0c",
    }


def all_of(raw: bytes) -> None:
    read = reading(raw)
    for record in locale_archive.names(read).values():
        for _ in locale_archive.locale(read, record):
            pass


@given(st.integers(0, len(archive()) - 1))
def test_a_cut_archive_is_refused(length: int) -> None:
    with pytest.raises(FormatError):
        all_of(archive()[:length])


@given(st.integers(0, len(archive()) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_archive_is_read_or_refused(place: int, damage: bytes) -> None:
    whole = archive()
    with suppress(FormatError):
        all_of(whole[:place] + damage + whole[place + len(damage) :])


@given(st.binary())
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        all_of(raw)


@pytest.mark.slow
def test_localedef_s_archive_has_the_files_of_its_folders(tmp_path: Path) -> None:
    """Two locales, so that they share what they have alike."""
    if not Path("/usr/share/i18n/locales/de_DE").exists():
        missing("the sources of locales are not on this machine")
    (tmp_path / "usr/lib/locale").mkdir(parents=True)
    for name in ("de_DE", "de_AT"):
        command = [need("localedef"), "-i", name, "-f", "UTF-8"]
        subprocess.run([*command, f"--prefix={tmp_path}", f"{name}.UTF-8"], check=True)
        subprocess.run([*command, "--no-archive", tmp_path / f"{name}.utf8"], check=True)
    read = reading((tmp_path / "usr/lib/locale/locale-archive").read_bytes())
    known = locale_archive.names(read)
    assert {"de_DE.utf8", "de_AT.utf8"} <= set(known)
    for name in ("de_DE.utf8", "de_AT.utf8"):
        folder = tmp_path / name
        files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        assert dict(locale_archive.locale(read, known[name])) == files
        assert len(files) == 12
