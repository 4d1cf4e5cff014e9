"""gconv-modules: read, cut to some character sets, and written; glibc's own files are read too."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.formats.glibc.gconv_modules import Index, Module, cut, is_built_in, normal, read_index, text

SOME = b"""
# comment
alias  latin1//   iso-8859-1//   # Latin
alias  L1//       ISO-8859-1//
alias  UTF16//    UTF-16//
alias  KEIN//     KEINER//
module ISO-8859-1// INTERNAL    ISO8859-1  1
module INTERNAL   ISO-8859-1//  ISO8859-1  1
module UTF-16//   INTERNAL      UTF-16     1
module INTERNAL   UTF-16//      UTF-16.so  1
module IBM1008//  IBM420//      IBM1008_420
module IBM420//   IBM1008//     IBM1008_420 none
module IBM420//   INTERNAL      /opt/IBM420 3
module INTERNAL   IBM420//      IBM420     2
"""


def test_lines_are_read_as_glibc_reads_them() -> None:
    index = read_index([SOME])
    assert index.aliases == {
        "LATIN1//": "ISO-8859-1//",
        "L1//": "ISO-8859-1//",
        "UTF16//": "UTF-16//",
        "KEIN//": "KEINER//",
    }
    assert index.modules[2:7] == (
        Module("UTF-16//", "INTERNAL", "UTF-16.so", 1),
        Module("INTERNAL", "UTF-16//", "UTF-16.so", 1),
        Module("IBM1008//", "IBM420//", "IBM1008_420.so", 1),
        Module("IBM420//", "IBM1008//", "IBM1008_420.so", 1),
        Module("IBM420//", "INTERNAL", "/opt/IBM420.so", 3),
    )


def test_the_cheaper_of_two_modules_counts_and_the_first_of_two_aliases() -> None:
    index = read_index([b"module A// B// x 2\nalias C// A//\n", b"module A// B// y 1\nalias C// B//\nalias A// B//\n"])
    assert index == Index({"C//": "A//"}, (Module("A//", "B//", "y.so", 1),))


@pytest.mark.parametrize("line", [b"module A// B//", b"alias A//", b"modules A// B// c", b"alias", b"\0alias A// B//"])
def test_what_is_no_line_is_passed_over(line: bytes) -> None:
    assert read_index([line]) == Index({}, ())


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("utf-16", "UTF-16//"),
        ("ISO-10646/UCS4/", "ISO-10646/UCS4/"),
        ("latin1//TRANSLIT", "LATIN1//"),
        ("ISO 8859-1", "ISO8859-1//"),
        ("a/b/c/d", "A/B/"),
    ],
)
def test_names_are_made_as_glibc_makes_them(charset: str, name: str) -> None:
    assert normal(charset) == name


def test_some_conversions_need_no_module() -> None:
    assert all(map(is_built_in, ["utf8", "UTF-8", "ASCII", "wchar_t", "UCS-4LE", "UTF-8//IGNORE", ""]))
    assert not any(map(is_built_in, ["UTF-16", "ISO-8859-1", "INTERNALS"]))


def test_a_cut_has_both_ways_and_all_names() -> None:
    left, unknown = cut(read_index([SOME]), ["l1", "UTF-8", "no-such"])
    assert unknown == ["no-such"]
    assert text(left).decode().splitlines() == [
        "alias LATIN1// ISO-8859-1//",
        "alias L1// ISO-8859-1//",
        "module ISO-8859-1// INTERNAL ISO8859-1.so 1",
        "module INTERNAL ISO-8859-1// ISO8859-1.so 1",
    ]


def test_a_cut_has_the_steps_between() -> None:
    left, unknown = cut(read_index([SOME]), ["ibm1008"])
    assert unknown == []
    assert {module.file for module in left.modules} == {"IBM1008_420.so", "IBM420.so", "/opt/IBM420.so"}


def test_a_circle_without_an_end_ends() -> None:
    index = read_index([b"module A// B// x\nmodule B// A// x\n"])
    assert cut(index, ["A"]) == (index, [])


NAMES = st.from_regex(r"[A-Z0-9_.:-]{1,8}//", fullmatch=True)
FILES = st.from_regex(r"[A-Za-z0-9_-]{1,8}\.so", fullmatch=True)


@given(st.lists(st.builds(Module, NAMES, NAMES, FILES, st.integers(1, 99)), unique_by=lambda each: each[:2]))
def test_what_is_written_is_read(modules: list[Module]) -> None:
    index = Index({}, tuple(modules))
    assert read_index([text(index)]) == index


@given(st.binary() | st.text(alphabet="aliasmodule /#\n\t19").map(str.encode))
def test_any_bytes_are_read(raw: bytes) -> None:
    index = read_index([raw, raw])
    left, _ = cut(index, ["A", "//", "\udcff", "aliasm"])
    assert set(left.modules) <= set(index.modules)


def test_glibc_s_own_files_are_read() -> None:
    folder = next(Path("/usr/lib").glob("*/gconv"), None)
    if folder is None:
        pytest.skip("no glibc with gconv modules is on this machine")
    files = [folder / "gconv-modules", *sorted(folder.glob("gconv-modules.d/*.conf"))]
    index = read_index(file.read_bytes() for file in files)
    assert len(index.modules) > 400
    assert len(index.aliases) > 600
    assert all((folder / module.file).exists() for module in index.modules)
    left, unknown = cut(index, ["LATIN1", "UTF-16", "EUC-JP"])
    assert unknown == []
    assert {module.file for module in left.modules} == {"ISO8859-1.so", "UTF-16.so", "EUC-JP.so"}
    assert len(text(left)) < 1200
