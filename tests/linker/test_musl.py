"""Where musl's loader looks: the rules of ldso/dynlink.c, on roots of a few files."""

from collections.abc import Mapping
from typing import Any

import pytest

from fromscratch.linker.closure import Program
from tests.formats.elf.made import I386, elf
from tests.linker.roots import MUSL, NODEFLIB, Link, Piece, closed, lib, missing, paths, program, rules


def musl(pieces: Mapping[str, Piece], **options: Any) -> Program:
    return closed(pieces, loader=MUSL, **options)


def prog(*needed: str, **more: str | None) -> bytes:
    return program(*needed, interpreter=MUSL, **more)


def at(*places: str) -> dict[str, bytes]:
    return dict.fromkeys(places, lib())


def test_the_loader_answers_for_the_c_library_itself() -> None:
    found = musl(
        {"/bin/prog": prog("libc.so", "libpthread.so.0", "libm.so.6", "libcrypt.so"), **at("/lib/libcrypt.so")}
    )
    assert rules(found) == [
        f"/bin/prog libc.so => {MUSL} by its path",
        f"/bin/prog libpthread.so.0 => {MUSL} by its path",
        f"/bin/prog libm.so.6 => {MUSL} by its path",
        "/bin/prog libcrypt.so => /lib/libcrypt.so by a directory of the loader",
    ]


def test_the_library_path_comes_before_all_else() -> None:
    found = musl(
        {"/bin/prog": prog("liba.so", rpath="/opt"), **at("/env/liba.so", "/opt/liba.so")}, library_path=["/env"]
    )
    assert rules(found) == ["/bin/prog liba.so => /env/liba.so by LD_LIBRARY_PATH"]


@pytest.mark.parametrize("tag", ["rpath", "runpath"])
def test_either_search_path_is_inherited_the_nearest_first(tag: str) -> None:
    found = musl(
        {
            "/bin/prog": prog("liba.so", **{tag: "/opt"}),
            "/opt/liba.so": lib("libb.so", "libd.so", **{tag: "/srv"}),
            **at("/srv/libb.so", "/opt/libb.so", "/opt/libd.so", "/lib/libd.so"),
        }
    )
    assert rules(found) == [
        "/bin/prog liba.so => /opt/liba.so by search path of /bin/prog",
        "/opt/liba.so libb.so => /srv/libb.so by search path of /opt/liba.so",
        "/opt/liba.so libd.so => /opt/libd.so by search path of /bin/prog",
    ]


def test_of_both_dt_runpath_is_the_search_path() -> None:
    found = musl({"/bin/prog": prog("liba.so", rpath="/opt", runpath="/srv"), **at("/opt/liba.so", "/srv/liba.so")})
    assert paths(found) == ["/srv/liba.so"]


def test_the_directories_are_built_in() -> None:
    found = musl({"/bin/prog": prog("liba.so", "libb.so"), **at("/usr/lib/liba.so", "/usr/local/lib/liba.so")})
    assert paths(found) == ["/usr/local/lib/liba.so"]
    assert missing(found) == ["libb.so for /bin/prog: not in /lib, /usr/local/lib, /usr/lib"]


@pytest.mark.parametrize("text", [b"/opt:/srv/", b"/opt\n\n/srv\n", b"rel\n/srv"])
def test_a_path_file_is_in_their_place(text: bytes) -> None:
    found = musl({"/bin/prog": prog("liba.so"), "/etc/ld-musl-x86_64.path": text, **at("/srv/liba.so", "/lib/liba.so")})
    assert paths(found) == ["/srv/liba.so"]


def test_an_empty_path_file_leaves_none() -> None:
    found = musl({"/bin/prog": prog("liba.so"), "/etc/ld-musl-x86_64.path": b"", **at("/lib/liba.so")})
    assert missing(found) == ["liba.so for /bin/prog: not in "]


