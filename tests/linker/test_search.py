"""Where a library is looked for: the order of ld.so(8), rule by rule, on roots of a few files.

Every library here has a twin under the same name elsewhere, so that a rule shows by which of them is taken.
"""

from typing import Any

import pytest

from fromscratch.formats.ldso import cache as ldcache
from fromscratch.linker.closure import Linker
from tests.formats.elf.made import AARCH64, ARM, I386, MIPS, elf
from tests.linker.roots import NODEFLIB, Link, Piece, closed, lib, missing, paths, program, rules, tree_root

CACHE = "/etc/ld.so.cache"
CONF = "/etc/ld.so.conf"


def cache(*rows: str) -> bytes:
    """An ld.so.cache that leads from each soname to a path, for x86-64."""
    entries = [(path.rpartition("/")[2], path) for path in rows]
    return ldcache.write([ldcache.Entry(soname, path, 0x0303) for soname, path in entries])


def at(*places: str) -> dict[str, bytes]:
    """The same empty library at each of these places."""
    return dict.fromkeys(places, lib())


# DT_RPATH


def test_a_search_path_of_the_program_comes_before_all_else() -> None:
    found = closed({"/bin/prog": program("liba.so", rpath="/opt"), **at("/opt/liba.so", "/usr/lib/liba.so")})
    assert rules(found) == ["/bin/prog liba.so => /opt/liba.so by DT_RPATH of /bin/prog"]


def test_dt_rpath_is_inherited_through_two_levels() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="/opt"),
            "/opt/liba.so": lib("libb.so", rpath="/srv"),
            "/opt/libb.so": lib("libc.so"),
            **at("/opt/libc.so", "/usr/lib/libb.so", "/usr/lib/libc.so"),
        }
    )
    assert rules(found) == [
        "/bin/prog liba.so => /opt/liba.so by DT_RPATH of /bin/prog",
        "/opt/liba.so libb.so => /opt/libb.so by DT_RPATH of /bin/prog",
        "/opt/libb.so libc.so => /opt/libc.so by DT_RPATH of /bin/prog",
    ]


def test_the_own_dt_rpath_comes_before_an_inherited_one() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="/opt"),
            "/opt/liba.so": lib("libb.so", rpath="/srv"),
            **at("/opt/libb.so", "/srv/libb.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so", "/srv/libb.so"]


def test_who_loads_an_object_first_decides_what_it_inherits() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", "libb.so"),
            "/usr/lib/liba.so": lib("libd.so", rpath="/opt"),
            "/usr/lib/libb.so": lib("libd.so", rpath="/srv"),
            "/opt/libd.so": lib("libe.so"),
            "/srv/libd.so": lib("libe.so"),
            **at("/opt/libe.so", "/srv/libe.so"),
        }
    )
    assert paths(found) == ["/usr/lib/liba.so", "/usr/lib/libb.so", "/opt/libd.so", "/opt/libe.so"]


# DT_RUNPATH


def test_dt_runpath_is_not_inherited() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", runpath="/opt"),
            "/opt/liba.so": lib("libb.so"),
            **at("/opt/libb.so", "/usr/lib/libb.so"),
        }
    )
    assert rules(found) == [
        "/bin/prog liba.so => /opt/liba.so by DT_RUNPATH of /bin/prog",
        "/opt/liba.so libb.so => /usr/lib/libb.so by a directory of the loader",
    ]


def test_dt_runpath_switches_dt_rpath_off_for_the_object_that_has_it_alone() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="/opt"),
            "/opt/liba.so": lib("libb.so", runpath="/srv"),
            "/usr/lib/libb.so": lib("libd.so"),
            **at("/opt/libb.so", "/opt/libd.so", "/usr/lib/libd.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so", "/usr/lib/libb.so", "/opt/libd.so"]


def test_an_object_with_both_has_no_dt_rpath_for_itself_nor_for_others() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="/opt", runpath="/srv"),
            "/srv/liba.so": lib("libb.so"),
            **at("/opt/liba.so", "/opt/libb.so", "/usr/lib/libb.so"),
        }
    )
    assert paths(found) == ["/srv/liba.so", "/usr/lib/libb.so"]


def test_the_library_path_comes_between_dt_rpath_and_dt_runpath() -> None:
    pieces = {**at("/env/liba.so", "/own/liba.so"), "/bin/first": program("liba.so", rpath="/own")}
    linker = Linker([tree_root({**pieces, "/bin/last": program("liba.so", runpath="/own")})], library_path=["/env"])
    assert paths(linker.program("/bin/first")) == ["/own/liba.so"]
    assert paths(linker.program("/bin/last")) == ["/env/liba.so"]


