"""Files that are often named by mistake, called what they are; made by the compiler's own tools, and by hand."""

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.elf.kinds import is_packed, unloaded_kind
from tests.engines import need
from tests.formats.elf.made import elf


def kind(raw: bytes) -> str:
    return unloaded_kind(lambda offset, size: raw[offset : offset + size])


def with_sections(raw: bytes, **types: int) -> bytes:
    """A file of 64 bits with sections of these names, written with _ for the dot, and types."""
    names = b"\0"
    rows = [b"\0" * 64]
    for name, section_type in types.items():
        rows.append(struct.pack("<IIQQQQ24x", len(names), section_type, 0, 0, 0, 0))
        names += name.replace("_", ".", 1).encode() + b"\0"
    rows.append(struct.pack("<IIQQQQ24x", 0, 3, 0, 0, len(raw), len(names)))
    made = bytearray(raw + names + b"".join(rows))
    made[40:48] = struct.pack("<Q", len(raw) + len(names))
    made[58:64] = struct.pack("<HHH", 64, len(rows), len(rows) - 1)
    return bytes(made)


def of_type(number: int, raw: bytes = elf()) -> bytes:
    return raw[:16] + bytes([number, 0]) + raw[18:]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (elf(), ""),
        (elf(interpreter="/lib64/ld.so", needed=["libc.so.6"]), ""),
        (b"#!/bin/sh\n" * 9, ""),
        (b"\x7fELF", ""),
        (of_type(4), "a core dump"),
        (of_type(1), "an object file, which no loader takes"),
        (with_sections(of_type(1), _modinfo=1), "a kernel module, which the kernel loads"),
        (elf(os_abi=9), "a file for FreeBSD, which Linux does not load"),
        (with_sections(elf(), _text=8, _debug_info=1), "debug information that was split off a program or library"),
        (with_sections(elf(), _text=1, _debug_info=1), ""),
        (with_sections(elf(), _text=8), ""),
    ],
)
def test_what_no_loader_takes_is_called_what_it_is(raw: bytes, expected: str) -> None:
    assert kind(raw) == expected


def test_debug_files_of_objcopy_are_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int main(void) { return 0; }")
    subprocess.run([need("gcc"), "-g", "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    subprocess.run([need("objcopy"), "--only-keep-debug", tmp_path / "a", tmp_path / "a.debug"], check=True)
    assert kind((tmp_path / "a").read_bytes()) == ""
    assert kind((tmp_path / "a.debug").read_bytes()).startswith("debug information")


def test_a_program_that_upx_has_packed_says_so_at_its_start() -> None:
    assert is_packed(lambda offset, size: b"\x7fELF...UPX!..."[offset : offset + size])
    assert not is_packed(lambda offset, size: elf()[offset : offset + size])


@given(st.binary(max_size=200), st.integers(0, 63), st.binary(max_size=8))
def test_any_damage_is_read_without_an_exception(tail: bytes, place: int, change: bytes) -> None:
    raw = bytearray(with_sections(of_type(1), _modinfo=1))
    raw[place : place + len(change)] = change
    kind(bytes(raw))
    kind(b"\x7fELF" + tail)