@pytest.mark.parametrize(
    ("loader", "path_file"),
    [
        ("/lib/ld-musl-armhf.so.1", "/etc/ld-musl-armhf.path"),
        ("/usr/lib/ld-musl-x86_64.so.1", "/usr/etc/ld-musl-x86_64.path"),
        ("/opt/musl/ld-musl-x86_64.so.1", "/opt/etc/ld-musl-x86_64.path"),
        ("/ld-musl-x86_64.so.1", "/etc/ld-musl-x86_64.path"),
    ],
)
def test_the_path_file_lies_two_steps_above_the_loader(loader: str, path_file: str) -> None:
    pieces = {"/bin/prog": program("liba.so", interpreter=loader), path_file: b"/srv", **at("/srv/liba.so")}
    assert closed(pieces, loader=loader).loader.path_file == path_file
    assert paths(closed(pieces, loader=loader)) == ["/srv/liba.so"]


def test_there_is_no_cache_and_no_conf_and_no_flag_against_the_directories() -> None:
    found = musl(
        {
            "/bin/prog": program("liba.so", interpreter=MUSL, flags_1=NODEFLIB),
            "/etc/ld.so.conf": b"/opt\n",
            **at("/opt/liba.so", "/usr/lib/liba.so"),
        }
    )
    assert paths(found) == ["/usr/lib/liba.so"]


def test_origin_is_known_by_its_first_letters() -> None:
    found = musl(
        {
            "/bin/prog": prog("liba.so", "libb.so", rpath="$ORIGINAL:${ORIGIN}/x"),
            **at("/binAL/liba.so", "/bin/x/libb.so"),
        }
    )
    assert paths(found) == ["/binAL/liba.so", "/bin/x/libb.so"]


def test_a_path_with_any_other_token_is_dropped_whole() -> None:
    found = musl({"/bin/prog": prog("liba.so", rpath="/opt:/srv/$LIB"), **at("/opt/liba.so", "/lib/liba.so")})
    assert paths(found) == ["/lib/liba.so"]


def test_tokens_in_the_name_of_a_library_stand_for_themselves() -> None:
    found = musl({"/bin/prog": prog("$ORIGIN/liba.so"), **at("/bin/liba.so")})
    assert missing(found) == [
        "$ORIGIN/liba.so for /bin/prog: $ORIGIN/liba.so is relative to wherever the program is started"
    ]


def test_the_first_file_of_the_name_is_taken_and_stops_the_search_if_it_is_for_others() -> None:
    found = musl(
        {
            "/bin/prog": prog("liba.so", rpath="/opt:/srv"),
            "/opt/liba.so": elf(bits=32, machine=I386),
            **at("/srv/liba.so"),
        }
    )
    assert missing(found) == [
        "liba.so for /bin/prog: /opt/liba.so is for another architecture; musl's loader stops at it"
    ]


@pytest.mark.parametrize("piece", [b"text", Link("liba.so")])
def test_so_does_what_cannot_be_opened(piece: Piece) -> None:
    found = musl({"/bin/prog": prog("liba.so", rpath="/opt:/srv"), "/opt/liba.so": piece, **at("/srv/liba.so")})
    assert (paths(found), len(found.missing)) == ([], 1)


def test_sonames_are_nothing_to_it() -> None:
    found = musl({"/bin/prog": prog("liba.so", "libb.so"), "/lib/liba.so": lib(soname="libb.so"), **at("/lib/libb.so")})
    assert paths(found) == ["/lib/liba.so", "/lib/libb.so"]


def test_two_names_of_one_file_are_one_object_known_by_the_first() -> None:
    found = musl(
        {
            "/bin/prog": prog("/opt/liba.so", "libb.so", "liba.so"),
            "/opt/liba.so": lib(),
            "/lib/libb.so": Link("/opt/liba.so"),
            **at("/lib/liba.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so"]


def test_filters_are_nothing_to_it() -> None:
    found = musl(
        {"/bin/prog": program(filters=["liba.so"], auxiliaries=["libb.so"], interpreter=MUSL), **at("/lib/liba.so")}
    )
    assert (paths(found), found.missing) == ([], [])


def test_what_is_preloaded_is_searched_for_as_if_nobody_had_asked() -> None:
    found = musl({"/bin/prog": prog(rpath="/opt"), **at("/opt/liba.so", "/lib/liba.so")}, preload=["liba.so"])
    assert paths(found) == ["/lib/liba.so"]
