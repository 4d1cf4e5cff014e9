"""Conversions between character sets: modules and their index, cut to what is asked for."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from fromscratch.advice import Setting
from fromscratch.linker.beyond.contract import GeneratedFile, Offer
from fromscratch.linker.beyond.glibc import gconv
from tests.linker.beyond.objects import LIBC, libc, program, system
from tests.linker.beyond.roots import Root, compiled
from tests.linker.beyond.scenes import listing, paths_needed
from tests.trees import text

MODULES = r"""
    f 0644 0:0 /usr/lib/gconv/gconv-modules 'alias UTF16// UTF-16//\nmodule UTF-16// INTERNAL UTF-16\n'
    f 0644 0:0 /usr/lib/gconv/gconv-modules.cache 'all of them'
    f 0644 0:0 /usr/lib/gconv/gconv-modules.d/e.conf 'module INTERNAL UTF-16// UTF-16\nmodule BIG5// INTERNAL BIG5\n'
    f 0755 0:0 /usr/lib/gconv/UTF-16.so 'sixteen'
    f 0755 0:0 /usr/lib/gconv/BIG5.so 'five'
"""
OBJECTS = {LIBC: libc(36, "/usr/lib/gconv"), "/usr/bin/it": program("iconv_open")}


def test_modules_are_offered_to_who_converts() -> None:
    scene = system(MODULES, OBJECTS)
    what = "2 modules that convert character sets other than UTF-8, UCS and ASCII, for /usr/bin/it"
    assert list(gconv.find(scene)) == [Offer(what, Setting("gconv", "all"), "gconv", 11)]
    assert not list(gconv.find(system(MODULES, {**OBJECTS, "/usr/bin/it": program("puts")})))
    assert not list(gconv.find(system("", OBJECTS)))


def test_modules_are_taken_with_an_index_of_their_own() -> None:
    *found, made = gconv.find(system(MODULES, OBJECTS), charsets=("utf16", "none"))
    assert listing(found) == text("""
        warning gconv no module in /usr/lib/gconv converts none: iconv will not know it in the image
        gconv declared /usr/lib/gconv/UTF-16.so opened by /usr/lib/libc.so.6 (converts UTF-16)
    """)
    assert isinstance(made, GeneratedFile)
    assert (made.path, made.data) == (
        "/usr/lib/gconv/gconv-modules",
        b"alias UTF16// UTF-16//\nmodule UTF-16// INTERNAL UTF-16.so 1\nmodule INTERNAL UTF-16// UTF-16.so 1\n",
    )


def test_all_are_taken_without_the_cache() -> None:
    found = list(gconv.find(system(MODULES, OBJECTS), charsets=("all",)))
    assert paths_needed(found) == ["/usr/lib/gconv/UTF-16.so", "/usr/lib/gconv/BIG5.so"]


def test_an_index_of_the_image_holds_before_ours() -> None:
    held = system(MODULES, OBJECTS, "/usr/lib/gconv/gconv-modules")
    assert not [each for each in gconv.find(held, charsets=("all",)) if isinstance(each, GeneratedFile)]


def test_the_folder_is_the_one_that_libc_names() -> None:
    moved = MODULES.replace("/usr/lib/gconv", "/gnu/store/xyz/lib/gconv")
    objects = {**OBJECTS, LIBC: libc(36, "/gnu/store/xyz/lib/gconv")}
    assert paths_needed(gconv.find(system(moved, objects), charsets=("UTF-16",))) == [
        "/gnu/store/xyz/lib/gconv/UTF-16.so"
    ]


CONVERT = r"""
    #include <iconv.h>
    #include <stdio.h>
    #include <string.h>
    int main(int count, char **words) {
        for (int at = 1; at < count; at++) {
            char in[] = "\xe6\x97\xa5\xe6\x9c\xac", out[64], *from = in, *to = out;
            size_t left = strlen(in), room = sizeof out;
            iconv_t it = iconv_open(words[at], "UTF-8");
            if (it == (iconv_t) -1) { printf("%s none\n", words[at]); continue; }
            size_t failed = iconv(it, &from, &left, &to, &room);
            printf("%s %s", words[at], failed == (size_t) -1 ? "failed" : "");
            for (char *byte = out; byte < to; byte++) printf("%02x", (unsigned char) *byte);
            puts("");
        }
        return 0;
    }
"""


@pytest.mark.slow
@pytest.mark.parametrize("charsets", [("UTF16LE", "EUCJP"), ("all",)])
def test_text_is_converted_in_an_image(tmp_path: Path, charsets: Sequence[str]) -> None:
    root = Root(tmp_path, compiled(tmp_path, CONVERT))
    args = ("UTF-16LE", "EUC-JP", "EUCJP", "SJIS", "UCS-2BE")
    assert (
        root.run(gconv.find, args=args).stdout
        == text("""
        UTF-16LE none
        EUC-JP none
        EUCJP none
        SJIS none
        UCS-2BE 65e5672c
    """)
        + "\n"
    )
    done = text(f"""
        UTF-16LE e5652c67
        EUC-JP c6fccbdc
        EUCJP c6fccbdc
        SJIS {"none" if "all" not in charsets else "93fa967b"}
        UCS-2BE 65e5672c
    """)
    assert root.run(partial(gconv.find, charsets=charsets), args=args).stdout == done + "\n"
    libraries = {path.rpartition("/")[2] for path in root.tree(partial(gconv.find, charsets=charsets))}
    assert "libJIS.so" in libraries  # what EUC-JP.so is linked with
    assert "gconv-modules.cache" not in libraries


@pytest.mark.slow
def test_every_character_set_is_known_with_its_own_index_only(tmp_path: Path) -> None:
    """Each that iconv names here is cut out alone, and opens in an image that has nothing else."""
    sets = ("LATIN1", "CP1252", "KOI8-R", "GB18030", "SHIFT_JIS", "BIG5-HKSCS", "IBM1008", "ISO-2022-JP-3", "UTF-7")
    for charset in sets:
        root = Root(tmp_path, compiled(tmp_path, CONVERT))
        listing = root.run(partial(gconv.find, charsets=(charset,)), args=(charset,)).stdout
        assert "none" not in listing, listing