def test_an_empty_dt_runpath_switches_dt_rpath_off_too() -> None:
    found = closed(
        {"/bin/prog": program("liba.so", rpath="/opt", runpath=""), **at("/opt/liba.so", "/usr/lib/liba.so")}
    )
    assert paths(found) == ["/usr/lib/liba.so"]


def test_relative_elements_stay_in_what_was_looked_in() -> None:
    for how in ({"rpath": "lib:/opt:../x/"}, {"runpath": "lib:/opt:../x/"}):
        found = closed({"/bin/prog": program("liba.so", **how), **at("/lib/libb.so")})
        [lost] = found.missing
        assert [each for each in lost.searched if each in ("lib", "/opt", "../x")] == ["lib", "/opt", "../x"]


def test_relative_and_empty_elements_lead_nowhere() -> None:
    found = closed({"/bin/prog": program("liba.so", rpath=":lib::./lib:"), **at("/lib/liba.so", "/liba.so")})
    assert rules(found) == ["/bin/prog liba.so => /lib/liba.so by a directory of the loader"]


def test_what_goes_up_in_a_search_path_stays_in_the_root() -> None:
    found = closed({"/bin/prog": program("liba.so", rpath="/../../bin/../srv"), **at("/srv/liba.so")})
    assert paths(found) == ["/../../bin/../srv/liba.so"]
    assert found.nodes[-1].root.place("/../../bin/../srv/liba.so") == "/srv/liba.so"


# Tokens


def test_origin_of_a_program_is_the_folder_of_its_real_place() -> None:
    found = closed(
        {
            "/usr/bin/prog": Link("../../opt/app/bin/prog"),
            "/opt/app/bin/prog": program("liba.so", runpath="$ORIGIN/../lib"),
            **at("/opt/app/lib/liba.so", "/usr/lib/liba.so"),
        },
        "/usr/bin/prog",
    )
    assert paths(found) == ["/opt/app/bin/../lib/liba.so"]


def test_origin_of_a_library_is_the_folder_in_which_it_was_found() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="/opt"),
            "/opt/liba.so": Link("/srv/liba.so"),
            "/srv/liba.so": lib("libb.so", runpath="$ORIGIN/sub"),
            **at("/opt/sub/libb.so", "/srv/sub/libb.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so", "/opt/sub/libb.so"]


def test_an_inherited_origin_is_that_of_the_object_that_names_it() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="$ORIGIN/../opt"),
            "/opt/liba.so": lib("libb.so"),
            **at("/opt/libb.so"),
        }
    )
    assert paths(found) == ["/bin/../opt/liba.so", "/bin/../opt/libb.so"]


@pytest.mark.parametrize("element", ["/opt/$LIB", "/opt/${LIB}", "/opt/$LIB/.", "${ORIGIN}/../opt/${LIB}"])
def test_lib_is_the_first_directory_of_the_loader(element: str) -> None:
    found = closed({"/bin/prog": program("liba.so", rpath=element), **at("/opt/lib/x86_64-linux-gnu/liba.so")})
    assert len(paths(found)) == 1


def test_platform_is_the_word_of_the_kernel_for_the_processor() -> None:
    found = closed({"/bin/prog": program("liba.so", rpath="/opt/$PLATFORM"), **at("/opt/x86_64/liba.so")})
    assert paths(found) == ["/opt/x86_64/liba.so"]


def test_a_token_is_a_whole_word_and_what_is_none_stands_for_itself() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", "libb.so", "libd.so", rpath="/opt/$ORIGINAL:/opt/$LIBS:/opt/$HOME"),
            **at("/opt/$ORIGINAL/liba.so", "/opt/$LIBS/libb.so", "/opt/$HOME/libd.so"),
        }
    )
    assert paths(found) == ["/opt/$ORIGINAL/liba.so", "/opt/$LIBS/libb.so", "/opt/$HOME/libd.so"]


def test_a_folder_named_like_a_token_is_not_replaced_again() -> None:
    found = closed({"/opt/$LIB/prog": program("liba.so", rpath="$ORIGIN"), **at("/opt/$LIB/liba.so")}, "/opt/$LIB/prog")
    assert paths(found) == ["/opt/$LIB/liba.so"]


