"""What versions an object needs of others, and which it provides."""

import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DT_VERDEF, DT_VERNEED, read_elf
from fromscratch.formats.elf.versions import Need, needs, provides
from tests.formats.elf.files import machine_files, opened, sample
from tests.formats.elf.made import S390, Bits, elf, reader

PROGRAM = elf(
    needed=["libone.so", "libc.so.6"],
    needs_versions={"libone.so": ["ONE_1", "ONE_2"], "libc.so.6": ["GLIBC_2.38"]},
    weak_versions=["ONE_2"],
)


@pytest.mark.parametrize(("bits", "big"), [(32, False), (32, True), (64, False), (64, True)])
def test_needs_name_the_file_the_version_and_whether_it_is_weak(bits: Bits, big: bool) -> None:
    raw = elf(
        bits=bits,
        big=big,
        machine=S390,
        needed=["libone.so", "libc.so.6"],
        needs_versions={"libone.so": ["ONE_1", "ONE_2"], "libc.so.6": ["GLIBC_2.38"]},
        weak_versions=["ONE_2"],
    )
    assert needs(read_elf(reader(raw)), reader(raw)) == (
        Need("libone.so", "ONE_1", False),
        Need("libone.so", "ONE_2", True),
        Need("libc.so.6", "GLIBC_2.38", False),
    )


@pytest.mark.parametrize(("bits", "big"), [(32, False), (32, True), (64, False), (64, True)])
def test_a_library_provides_its_versions_and_its_base(bits: Bits, big: bool) -> None:
    raw = elf(bits=bits, big=big, machine=S390, soname="libone.so", provides_versions=["ONE_1", "ONE_2"])
    assert provides(read_elf(reader(raw)), reader(raw)) == frozenset({"libone.so", "ONE_1", "ONE_2"})


def test_an_object_without_versions_needs_none_and_provides_not_even_an_empty_set() -> None:
    raw = elf(soname="libone.so")
    assert needs(read_elf(reader(raw)), reader(raw)) == ()
    assert provides(read_elf(reader(raw)), reader(raw)) is None


def test_tables_longer_than_what_is_read_at_first_are_read_to_their_end() -> None:
    versions = [f"ONE_{number}" for number in range(3000)]
    raw = elf(needed=["libone.so"], needs_versions={"libone.so": versions}, provides_versions=versions)
    assert [need.version for need in needs(read_elf(reader(raw)), reader(raw))] == versions
    assert provides(read_elf(reader(raw)), reader(raw)) == frozenset({"", *versions})


def damaged(raw: bytes, tag: int, at: int, form: str, value: int) -> bytes:
    """The file with another value at some place of the table that the tag leads to."""
    facts = read_elf(reader(raw))
    address = facts.tag(tag)
    assert address is not None
    out = bytearray(raw)
    struct.pack_into(f"<{form}", out, facts.offset(address) + at, value)
    return bytes(out)


@pytest.mark.parametrize(
    ("at", "form", "value", "message"),
    [
        (0, "H", 2, "unknown revision 2"),
        (8, "I", 0x7FFFFFFF, "beyond its end"),  # vn_aux
        (12, "I", 0x7FFFFFFF, "beyond its end"),  # vn_next
        (16 + 12, "I", 0xFFFFFFF0, "beyond its end"),  # vna_next, which no loader takes for a way back
        (16 + 8, "I", 0x7FFFFFFF, "no end"),  # vna_name
    ],
)
def test_needs_that_lead_astray_are_refused(at: int, form: str, value: int, message: str) -> None:
    raw = damaged(PROGRAM, DT_VERNEED, at, form, value)
    with pytest.raises(FormatError, match=message):
        needs(read_elf(reader(raw)), reader(raw))


@pytest.mark.parametrize(
    ("at", "form", "value", "message"),
    [(0, "H", 0, "unknown revision 0"), (12, "I", 1 << 30, "beyond its end"), (16, "I", 1 << 30, "beyond its end")],
)
def test_definitions_that_lead_astray_are_refused(at: int, form: str, value: int, message: str) -> None:
    raw = damaged(elf(soname="libone.so", provides_versions=["ONE_1"]), DT_VERDEF, at, form, value)
    with pytest.raises(FormatError, match=message):
        provides(read_elf(reader(raw)), reader(raw))


def test_lists_that_share_their_rows_end_where_no_program_has_more_versions() -> None:
    facts = read_elf(reader(PROGRAM))
    place = facts.offset(facts.tag(DT_VERNEED) or 0)
    row = struct.pack("<IIII", 0x10001, 0, 16, 16)  # a need, whose first version is the next need, and so on
    with pytest.raises(FormatError, match="beyond its end"):
        needs(facts, lambda offset, size: (PROGRAM[:place] + row * 70_000)[offset : offset + size])


def versions_by_pyelftools(path: Path) -> tuple[tuple[Need, ...], frozenset[str] | None]:
    needed: list[Need] = []
    provided: frozenset[str] | None = None
    with open(path, "rb") as stream:
        for section in ELFFile(stream).iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for file, versions in section.iter_versions():
                    needed += [
                        Need(str(file.name), str(each.name), bool(each.entry["vna_flags"] & 2)) for each in versions
                    ]
            if isinstance(section, GNUVerDefSection):
                provided = frozenset(next(iter(names)).name for _, names in section.iter_versions())
    return tuple(needed), provided


def compare_versions(files: Iterable[Path]) -> tuple[int, int]:
    count = total = 0
    for path in files:
        with opened(path) as (facts, read):
            ours = needs(facts, read), provides(facts, read)
        assert ours == versions_by_pyelftools(path), path
        count, total = count + 1, total + len(ours[0]) + len(ours[1] or ())
    return count, total


def test_some_files_of_this_machine_have_the_versions_that_pyelftools_finds() -> None:
    assert compare_versions(sample())[1] > 0


@pytest.mark.slow
def test_all_files_of_this_machine_have_the_versions_that_pyelftools_finds(capsys: pytest.CaptureFixture[str]) -> None:
    count, total = compare_versions(machine_files())
    with capsys.disabled():
        print(f"{count} files have the same {total} versions by pyelftools")
