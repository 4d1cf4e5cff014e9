"""Files that GLIBC's loader cannot take, and folders below its folders: seen with the loader of GLIBC 2.36."""

import pytest

from tests.formats.elf.made import AARCH64, I386, elf
from tests.linker.roots import GLIBC, SYSTEM_DIRS, closed, lib, missing, paths, program

GOOD = lib()
BETTER = "/srv/liba.so"


def changed(*changes: tuple[int, bytes], raw: bytes = GOOD) -> bytes:
    made = bytearray(raw)
    for offset, data in changes:
        made[offset : offset + len(data)] = data
    return bytes(made)


@pytest.mark.parametrize(
    "candidate",
    [
        b"\x7fELF\x01\x01\x01" + b"\xff" * 200,  # of another class, and nothing else of it is right
        changed((4, b"\x07")),
        changed((4, b"\x00")),
        changed((18, b"\xb7\x00"), (54, b"\x01\x00")),  # of another machine, with program headers of a wrong size
        changed((18, b"\xb7\x00"))[:70],
        changed((4, b"\x01"), (5, b"\x02")),
        lib(machine=AARCH64),
        elf(bits=32, machine=I386),
    ],
)
def test_a_file_of_another_class_or_machine_is_passed_over_whatever_else_is_wrong(candidate: bytes) -> None:
    found = closed({"/bin/prog": program("liba.so", runpath="/opt:/srv"), "/opt/liba.so": candidate, BETTER: GOOD})
    assert paths(found) == [BETTER]


@pytest.mark.parametrize(
    "candidate",
    [b"", GOOD[:63], GOOD[:64], b"INPUT(-la)" * 9, changed((5, b"\x02")), changed((54, b"\x01\x00"))],
)
def test_at_any_other_file_the_search_ends(candidate: bytes) -> None:
    found = closed({"/bin/prog": program("liba.so", runpath="/opt:/srv"), "/opt/liba.so": candidate, BETTER: GOOD})
    assert paths(found) == []
    assert "the search ends there" in missing(found)[0]


def loader(text: bytes) -> dict[str, bytes]:
    return {GLIBC: elf(soname="ld-linux-x86-64.so.2", data=SYSTEM_DIRS + b"\0GLIBC_2.2.5\0" + text)}


@pytest.mark.parametrize("below", ["tls", "x86_64", "tls/x86_64"])
@pytest.mark.parametrize(
    ("says", "is_old"),
    [(b"", True), (b"stable release version 2.36.", True), (b"stable release version 2.37.", False)],
)
def test_before_2_37_folders_that_every_processor_has_come_first(below: str, says: bytes, is_old: bool) -> None:
    files = {
        "/bin/prog": program("liba.so", runpath="/opt"),
        "/opt/liba.so": GOOD,
        f"/opt/{below}/liba.so": lib(soname="liba.so"),
    }
    found = closed({**files, **loader(says)})
    assert paths(found)[0] == (f"/opt/{below}/liba.so" if is_old else "/opt/liba.so")


def test_a_library_for_newer_processors_alone_is_taken_and_the_one_for_the_most_of_them() -> None:
    files = {
        "/bin/prog": program("liba.so", runpath="/opt"),
        "/opt/glibc-hwcaps/x86-64-v2/liba.so": GOOD,
        "/opt/glibc-hwcaps/x86-64-v3/liba.so": GOOD,
    }
    assert [(link.to, link.found_by) for link in closed(files).links if link.name == "liba.so"] == [
        ("/opt/glibc-hwcaps/x86-64-v2/liba.so", "DT_RUNPATH of /bin/prog, for x86-64-v2")
    ]
    assert paths(closed({**files, "/usr/lib/liba.so": GOOD})) == ["/usr/lib/liba.so"]
