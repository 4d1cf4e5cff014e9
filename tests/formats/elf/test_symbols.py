"""The dynamic symbols that an object takes from others."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DT_HASH, read_elf
from fromscratch.formats.elf.symbols import DT_GNU_HASH, imported
from tests.formats.elf.files import built, machine_files, opened, sample, workshop  # noqa: F401
from tests.formats.elf.made import MIPS, S390, Bits, elf, reader


@pytest.mark.parametrize(("bits", "big"), [(32, False), (32, True), (64, False), (64, True)])
def test_what_is_undefined_is_imported_and_what_is_exported_is_not(bits: Bits, big: bool) -> None:
    raw = elf(bits=bits, big=big, machine=MIPS, imports=["puts", "dlopen", "_ZN3foo3barEv"], exports=["mine", "free"])
    assert imported(read_elf(reader(raw)), reader(raw)) == {"puts", "dlopen", "_ZN3foo3barEv"}


def test_an_object_that_imports_nothing_or_is_static_imports_nothing() -> None:
    for raw in (elf(exports=["mine"]), elf(), elf(type="exec")):
        assert imported(read_elf(reader(raw)), reader(raw)) == frozenset()


def test_s390x_counts_its_symbols_in_words_of_eight_bytes() -> None:
    raw = elf(big=True, machine=S390, imports=["puts", "dlopen"])
    facts = read_elf(reader(raw))
    place = facts.offset(facts.tag(DT_HASH) or 0)
    wide = bytearray(raw)
    wide[place : place + 16] = (1).to_bytes(8, "big") + (3).to_bytes(8, "big")
    assert imported(facts, reader(bytes(wide))) == {"puts", "dlopen"}


SOURCE = """
#include <stdio.h>
extern int mine(int);
__attribute__((weak)) extern int perhaps(void);
int main(int count, char **words) { printf("%d", count); return perhaps ? perhaps() : puts(words[0]); }
"""


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
@pytest.mark.parametrize("position", ["-fPIE", "-no-pie"])
def test_every_kind_of_hash_table_leads_to_the_symbols_of_a_real_program(
    workshop: Path,  # noqa: F811
    style: str,
    position: str,
) -> None:
    flags = [f"-Wl,--hash-style={style}", position, *(["-pie"] if position == "-fPIE" else [])]
    program = built(workshop, f"symbols-{style}{position}", SOURCE, *flags)
    with opened(program) as (facts, read):
        assert imported(facts, read) == imported_by_pyelftools(program)
        assert {"printf", "puts", "perhaps"} <= imported(facts, read)


def test_files_without_section_headers_have_their_symbols_too(workshop: Path) -> None:  # noqa: F811
    program = built(workshop, "headless", SOURCE, "-s")
    expected = imported_by_pyelftools(program)
    raw = bytearray(program.read_bytes())
    start = 40 if raw[4] == 2 else 32
    raw[start : start + 8] = bytes(8)
    raw[-20:] = bytes(20)
    assert imported(read_elf(reader(bytes(raw))), reader(bytes(raw))) == expected


def test_tables_that_lead_beyond_the_file_are_refused() -> None:
    raw = elf(imports=["puts"])
    facts = read_elf(reader(raw))
    place = facts.offset(facts.tag(DT_HASH) or 0)
    for count in (0x7FFFFFFF, 0xFFFFFFFF, 1000):
        longer = raw[: place + 4] + count.to_bytes(4, "little") + raw[place + 8 :]
        with pytest.raises(FormatError, match="beyond its end"):
            imported(facts, reader(longer))
    with pytest.raises(FormatError, match="hash table of symbols leads beyond"):
        imported(facts, reader(raw[: place + 3]))
    as_gnu = facts._replace(dynamic=tuple(DT_GNU_HASH if value == DT_HASH else value for value in facts.dynamic))
    with pytest.raises(FormatError, match="beyond its end"):
        imported(as_gnu, reader(raw[:place] + b"\xff" * 16))


def test_a_chain_without_end_ends() -> None:
    raw = elf(imports=["puts"])
    facts = read_elf(reader(raw))
    place = facts.offset(facts.tag(DT_HASH) or 0)
    as_gnu = facts._replace(dynamic=tuple(DT_GNU_HASH if value == DT_HASH else value for value in facts.dynamic))
    table = b"".join(number.to_bytes(4, "little") for number in (1, 1, 0, 0, 1))  # one bucket: the chain at 1

    def endless(offset: int, size: int) -> bytes:
        return raw[offset : offset + size] if offset < place else (table + bytes(size))[offset - place :][:size]

    with pytest.raises(FormatError, match="beyond its end"):
        imported(as_gnu, endless)


def imported_by_pyelftools(path: Path) -> frozenset[str]:
    with open(path, "rb") as stream:
        section = ELFFile(stream).get_section_by_name(".dynsym")
        symbols = section.iter_symbols() if isinstance(section, SymbolTableSection) else ()
        return frozenset(each.name for each in symbols if each["st_shndx"] == "SHN_UNDEF" and each.name)


def compare_imports(files: Iterable[Path]) -> tuple[int, int]:
    count = total = 0
    for path in files:
        with opened(path) as (facts, read):
            ours = imported(facts, read)
        assert ours == imported_by_pyelftools(path), path
        count, total = count + 1, total + len(ours)
    return count, total


def test_some_files_of_this_machine_import_what_pyelftools_finds() -> None:
    assert compare_imports(sorted(sample(), key=lambda path: path.stat().st_size)[:20])[1] > 0


@pytest.mark.slow
def test_all_files_of_this_machine_import_what_pyelftools_finds(capsys: pytest.CaptureFixture[str]) -> None:
    count, total = compare_imports(machine_files())
    with capsys.disabled():
        print(f"{count} files import the same {total} symbols by pyelftools")
