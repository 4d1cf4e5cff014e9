"""Libraries that are opened by name: notes, strings, and what glibc opens itself."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fromscratch.errors import NotInTree
from fromscratch.linker.beyond import dlopen
from fromscratch.linker.beyond.contract import NeededFile, Offer
from fromscratch.model.rootfs import Rootfs
from tests.engines import need
from tests.formats.elf.made import elf
from tests.linker.beyond.objects import LIBC, libc, program, system
from tests.linker.beyond.roots import Root, compiled
from tests.linker.beyond.scenes import listing, paths_needed
from tests.trees import text

NT_FDO_DLOPEN = 0x407C0C0A


def note(
    *sonames: str, priority: str = "recommended", feature: str = "", description: str = ""
) -> tuple[str, int, bytes]:
    listing = {"soname": sonames, "priority": priority, "feature": feature, "description": description}
    return "FDO", NT_FDO_DLOPEN, json.dumps([listing]).encode() + b"\0"


def found(objects: dict[str, bytes], block: str = "", **options: Any) -> str:
    return listing(dlopen.find(system(block, objects), **options))


def test_notes_are_followed_by_their_priority() -> None:
    it = elf(
        needed=["libc.so.6"],
        notes=[
            note("libneeded.so.1", priority="required"),
            note("libgood.so.1", feature="zip"),
            note("libfine.so.1", priority="suggested", feature="tar", description="ribbons"),
        ],
    )
    objects = {"/usr/bin/it": it, "/usr/lib/libz.so.1": elf(soname="libz.so.1")}
    beside = "f 0644 0:0 /usr/lib/libfine.so.1 'any'"
    assert found(objects, beside) == text("""
        dlopen declared library libneeded.so.1 opened by /usr/bin/it (required by its dlopen note)
        dlopen declared library optional libgood.so.1 opened by /usr/bin/it (recommended by its dlopen note for zip)
        offer dlopen libfine.so.1, which /usr/bin/it can use for tar, ribbons (suggested)
    """)
    asked = dlopen.find(system(beside, objects), priorities=("suggested",))
    assert paths_needed(asked) == ["libfine.so.1"]


def test_of_several_sonames_one_that_is_there_is_taken() -> None:
    it = elf(needed=["libc.so.6"], notes=[note("liba.so.3", "liba.so.2", "liba.so.1")])
    here = elf(soname="libc.so.6")
    first = {"/usr/bin/it": it, "/usr/lib/libc.so.6": here}
    assert " liba.so.3 " in found(first)
    beside = "f 0644 0:0 /usr/lib/liba.so.2 'any'"
    assert " liba.so.2 " in found(first, beside)
    assert " liba.so.1 " in found({**first, "/usr/lib/liba.so.1": elf(soname="liba.so.1")}, beside)


def test_a_note_that_cannot_be_read_is_told() -> None:
    it = elf(notes=[("FDO", NT_FDO_DLOPEN, b"no json")], needed=["libc.so.6"])
    assert found({"/usr/bin/it": it}).startswith("warning dlopen the notes of /usr/bin/it cannot be read: ")


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ("libgpm.so.2", ["libgpm.so.2"]),
        ("libgpm.so\0libgpm.so.1.2.3", ["libgpm.so", "libgpm.so.1.2.3"]),
        ("module.so", ["module.so"]),
        ("/usr/lib/app/one.so\0/usr/lib/app/none.so", ["/usr/lib/app/one.so"]),
        ("see libgpm.so.2\0libgpm.so.2 is missing\0lib%s.so\0.so\0lib.so.x\0app/one.so\0%s/libx.so", []),
        ("libz.so.1\0libme.so.1\0libc.so.6\0ld-linux-x86-64.so.2\0linux-vdso.so.1\0ld-musl-x86_64.so.1", []),
    ],
)
def test_strings_that_look_like_sonames_are_likely(data: str, names: list[str]) -> None:
    it = elf(soname="libme.so.1", needed=["libz.so.1"], imports=["dlopen"], data=f"\0{data}\0".encode())
    scene = system("f 0644 0:0 /usr/lib/app/one.so 'any'", {"/usr/lib/libme.so.1": it})
    wants = [each for each in dlopen.find(scene) if isinstance(each, NeededFile)]
    assert [want.path for want in wants] == names
    assert all(want.optional and want.library and want.confidence == "likely" for want in wants)
    assert not list(dlopen.find(scene, strings=False))


def test_strings_of_what_opens_nothing_are_just_strings() -> None:
    assert found({"/usr/bin/it": program("puts", data="libgpm.so.2")}) == ""


@pytest.mark.parametrize("symbol", ["pthread_cancel", "pthread_exit", "thrd_exit", "backtrace"])
def test_glibc_opens_the_unwinder(symbol: str) -> None:
    objects = {LIBC: libc(), "/usr/bin/it": program(symbol)}
    assert found(objects) == (
        "dlopen certain library libgcc_s.so.1 needed by /usr/lib/libc.so.6"
        f" (loads libgcc_s.so.1 for {symbol}, which /usr/bin/it calls)"
    )
    assert found({LIBC: libc(), "/usr/bin/it": program("puts")}) == ""
    assert (
        found({"/usr/lib/libc.musl-x86_64.so.1": elf(soname="libc.musl-x86_64.so.1"), **dict([*objects.items()][1:])})
        == ""
    )


def test_host_names_beyond_ascii_are_offered() -> None:
    objects = {LIBC: libc(), "/usr/bin/it": program("getaddrinfo")}
    offer = list(dlopen.find(system("f 0644 0:0 /usr/lib/libidn2.so.0 'twelve bytes'", objects)))
    assert [(str(each.setting), each.size) for each in offer if isinstance(each, Offer)] == [
        ("add=/usr/lib/libidn2.so.0", 12)
    ]
    assert "possible library libidn2.so.0" in found(objects, idn=True)


CANCEL = """
    #include <pthread.h>
    #include <stdio.h>
    static void *run(void *no) { pthread_exit(no); }
    int main(void) { pthread_t it; pthread_create(&it, 0, run, 0); pthread_join(it, 0); puts("ended"); return 0; }
