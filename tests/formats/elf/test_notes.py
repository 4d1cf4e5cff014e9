"""Notes: of both alignments and byte orders, of this machine's files, and those that say what is dlopened."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import read_elf
from fromscratch.formats.elf.notes import DlopenNote, Note, dlopen_notes, notes
from tests.formats.elf.files import built, machine_files, opened, sample, workshop  # noqa: F401
from tests.formats.elf.made import S390, Bits, elf, reader

FDO = 0x407C0C0A


@pytest.mark.parametrize("alignment", [4, 8])
@pytest.mark.parametrize(("bits", "big"), [(32, False), (32, True), (64, False), (64, True)])
def test_notes_are_read_with_the_padding_of_their_segment(bits: Bits, big: bool, alignment: Literal[4, 8]) -> None:
    written = [("GNU", 3, b"\1\2\3"), ("A", 7, b""), ("stapsdt", 9, b"\xff" * 9), ("", 1, b"x" * 4)]
    raw = elf(bits=bits, big=big, machine=S390, notes=written, note_alignment=alignment)
    assert list(notes(read_elf(reader(raw)), reader(raw))) == [Note(*each) for each in written]


def dlopened(*values: object) -> tuple[DlopenNote, ...]:
    texts = [value if isinstance(value, bytes) else json.dumps(value).encode() + b"\0" for value in values]
    raw = elf(notes=[("FDO", FDO, text) for text in texts])
    return dlopen_notes(read_elf(reader(raw)), reader(raw))


def test_dlopen_notes_say_what_for_and_how_much_it_matters() -> None:
    zstd = {"soname": ["libzstd.so.1"], "feature": "zstd", "description": "Compression", "priority": "suggested"}
    tpm = {"soname": ["libtss2-esys.so.0", "libtss2-esys.so"], "priority": "required"}
    assert dlopened([zstd, tpm]) == (
        DlopenNote(("libzstd.so.1",), "suggested", "zstd", "Compression"),
        DlopenNote(("libtss2-esys.so.0", "libtss2-esys.so"), "required", "", ""),
    )
    assert dlopened([zstd], [tpm]) == dlopened([zstd, tpm])


def test_without_a_priority_that_the_specification_knows_a_library_is_recommended() -> None:
    assert dlopened([{"soname": ["a.so"]}])[0].priority == "recommended"
    assert dlopened([{"soname": ["a.so"], "priority": "vital"}])[0].priority == "recommended"
    assert dlopened([{"soname": ["a.so"], "priority": ["required"]}])[0].priority == "recommended"


def test_a_single_object_with_a_single_soname_is_read_as_the_first_drafts_had_it() -> None:
    assert dlopened({"soname": "libfoo.so.1", "feature": "foo"}) == (
        DlopenNote(("libfoo.so.1",), "recommended", "foo", ""),
    )


def test_notes_of_others_are_none_of_ours() -> None:
    raw = elf(notes=[("GNU", FDO, b"no json"), ("FDO", 0xCAFE1A7E, b'{"type":"deb"}\0')])
    assert dlopen_notes(read_elf(reader(raw)), reader(raw)) == ()


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"libfoo.so", b"[{", b"\xff\xfe", b'["libfoo.so"]', b"[" * 100_000, b"1" * 10_000),
        *(
            [{}],
            [{"soname": []}],
            [{"soname": [7]}],
            [{"soname": [""]}],
            [{"soname": ["a\0b"]}],
            [{"soname": ["a\nb"]}],
        ),
        *([{"soname": ["\ud800"]}], [{"soname": {"a": 1}}], 7, "text", None),
    ],
)
def test_a_malformed_dlopen_note_is_told_with_its_text(value: object) -> None:
    with pytest.raises(FormatError, match="what it dlopens is malformed"):
        dlopened(value)


def test_notes_that_lead_beyond_the_file_are_refused() -> None:
    raw = elf(notes=[("GNU", 3, b"\1" * 20)])
    facts = read_elf(reader(raw))
    where = next(each for each in facts.segments if each.type == 4)
    with pytest.raises(FormatError, match="beyond its end"):
        list(notes(facts, reader(raw[: where.offset + 8])))
    longer = bytearray(raw)
    longer[where.offset + 4] = 200
    with pytest.raises(FormatError, match="beyond the others"):
        list(notes(facts, reader(bytes(longer))))
    many = facts._replace(segments=(where._replace(size=40), where._replace(size=5 << 20)))
    with pytest.raises(FormatError, match="more than any program"):
        list(notes(many, lambda offset, size: bytes(size)))


DLOPEN_SOURCE = """
static const struct { unsigned int namesz, descsz, type; char name[4]; char json[48]; } note
__attribute__((used, section(".note.dlopen"), aligned(4))) = { 4, 48, 0x407c0c0a, "FDO",
  "[{\\"soname\\":[\\"libz.so.1\\"],\\"feature\\":\\"zlib\\"}]" };
int main(void) { return 0; }
"""


def test_a_dlopen_note_that_a_compiler_wrote_is_found(workshop: Path) -> None:  # noqa: F811
    with opened(built(workshop, "dlopener", DLOPEN_SOURCE)) as (facts, read):
        assert dlopen_notes(facts, read) == (DlopenNote(("libz.so.1",), "recommended", "zlib", ""),)


def notes_by_pyelftools(path: Path) -> list[tuple[str, str]]:
    found = []
    with open(path, "rb") as stream:
        for segment in ELFFile(stream).iter_segments():
            if isinstance(segment, NoteSegment):
                found += [(note["n_name"].rstrip("\0"), note["n_descdata"].hex()) for note in segment.iter_notes()]
    return found


def compare_notes(files: Iterable[Path]) -> tuple[int, int]:
    count = total = 0
    for path in files:
        with opened(path) as (facts, read):
            ours = [(note.owner, note.description.hex()) for note in notes(facts, read)]
        assert ours == notes_by_pyelftools(path), path
        count, total = count + 1, total + len(ours)
    return count, total


def test_some_files_of_this_machine_have_the_notes_that_pyelftools_finds() -> None:
    assert compare_notes(sample())[1] > 0


@pytest.mark.slow
def test_all_files_of_this_machine_have_the_notes_that_pyelftools_finds(capsys: pytest.CaptureFixture[str]) -> None:
    count, total = compare_notes(machine_files())
    with capsys.disabled():
        print(f"{count} files have the same {total} notes by pyelftools")
