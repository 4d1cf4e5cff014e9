"""ELF headers and dynamic sections: of every class and byte order, of this machine's files, and of damaged ones."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DT_NEEDED, DT_STRTAB, ET_DYN, ET_EXEC, Elf, NotElf, Read, read_elf, strings
from fromscratch.formats.elf.notes import dlopen_notes, notes
from fromscratch.formats.elf.platform import platform_of, platform_word, same_abi
from fromscratch.formats.elf.symbols import imported
from fromscratch.formats.elf.versions import needs, provides
from fromscratch.linker.static import recognise
from tests.formats.elf.files import machine_files, opened, sample
from tests.formats.elf.made import AARCH64, ARM, I386, MIPS, PPC64, S390, X86_64, Bits, elf, reader

BOTH = [(32, False), (32, True), (64, False), (64, True)]


@pytest.mark.parametrize(("bits", "big"), BOTH)
def test_a_library_tells_its_facts_in_every_class_and_byte_order(bits: Bits, big: bool) -> None:
    raw = elf(
        bits=bits,
        big=big,
        machine=PPC64,
        flags=2,
        soname="libone.so.1",
        needed=["libtwo.so.2", "libc.so.6"],
        rpath="/opt/lib",
        runpath="$ORIGIN/../lib:/opt",
        filters=["libfilter.so"],
        auxiliaries=["libaux.so", "libmore.so"],
        flags_1=0x800,
    )
    facts = read_elf(reader(raw))
    assert facts[:14] == (
        *(bits, big, PPC64, 2, ET_DYN, 0, None, "libone.so.1", ("libtwo.so.2", "libc.so.6")),
        *("/opt/lib", "$ORIGIN/../lib:/opt", ("libfilter.so",), ("libaux.so", "libmore.so"), 0x800),
    )
    assert facts.order == (">" if big else "<")
    assert not facts.is_program


def test_a_program_is_what_has_an_interpreter_or_is_static() -> None:
    dynamic = read_elf(reader(elf(type="exec", interpreter="/lib64/ld-linux-x86-64.so.2", needed=["libc.so.6"])))
    assert (dynamic.interpreter, dynamic.is_program, dynamic.is_static) == ("/lib64/ld-linux-x86-64.so.2", True, False)
    static = read_elf(reader(elf(type="exec")))
    assert (static.type, static.is_program, static.is_static, static.dynamic) == (ET_EXEC, True, True, ())
    static_pie = read_elf(reader(elf(flags_1=0x08000000)))
    assert static_pie.is_program
    assert static_pie.is_static
    library = read_elf(reader(elf(soname="libone.so")))
    assert not library.is_program
    assert not library.is_static


def test_names_that_are_not_utf_8_survive() -> None:
    facts = read_elf(reader(elf(soname="lib\udcff.so", needed=["\udce4.so"])))
    assert (facts.soname, facts.needed) == ("lib\udcff.so", ("\udce4.so",))


def test_of_several_entries_with_one_tag_the_last_counts_as_it_does_for_the_loader() -> None:
    facts = read_elf(reader(elf(needed=["liba.so", "libb.so"])))
    table = facts.tag(DT_STRTAB)
    assert facts.tag(DT_NEEDED) == facts.dynamic[facts.dynamic.index(DT_NEEDED, 2) + 1]
    assert table is not None
    assert facts.offset(table) == table
    assert facts.tag(0x12345) is None


def test_names_far_apart_and_names_without_end_are_found_and_refused() -> None:
    raw = elf(needed=[f"lib{number:05}{'x' * 200}.so" for number in range(500)])
    assert read_elf(reader(raw)).needed[-1].startswith("lib00499x")
    far = read_elf(reader(elf(soname="libone.so", data=b"a" * 300_000)))
    with pytest.raises(FormatError, match="no end"):
        strings(far._replace(dynamic=(DT_STRTAB, far.segments[1].address + 200)), reader(b"a" * 300_000), [0])


def test_strings_that_share_their_ends_cost_no_more_memory_than_a_program_has() -> None:
    raw = elf(soname="x" * 60_000)
    facts = read_elf(reader(raw))
    start = next(facts.dynamic[place + 1] for place in range(0, len(facts.dynamic), 2) if facts.dynamic[place] == 14)
    with pytest.raises(FormatError, match="longer than any"):
        strings(facts, reader(raw), range(start, start + 59_000))


@pytest.mark.parametrize(
    ("raw", "kind", "message"),
    [
        (b"", NotElf, "not an ELF file"),
        (b"#!/bin/sh\n", NotElf, "not an ELF file"),
        (b"/* GNU ld script */\nINPUT(-lfoo)\n", NotElf, "not an ELF file"),
        (b"\x7fELF", FormatError, "ends after 4 bytes"),
        (elf()[:60], FormatError, "headers lead beyond its end"),
        (elf()[:80], FormatError, "program headers lead beyond its end"),
        (b"\x7fELF\x03\x01" + bytes(60), FormatError, "class 3 and byte order 1"),
        (b"\x7fELF\x02\x07" + bytes(60), FormatError, "class 2 and byte order 7"),
        (elf(interpreter="/lib/ld.so").replace(b"ld.so\0", b"ld.soo"), FormatError, "interpreter has no end"),
    ],
)
def test_what_is_no_whole_elf_file_is_told_in_words(raw: bytes, kind: type[FormatError], message: str) -> None:
    with pytest.raises(FormatError, match=message) as reported:
        read_elf(reader(raw))
    assert type(reported.value) is kind


# What others read.


def facts_by_pyelftools(path: Path) -> tuple[object, ...]:
    with open(path, "rb") as stream:
        file = ELFFile(stream)
        segments = list(file.iter_segments())
        interpreter = next((each.get_interp_name() for each in segments if isinstance(each, InterpSegment)), None)
        dynamic = next((each for each in segments if isinstance(each, DynamicSegment)), None)
        tags = list(dynamic.iter_tags()) if dynamic else []

        def texts(name: str, attribute: str) -> list[str]:
            return [getattr(tag, attribute) for tag in tags if tag.entry.d_tag == name]

        header = file.header
        return (
            *(file.elfclass, not file.little_endian, header["e_flags"], header["e_ident"]["EI_OSABI"], interpreter),
            *(texts("DT_SONAME", "soname")[-1:], texts("DT_NEEDED", "needed"), texts("DT_RPATH", "rpath")[-1:]),
            *(texts("DT_RUNPATH", "runpath")[-1:], len(segments), 2 * len(tags)),
        )


def facts_by_us(facts: Elf) -> tuple[object, ...]:
    system = {0: "ELFOSABI_SYSV", 3: "ELFOSABI_LINUX"}[facts.os_abi]
    dynamic = len(facts.dynamic) + (2 if facts.dynamic else 0)  # pyelftools counts DT_NULL
    one = [[text] if text is not None else [] for text in (facts.soname, facts.rpath, facts.runpath)]
    return (
        *(facts.bits, facts.big_endian, facts.flags, system, facts.interpreter, one[0], list(facts.needed), one[1]),
        *(one[2], len(facts.segments), dynamic),
    )


def compare_facts(files: Iterator[Path]) -> int:
    count = 0
    for path in files:
        with opened(path) as (facts, _):
            assert facts_by_us(facts) == facts_by_pyelftools(path), path
        count += 1
    return count


def test_some_files_of_this_machine_tell_us_what_they_tell_pyelftools() -> None:
    assert compare_facts(iter(sample())) > 0


@pytest.mark.slow
def test_all_files_of_this_machine_tell_us_what_they_tell_pyelftools(capsys: pytest.CaptureFixture[str]) -> None:
    count = compare_facts(iter(machine_files()))
    with capsys.disabled():
        print(f"{count} files have the same headers, names and search paths by pyelftools")


# What is damaged.


class ReadCounter:
    """A file that tells when far more is read of it than anybody needs."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.calls, self.bytes = raw, 0, 0

    def read(self, offset: int, size: int) -> bytes:
        assert 0 <= offset < 1 << 63, "no such call can be made"
        assert 0 <= size < 1 << 26
        piece = self.raw[offset : offset + size]
        self.calls, self.bytes = self.calls + 1, self.bytes + len(piece)
        assert self.calls < 100_000
        assert self.bytes < 64 << 20
        return piece


