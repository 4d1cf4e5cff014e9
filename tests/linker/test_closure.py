"""What a program needs: which objects, in which order, each once; and what one root or several of them lack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fromscratch.errors import UsageError
from fromscratch.linker.closure import Linker
from fromscratch.linker.symbol_versions import MissingVersion, Versions
from fromscratch.paths import decode
from tests.formats.elf.made import AARCH64, elf
from tests.linker.roots import GLIBC, Link, Name, closed, lib, missing, paths, program, rules, tree_root


def missing_versions(found: object) -> list[MissingVersion]:
    return list(Versions().missing(found))  # type: ignore[arg-type]


# Order


def test_needs_are_followed_breadth_first() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", "libb.so"),
            "/lib/liba.so": lib("libd.so", "libe.so"),
            "/lib/libb.so": lib("libf.so"),
            "/lib/libd.so": lib("libg.so"),
            **{f"/lib/lib{letter}.so": lib() for letter in "efg"},
        }
    )
    assert paths(found) == [f"/lib/lib{letter}.so" for letter in "abdefg"]


def test_the_loader_is_an_object_of_the_program_and_comes_first() -> None:
    found = closed({"/bin/prog": program("liba.so"), "/lib/liba.so": lib("ld-linux-x86-64.so.2")})
    assert [node.path for node in found.nodes] == ["/bin/prog", GLIBC, "/lib/liba.so"]
    assert rules(found)[-1] == f"/lib/liba.so ld-linux-x86-64.so.2 => {GLIBC} by its path"


def test_what_is_preloaded_comes_before_what_is_needed() -> None:
    pieces = {"/bin/prog": program("liba.so"), "/lib/libp.so": lib("libq.so")}
    pieces |= {f"/lib/lib{letter}.so": lib() for letter in "aq"}
    found = closed(pieces, preload=["libp.so", "libnone.so"])
    assert paths(found) == ["/lib/libp.so", "/lib/liba.so", "/lib/libq.so"]
    assert found.missing[0][:3] == ("libnone.so", "/bin/prog", "LD_PRELOAD")


def test_libraries_that_need_each_other_end() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so"),
            "/lib/liba.so": lib("libb.so"),
            "/lib/libb.so": lib("libc.so"),
            "/lib/libc.so": lib("liba.so", "libc.so"),
        }
    )
    assert paths(found) == ["/lib/liba.so", "/lib/libb.so", "/lib/libc.so"]


def test_filters_and_auxiliaries_bring_their_needs_before_those_of_others() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", "libb.so"),
            "/lib/liba.so": lib(filters=["libf.so"], auxiliaries=["libx.so", "libnone.so"]),
            "/lib/libb.so": lib("libd.so", rpath="/opt"),
            "/lib/libf.so": lib("libd.so"),
            **{f"{folder}/libd.so": lib() for folder in ("/lib", "/opt")},
            "/lib/libx.so": lib(),
        }
    )
    assert sorted(paths(found)) == [f"/lib/lib{letter}.so" for letter in "abdfx"]
    assert [each.rule for each in found.links if each.by == "/lib/liba.so"] == ["DT_FILTER", "DT_AUXILIARY"]
    assert missing(found) == []


def test_a_filter_that_is_not_there_is_missing() -> None:
    found = closed({"/bin/prog": program("liba.so"), "/lib/liba.so": lib(filters=["libf.so"])})
    assert [each[:3] for each in found.missing] == [("libf.so", "/lib/liba.so", "DT_FILTER")]


# Each once


def test_a_library_found_under_another_file_name_answers_to_its_soname_from_then_on() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", "libb.so"),
            "/lib/liba.so": lib(soname="liba.so.1"),
            "/lib/libb.so": lib("liba.so.1"),
            "/lib/liba.so.1": lib(),
        }
    )
    assert paths(found) == ["/lib/liba.so", "/lib/libb.so"]
    assert rules(found)[-1] == "/lib/libb.so liba.so.1 => /lib/liba.so by a directory of the loader"


def test_a_soname_counts_only_once_its_library_is_there() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so.1", "liba.so"),
            "/lib/liba.so": lib(soname="liba.so.1"),
            "/lib/liba.so.1": lib(),
        }
    )
    assert paths(found) == ["/lib/liba.so.1", "/lib/liba.so"]


@pytest.mark.parametrize("other", [Link("liba.so"), Link("/lib/liba.so"), Name("/lib/liba.so")])
def test_two_names_of_one_file_are_one_object(other: Link) -> None:
    found = closed({"/bin/prog": program("liba.so", "libb.so"), "/lib/liba.so": lib(), "/lib/libb.so": other})
    assert paths(found) == ["/lib/liba.so"]
    assert rules(found)[-1] == "/bin/prog libb.so => /lib/libb.so by a directory of the loader"


def test_a_library_that_needs_itself_by_its_path_is_there_already() -> None:
    found = closed({"/bin/prog": program("liba.so"), "/lib/liba.so": lib("/lib/liba.so", "/lib/../lib/liba.so")})
    assert paths(found) == ["/lib/liba.so"]


# What is asked for


@pytest.mark.parametrize(
    "piece", [elf(type="exec"), elf(type="exec", machine=AARCH64), elf(flags_1=0x8000000)], ids=["", "arm64", "pie"]
)
def test_a_static_program_needs_nothing(piece: bytes) -> None:
    found = closed({"/bin/prog": piece})
    assert (len(found.nodes), found.links, found.missing) == (1, [], [])


def test_a_library_is_searched_for_by_the_loader_that_its_like_name() -> None:
    found = closed({"/opt/liba.so": lib("libb.so"), "/usr/lib/libb.so": lib()}, "/opt/liba.so")
    assert [node.path for node in found.nodes] == ["/opt/liba.so", "/usr/lib/libb.so"]
    assert found.loader.path == GLIBC


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        (b"#!/bin/sh\n", "/bin/prog: it is not an ELF file"),
        (b"\x7fELF\2\1\1", "/bin/prog: it ends after 7 bytes, within the header"),
        (Link("none"), "there is no file /bin/prog"),
        (Link("prog"), "there is no file /bin/prog"),
    ],
)
def test_what_is_no_program_is_said(piece: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        closed({"/bin/prog": piece})
    assert caught.value.message == message


def test_a_program_without_its_loader_misses_it() -> None:
    found = closed({"/bin/prog": program("liba.so", interpreter="/lib/ld.so.1"), "/lib/liba.so": lib()})
    assert missing(found) == ["/lib/ld.so.1 for /bin/prog: not in /lib/ld.so.1"]
    assert paths(found) == ["/lib/liba.so"]


def test_a_loader_that_is_none_is_named() -> None:
    found = closed({"/bin/prog": program(), GLIBC: b"junk"})
    assert missing(found) == [f"{GLIBC} for /bin/prog: {GLIBC}: it is not an ELF file"]


# Programs that need the same


def test_programs_that_need_the_same_get_the_same_each_as_its_own() -> None:
    pieces = {"/lib/liba.so": lib("libb.so"), "/lib/libb.so": lib()}
    linker = Linker([tree_root({f"/bin/{name}": program("liba.so") for name in "xyz"} | pieces)])
    for name in "xyz":
        found = linker.program(f"/bin/{name}")
        assert paths(found) == ["/lib/liba.so", "/lib/libb.so"]
        assert rules(found)[0] == f"/bin/{name} liba.so => /lib/liba.so by a directory of the loader"


def test_what_one_opens_later_does_not_show_in_the_other() -> None:
    pieces = {f"/lib/lib{letter}.so": lib() for letter in "ab"}
    linker = Linker([tree_root({f"/bin/{name}": program("liba.so") for name in "xyz"} | pieces)])
    first, second = linker.program("/bin/x"), linker.program("/bin/y")
    for found in (first, second):
        assert found.load(found.nodes[0], "libb.so", "dlopen") is not None
        assert paths(found) == ["/lib/liba.so", "/lib/libb.so"]
    assert paths(linker.program("/bin/z")) == ["/lib/liba.so"]


def test_names_that_depend_on_the_place_of_the_program_are_not_the_same() -> None:
    pieces = {f"/opt/{name}/prog": program("$ORIGIN/liba.so") for name in "xy"}
    linker = Linker([tree_root(pieces | {f"/opt/{name}/liba.so": lib() for name in "xy"})])
    assert [paths(linker.program(f"/opt/{name}/prog")) for name in "xy"] == [["/opt/x/liba.so"], ["/opt/y/liba.so"]]


@pytest.mark.parametrize("order", [["/lib/libx.so", "/lib/liby.so"], ["/lib/liby.so", "/lib/libx.so"]])
def test_a_library_that_is_among_what_its_like_needs_is_no_twin(order: list[str]) -> None:
    linker = Linker(
        [tree_root({"/lib/libx.so": lib("liba.so"), "/lib/liby.so": lib("liba.so"), "/lib/liba.so": lib("liby.so")})]
    )
    found = {path: [node.path for node in linker.program(path).nodes] for path in order}
    assert found == {
        "/lib/libx.so": ["/lib/libx.so", "/lib/liba.so", "/lib/liby.so"],
        "/lib/liby.so": ["/lib/liby.so", "/lib/liba.so"],
    }


# Versions


def test_a_version_that_a_library_does_not_have_is_named() -> None:
    found = closed(
        {
            "/bin/prog": program("libc.so.6", needs_versions={"libc.so.6": ["GLIBC_2.34", "GLIBC_2.38"]}),
            "/lib/libc.so.6": lib(soname="libc.so.6", provides_versions=["GLIBC_2.34", "GLIBC_2.36"]),
        }
    )
    assert missing_versions(found) == [MissingVersion("/bin/prog", "/lib/libc.so.6", "GLIBC_2.38")]


def test_a_weak_version_and_a_library_without_any_are_only_warned_of_by_the_loader() -> None:
    found = closed(
        {
            "/bin/prog": program(
                "liba.so", "libb.so", needs_versions={"liba.so": ["W"], "libb.so": ["V"]}, weak_versions=["W"]
            ),
            "/lib/liba.so": lib(provides_versions=["V"]),
            "/lib/libb.so": lib(),
        }
    )
    assert missing_versions(found) == []


def test_versions_are_asked_of_the_library_that_was_taken() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="/opt", needs_versions={"liba.so": ["V2"]}),
            "/opt/liba.so": lib(soname="liba.so", provides_versions=["V1"]),
            "/lib/liba.so": lib(soname="liba.so", provides_versions=["V1", "V2"]),
        }
    )
    assert missing_versions(found) == [MissingVersion("/bin/prog", "/opt/liba.so", "V2")]


def test_a_library_that_is_missing_has_no_versions_to_lack() -> None:
    found = closed({"/bin/prog": program("liba.so", needs_versions={"liba.so": ["V2"]})})
    assert (len(found.missing), missing_versions(found)) == (1, [])


# Several roots


def test_the_first_ground_has_precedence_and_the_second_has_the_rest() -> None:
    stage = tree_root({"/usr/bin/prog": program("liba.so", "libb.so"), "/usr/lib/liba.so": lib("libc.so")}, loader=None)
    below = tree_root({f"/usr/lib/lib{letter}.so": lib() for letter in "abc"})
    found = Linker([stage, below]).program("/usr/bin/prog")
    assert paths(found) == ["/usr/lib/liba.so", "/usr/lib/libb.so", "/usr/lib/libc.so"]
    assert [node.root is stage for node in found.nodes] == [True, False, True, False, False]


def test_a_stage_is_searched_by_the_conf_of_the_root_below() -> None:
    stage = tree_root({"/usr/local/bin/prog": program("liba.so"), "/usr/local/lib/liba.so": lib()}, loader=None)
    below = tree_root(
        {"/etc/ld.so.conf": b"include conf.d/*\n", "/etc/conf.d/local": b"/usr/local/lib\n", "/usr/local/lib/x": b""}
    )
    found = Linker([stage, below]).program("/usr/local/bin/prog")
    assert rules(found) == ["/usr/local/bin/prog liba.so => /usr/local/lib/liba.so by ld.so.conf"]


def test_so_it_is_where_the_stage_alone_has_the_folder() -> None:
    stage = tree_root({"/usr/local/bin/prog": program("liba.so"), "/usr/local/lib/liba.so": lib()}, loader=None)
    below = tree_root({"/etc/ld.so.conf": b"/usr/local/lib\n"})
    assert paths(Linker([stage, below]).program("/usr/local/bin/prog")) == ["/usr/local/lib/liba.so"]


def test_what_the_first_ground_has_for_others_is_looked_for_in_the_second() -> None:
    stage = tree_root({"/bin/prog": program("liba.so"), "/lib/liba.so": lib(machine=AARCH64)}, loader=None)
    below = tree_root({"/usr/lib/liba.so": lib()})
    assert paths(Linker([stage, below]).program("/bin/prog")) == ["/usr/lib/liba.so"]


def test_what_is_in_neither_tells_where_both_were_searched() -> None:
    stage = tree_root({"/bin/prog": program("liba.so", runpath="$ORIGIN")}, loader=None)
    found = Linker([stage, tree_root({})]).program("/bin/prog")
    assert missing(found) == [
        "liba.so for /bin/prog: not in /bin, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib"
    ]


# Absurd files

NAMES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.binary(max_size=12).map(lambda raw: decode(raw.replace(b"\0", b"x"))),
    st.integers(1, 5000).map("n".__mul__),
    st.sampled_from(
        [
            "",
            ".",
            "..",
            "/",
            "//",
            "../lib/liba.so",
            "/../lib/liba.so",
            "/lib/../../lib/liba.so",
            "lib\na.so",
            "$ORIGIN",
            "${ORIGIN",
            "$",
            "/lib/",
            "/lib/liba.so/",
            "/lib/liba.so/x",
            "/bin/prog",
        ]
    ),
)


@given(needed=st.lists(NAMES, max_size=5), rpath=st.none() | NAMES, runpath=st.none() | NAMES, musl=st.booleans())
def test_no_name_in_a_file_leads_astray(needed: list[str], rpath: str | None, runpath: str | None, musl: bool) -> None:
    loader = "/lib/ld-musl-x86_64.so.1" if musl else GLIBC
    question = program(*needed, rpath=rpath, runpath=runpath, interpreter=loader)
    found = closed({"/bin/prog": question, "/lib/liba.so": lib(*needed, rpath=rpath)}, loader=loader)
    assert {found.nodes[0].root.place(node.path) for node in found.nodes} <= {"/bin/prog", "/lib/liba.so", loader}
    assert len(found.nodes) <= 4
    list(Versions().missing(found))


def test_a_long_chain_of_libraries_and_thousands_of_programs_end() -> None:
    pieces = {f"/lib/lib{number}.so": lib(f"lib{number + 1}.so") for number in range(1500)}
    pieces |= {f"/bin/prog{number}": program(f"lib{1400 + number % 100}.so") for number in range(2000)}
    linker = Linker([tree_root(pieces)])
    assert len(linker.program("/lib/lib0.so").nodes) == 1500
    assert sum(len(linker.program(f"/bin/prog{number}").nodes) for number in range(2000)) == 2000 * 2 + 20 * sum(
        range(1, 101)
    )