def test_tokens_in_the_name_of_a_library_are_those_of_whoever_asks() -> None:
    found = closed(
        {
            "/bin/prog": program("/opt/liba.so", "/srv/libb.so"),
            "/opt/liba.so": lib("$ORIGIN/libd.so"),
            "/srv/libb.so": lib("$ORIGIN/libd.so"),
            **at("/opt/libd.so", "/srv/libd.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so", "/srv/libb.so", "/opt/libd.so", "/srv/libd.so"]


# ld.so.cache, ld.so.conf, and the loader's own directories


def test_the_cache_comes_before_the_directories_of_the_loader() -> None:
    found = closed(
        {"/bin/prog": program("liba.so"), CACHE: cache("/opt/liba.so"), **at("/opt/liba.so", "/usr/lib/liba.so")}
    )
    assert rules(found) == ["/bin/prog liba.so => /opt/liba.so by ld.so.cache"]


def test_a_root_without_a_cache_is_searched_as_if_ldconfig_had_run() -> None:
    pieces = {"/bin/prog": program("liba.so"), CONF: b"/opt\n", **at("/opt/liba.so", "/usr/lib/liba.so")}
    assert rules(closed(pieces)) == ["/bin/prog liba.so => /opt/liba.so by ld.so.conf"]
    assert paths(closed(pieces, cache_only=True)) == ["/usr/lib/liba.so"]


def test_where_there_is_a_cache_the_conf_is_not_read() -> None:
    found = closed({"/bin/prog": program("liba.so"), CONF: b"/opt\n", CACHE: cache(), **at("/opt/liba.so")})
    assert missing(found) == [
        "liba.so for /bin/prog: not in /etc/ld.so.cache, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, "
        "/usr/lib"
    ]


def test_a_stale_cache_leads_on_to_the_directories_of_the_loader() -> None:
    found = closed(
        {"/bin/prog": program("liba.so"), CACHE: cache("/opt/liba.so", "/srv/libb.so"), **at("/usr/lib/liba.so")}
    )
    assert rules(found) == ["/bin/prog liba.so => /usr/lib/liba.so by a directory of the loader"]


@pytest.mark.parametrize("damaged", [b"", b"ld.so-1.7.0", cache("/opt/liba.so")[:-40], b"\0" * 100])
def test_the_loader_does_without_a_cache_that_it_cannot_read(damaged: bytes) -> None:
    found = closed({"/bin/prog": program("liba.so"), CACHE: damaged, **at("/opt/liba.so", "/usr/lib/liba.so")})
    assert paths(found) == ["/usr/lib/liba.so"]


def test_a_folder_in_place_of_the_cache_is_none() -> None:
    found = closed({"/bin/prog": program("liba.so"), f"{CACHE}/x": b"", CONF: b"/opt\n", **at("/opt/liba.so")})
    assert paths(found) == ["/opt/liba.so"]


def test_the_directories_are_those_that_the_loader_has_compiled_in() -> None:
    fedora = elf(soname="ld-linux-x86-64.so.2", data=b"\0/lib64/\0/usr/lib64/\0")
    pieces = {"/bin/prog": program("liba.so"), "/lib64/ld-linux-x86-64.so.2": fedora, **at("/lib/liba.so")}
    assert missing(closed(pieces)) == ["liba.so for /bin/prog: not in /lib64, /usr/lib64"]
    assert paths(closed({**pieces, **at("/lib64/liba.so")})) == ["/lib64/liba.so"]


# DF_1_NODEFLIB


def test_an_object_that_wants_no_default_library_gets_none_from_the_directories_of_the_loader() -> None:
    found = closed({"/bin/prog": program("liba.so", flags_1=NODEFLIB), **at("/usr/lib/liba.so")})
    assert missing(found) == ["liba.so for /bin/prog: not in "]


def test_it_gets_what_the_cache_has_elsewhere() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", "libb.so", flags_1=NODEFLIB),
            CACHE: cache("/opt/liba.so", "/usr/lib/sub/libb.so"),
            **at("/opt/liba.so", "/usr/lib/sub/libb.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so"]
    assert missing(found) == ["libb.so for /bin/prog: not in /etc/ld.so.cache"]


def test_so_it_does_from_the_directories_that_a_cache_would_be_made_of() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", "libb.so", flags_1=NODEFLIB),
            CONF: b"/usr/lib/sub\n/opt\n",
            **at("/opt/liba.so", "/usr/lib/sub/liba.so", "/usr/lib/sub/libb.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so"]


def test_its_libraries_are_not_bound_by_that() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", flags_1=NODEFLIB, rpath="/opt"),
            "/opt/liba.so": lib("libb.so"),
            **at("/usr/lib/libb.so"),
        }
    )
    assert paths(found) == ["/opt/liba.so", "/usr/lib/libb.so"]


# What is in the way