def ask_everything(raw: bytes) -> None:
    """Every reader of ELF files on these bytes; each may only answer or raise FormatError."""

    def asked(read: Read) -> Elf | None:
        try:
            return read_elf(read)
        except FormatError:
            return None

    facts = asked(ReadCounter(raw).read)
    if facts is None:
        return
    same_abi(facts, facts)
    platform_word(facts)
    for reading in (
        needs,
        provides,
        imported,
        all_notes,
        dlopen_notes,
        recognise,
        platform_of,
    ):
        reported = None
        try:
            reading(facts, ReadCounter(raw).read)
        except FormatError as error:
            reported = error
        assert reported is None or (reported.message and reported.hint)


def all_notes(facts: Elf, read: Read) -> int:
    return len(list(notes(facts, read)))


def small(bits: Bits = 64, big: bool = False, machine: int = X86_64, **more: Any) -> bytes:
    return elf(
        bits=bits,
        big=big,
        machine=machine,
        soname="libone.so",
        needed=["libtwo.so", "libc.so.6"],
        runpath="$ORIGIN",
        needs_versions={"libtwo.so": ["TWO_1", "TWO_2"], "libc.so.6": ["GLIBC_2.2"]},
        provides_versions=["ONE_1", "ONE_2"],
        imports=["puts", "dlopen"],
        exports=["one"],
        notes=[("GNU", 3, bytes(20)), ("GNU", 1, bytes(16)), ("FDO", 0x407C0C0A, b'[{"soname":["libx.so"]}]\0')],
        **more,
    )