"""
BY_STRING = """
    #include <dlfcn.h>
    #include <stdio.h>
    int main(void) {
        void *it = dlopen("libplug.so.1", RTLD_NOW);
        if (!it) { puts("none"); return 3; }
        puts(((const char *(*)(void)) dlsym(it, "plug"))());
        return 0;
    }
"""
BY_NOTE = """
    #include <dlfcn.h>
    #include <stdio.h>
    __asm__(".pushsection .note.dlopen,\\"a\\",%note\\n.balign 4\\n.long 4, 2f-1f, 0x407c0c0a\\n.asciz \\"FDO\\"\\n"
            "1: .asciz \\"[{\\\\\\"soname\\\\\\":[\\\\\\"libplug.so.1\\\\\\"],"
            "\\\\\\"priority\\\\\\":\\\\\\"required\\\\\\"}]\\"\\n2: .balign 4\\n.popsection");
    int main(void) {
        char name[] = "libplug.so.X";
        name[11] = '1';
        void *it = dlopen(name, RTLD_NOW);
        if (!it) { puts("none"); return 3; }
        puts(((const char *(*)(void)) dlsym(it, "plug"))());
        return 0;
    }
"""
PLUG = 'const char *plug(void) { return "plugged"; }\n'


@pytest.mark.slow
def test_a_thread_ends_in_an_image_with_the_unwinder(tmp_path: Path) -> None:
    root = Root(tmp_path, compiled(tmp_path, CANCEL))
    assert "libgcc_s.so.1 must be installed" in root.run().stderr
    assert root.run(dlopen.find).stdout == "ended\n"


@pytest.mark.slow
@pytest.mark.parametrize("source", [BY_STRING, BY_NOTE])
def test_a_library_is_found_by_its_name_in_the_program(tmp_path: Path, source: str) -> None:
    library = tmp_path / "libplug.so.1"
    (tmp_path / "plug.c").write_text(PLUG)
    argv: list[str | Path] = [
        need("gcc"),
        "-shared",
        "-fPIC",
        "-Wl,-soname,libplug.so.1",
        "-o",
        library,
        tmp_path / "plug.c",
    ]
    subprocess.run(argv, check=True)
    root = Root(tmp_path, compiled(tmp_path, source, f"-Wl,-rpath,{tmp_path}"))
    assert root.run().stdout == "none\n"
    assert root.run(dlopen.find).stdout == "plugged\n"


def test_an_object_that_is_not_where_it_is_looked_for_is_a_fault_and_no_empty_file() -> None:
    scene = system("", {"/usr/bin/it": elf(needed=["libc.so.6"], imports=["dlopen"], data=b"\0libz.so.1\0")})
    lost = replace(scene, view=Rootfs())
    with pytest.raises(NotInTree, match="/usr/bin/it is not a file"):
        list(dlopen.find(lost))