OTHERS: dict[str, Piece] = {
    "another class": elf(bits=32, machine=I386),
    "another machine": elf(machine=AARCH64),
    "another byte order": elf(big=True, machine=MIPS),
    "another machine's program": elf(machine=AARCH64, type="exec", flags_1=1),
    "a symlink to nothing": Link("nothing.so"),
    "a symlink to a folder that is not there": Link("/none/liba.so"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_for_others_is_passed_over(other: str) -> None:
    found = closed(
        {"/bin/prog": program("liba.so", rpath="/opt:/srv"), "/opt/liba.so": OTHERS[other], **at("/srv/liba.so")}
    )
    assert paths(found) == ["/srv/liba.so"]
    assert missing(found) == []


def test_floats_passed_otherwise_are_for_others_too() -> None:
    interpreter = "/lib/ld-linux-armhf.so.3"
    arm: dict[str, Any] = {"bits": 32, "machine": ARM}
    found = closed(
        {
            "/bin/prog": elf(needed=["liba.so"], interpreter=interpreter, rpath="/opt:/srv", flags=0x5000400, **arm),
            "/opt/liba.so": elf(flags=0x5000200, **arm),
            "/srv/liba.so": elf(flags=0x5000400, **arm),
            interpreter: elf(flags=0x5000400, **arm),
        }
    )
    assert paths(found) == ["/srv/liba.so"]


STOPS = {
    "a linker script": (b"GROUP ( libc.so.6 )", "/opt/liba.so: it is not an ELF file; the search ends there"),
    "an empty file": (b"", "/opt/liba.so: it is not an ELF file; the search ends there"),
    "a file cut short": (lib()[:40], "/opt/liba.so: it ends after 40 bytes, within the header; the search ends there"),
    "a program": (elf(type="exec", flags_1=1), "/opt/liba.so is not a library; the loader stops at it"),
    "a program at any address": (elf(flags_1=0x8000000), "/opt/liba.so is not a library; the loader stops at it"),
    "another system": (elf(os_abi=9), "/opt/liba.so is for another operating system; the loader stops at it"),
}


@pytest.mark.parametrize("what", STOPS)
def test_what_is_no_library_stops_the_search_and_is_named(what: str) -> None:
    piece, said = STOPS[what]
    found = closed({"/bin/prog": program("liba.so", rpath="/opt:/srv"), "/opt/liba.so": piece, **at("/srv/liba.so")})
    assert missing(found) == [f"liba.so for /bin/prog: {said}"]


def test_a_folder_stops_the_search_too() -> None:
    found = closed({"/bin/prog": program("liba.so", rpath="/opt:/srv"), **at("/opt/liba.so/x", "/srv/liba.so")})
    assert missing(found) == ["liba.so for /bin/prog: /opt/liba.so is a directory; the loader stops at it"]


def test_a_circle_of_symlinks_ends_the_list_of_directories_it_is_in() -> None:
    found = closed(
        {
            "/bin/prog": program("liba.so", rpath="/opt:/srv"),
            "/opt/liba.so": Link("libb.so"),
            "/opt/libb.so": Link("liba.so"),
            **at("/srv/liba.so", "/usr/lib/liba.so"),
        }
    )
    assert paths(found) == ["/usr/lib/liba.so"]


def test_a_folder_that_leads_to_itself_holds_nothing() -> None:
    found = closed({"/bin/prog": program("liba.so", rpath="/opt:/srv"), "/opt": Link("opt"), **at("/srv/liba.so")})
    assert paths(found) == ["/srv/liba.so"]


def test_what_is_missing_tells_all_that_was_searched() -> None:
    found = closed(
        {"/bin/prog": program("liba.so", rpath="/none:/opt", interpreter="/lib/ld-linux.so.9")}, library_path=["/env"]
    )
    assert missing(found) == [
        "/lib/ld-linux.so.9 for /bin/prog: not in /lib/ld-linux.so.9",
        "liba.so for /bin/prog: not in /none, /opt, /env, /lib64, /usr/lib64, /lib, /usr/lib",
    ]


# Names with a slash


def test_a_name_with_a_slash_is_a_path() -> None:
    found = closed({"/bin/prog": program("/opt/liba.so", rpath="/srv"), **at("/opt/liba.so", "/srv/liba.so")})
    assert rules(found) == ["/bin/prog /opt/liba.so => /opt/liba.so by its path"]


def test_a_relative_path_depends_on_where_the_program_is_started() -> None:
    found = closed({"/bin/prog": program("lib/liba.so"), **at("/lib/liba.so", "/bin/lib/liba.so")})
    assert missing(found) == ["lib/liba.so for /bin/prog: lib/liba.so is relative to wherever the program is started"]


def test_a_path_to_a_library_for_others_is_missing() -> None:
    found = closed({"/bin/prog": program("/opt/liba.so"), "/opt/liba.so": elf(machine=AARCH64), **at("/lib/liba.so")})
    assert missing(found) == ["/opt/liba.so for /bin/prog: not in /opt/liba.so"]