def real(path: str) -> bytes:
    return Path(path).read_bytes() if os.access(path, os.R_OK) else small()


CORPUS = [
    *(small(), small(32, False, ARM), small(64, True, S390), small(32, True, MIPS), small(32, False, I386)),
    *(small(64, False, AARCH64, interpreter="/lib/ld-linux-aarch64.so.1"), elf(type="exec", data=b"x" * 300)),
    *(elf(flags_1=0x08000000, notes=[("Go", 4, b"id")], note_alignment=8), real("/usr/bin/true")),
]
WHICH = st.integers(0, len(CORPUS) - 1)
EXTREME = [
    0,
    1,
    2,
    7,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
    1 << 40,
    (1 << 62) - 1,
    1 << 63,
    (1 << 64) - 1,
]


@given(WHICH, st.data())
def test_a_file_that_is_cut_anywhere_is_refused_or_read(which: int, data: st.DataObject) -> None:
    raw = CORPUS[which]
    ask_everything(raw[: data.draw(st.integers(0, len(raw)))])


@given(WHICH, st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 7)), min_size=1, max_size=20))
def test_a_file_with_bits_turned_over_is_refused_or_read(which: int, flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(CORPUS[which])
    for place, bit in flips:
        damaged[place % len(damaged)] ^= 1 << bit
    ask_everything(bytes(damaged))


@given(
    WHICH,
    st.lists(
        st.tuples(st.integers(0, 1 << 12), st.sampled_from("BHIQ"), st.sampled_from(EXTREME)), min_size=1, max_size=6
    ),
)
def test_a_file_with_absurd_fields_is_refused_or_read(which: int, edits: list[tuple[int, str, int]]) -> None:
    damaged = bytearray(CORPUS[which])
    for place, form, value in edits:
        size = struct.calcsize(form)
        order: str = ">" if damaged[5] == 2 else "<"
        struct.pack_into(f"{order}{form}", damaged, place % (len(damaged) - size), value & ((1 << 8 * size) - 1))
    ask_everything(bytes(damaged))


@given(st.sampled_from([small(), small(32, True, MIPS)]), st.integers(0, 400), st.sampled_from(EXTREME))
def test_a_dynamic_section_with_absurd_values_is_refused_or_read(raw: bytes, which: int, value: int) -> None:
    facts = read_elf(reader(raw))
    where = next(each.offset for each in facts.segments if each.type == 2)
    word = facts.bits // 8
    place = where + which % (len(facts.dynamic) + 2) * word
    damaged = bytearray(raw)
    damaged[place : place + word] = (value & ((1 << facts.bits) - 1)).to_bytes(
        word, "big" if facts.big_endian else "little"
    )
    ask_everything(bytes(damaged))
