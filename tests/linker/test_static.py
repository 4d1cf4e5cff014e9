"""Static programs: what made them, and what those of GLIBC still load, tried in an empty root."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from fromscratch.formats.elf.headers import read_elf
from fromscratch.linker.static import StaticProgram, recognise
from tests.engines import missing, need, need_root, spare
from tests.formats.elf.files import built, opened, workshop  # noqa: F401
from tests.formats.elf.made import elf, reader

GLIBC_TAG = [("GNU", 1, bytes(4) + b"\3\0\0\0\2\0\0\0\0\0\0\0")]
NSS = b"\0/etc/nsswitch.conf\0libnss_%s.so%s\0"
FILES = b"\0/etc/ethers\0/etc/networks\0"
GO = b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x08go1.19.8"
RUST = b"/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/vec/mod.rs"


def of(raw: bytes) -> StaticProgram:
    found = recognise(read_elf(reader(raw)), reader(raw))
    assert found is not None
    return found


def of_file(path: Path) -> StaticProgram:
    with opened(path) as (facts, read):
        found = recognise(facts, read)
    assert found is not None
    return found


def loads(found: StaticProgram) -> dict[str, bool | None]:
    return {each.facility: each.matters for each in found.loads}


@pytest.mark.parametrize(
    "raw", [elf(soname="libx.so"), elf(interpreter="/lib/ld.so"), elf(type="exec", needed=["libc.so.6"])]
)
def test_what_a_loader_starts_or_loads_is_not_static(raw: bytes) -> None:
    assert recognise(read_elf(reader(raw)), reader(raw)) is None


@pytest.mark.parametrize(
    ("raw", "words", "certain"),
    [
        (elf(type="exec"), "a static program", False),
        (elf(flags_1=0x08000000), "a static-pie program", False),
        (elf(type="exec", notes=GLIBC_TAG), "a static program with GLIBC", True),
        (elf(type="exec", data=b"GLIBC_TUNABLES\0"), "a static program with GLIBC", False),
        (elf(type="exec", data=b"No error information\0"), "a static program with musl", False),
        (elf(type="exec", notes=[("Go", 4, b"id")]), "a static Go program without a libc", True),
        (elf(type="exec", data=GO), "a static Go program without a libc", True),
        (elf(type="exec", data=GO, notes=GLIBC_TAG), "a static Go program with GLIBC", True),
        (elf(type="exec", data=b"looks for \xff Go buildinf: in files"), "a static program", False),
        (elf(flags_1=0x08000000, data=RUST + b"No error information\0"), "a static-pie Rust program with musl", False),
        (elf(type="exec", data=b"/rustc/ is where"), "a static program", False),
    ],
)
def test_notes_structures_and_texts_tell_what_made_it(raw: bytes, words: str, certain: bool) -> None:
    found = of(raw)
    assert (str(found), found.certain) == (words, certain)
    assert bool(found.evidence) == (words not in ("a static program", "a static-pie program"))


def test_marks_across_the_pieces_that_are_read_are_found() -> None:
    for place in range((1 << 20) - 400, (1 << 20) + 400, 13):
        assert of(elf(type="exec", data=bytes(place) + b"GLIBC_TUNABLES\0")).libc == "glibc"


def test_only_a_glibc_loads_anything_and_only_an_old_one_needs_modules_for_files_and_dns() -> None:
    assert loads(of(elf(type="exec", data=NSS))) == {}
    assert loads(of(elf(type="exec", notes=GLIBC_TAG))) == {"iconv": None, "locale": None}
    assert loads(of(elf(type="exec", notes=GLIBC_TAG, data=NSS))) == {"nss": True, "iconv": None, "locale": None}
    assert loads(of(elf(type="exec", notes=GLIBC_TAG, data=NSS + FILES))) == {
        "nss": False,
        "iconv": None,
        "locale": None,
    }


def test_every_text_is_one_line() -> None:
    for raw in (elf(type="exec", notes=GLIBC_TAG, data=NSS), elf(type="exec", notes=GLIBC_TAG, data=NSS + FILES)):
        for load in of(raw).loads:
            assert load.text == load.text.strip()
            assert "\n" not in load.text


# Real programs, and what they do in a root that holds nothing but themselves.

HELLO = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }'
USER = """#include <pwd.h>
#include <stdio.h>
int main(int count, char **words) {
  struct passwd *found = count > 1 ? getpwnam(words[1]) : 0; return puts(found ? found->pw_dir : "nobody") < 0; }"""
HOST = """#include <netdb.h>
#include <stdio.h>
int main(int count, char **words) { struct addrinfo *found;
  return puts(count > 1 && !getaddrinfo(words[1], 0, 0, &found) ? "found" : "no such host") < 0; }"""
CONVERT = """#include <iconv.h>
#include <stdio.h>
int main(int count, char **words) {
  return puts(count > 1 && iconv_open("UTF-8", words[1]) != (iconv_t)-1 ? "yes" : "no") < 0; }"""
LOCALE = """#include <locale.h>
#include <stdio.h>
int main(int count, char **words) { return puts(count > 1 && setlocale(LC_ALL, words[1]) ? "yes" : "no") < 0; }"""


@pytest.mark.parametrize("flags", [("-static",), ("-static", "-s", "-Os"), ("-static-pie",), ("-static-pie", "-s")])
def test_programs_of_gcc_with_a_static_glibc(workshop: Path, flags: Sequence[str]) -> None:  # noqa: F811
    hello, user, host, convert = (
        of_file(built(workshop, f"{name}{''.join(flags)}", source, *flags))
        for name, source in (("hello", HELLO), ("user", USER), ("host", HOST), ("convert", CONVERT))
    )
    for each in (hello, user, host, convert):
        assert (each.libc, each.language, each.is_pie, each.certain) == ("glibc", "", "-static-pie" in flags, True)
    assert "nss" not in loads(hello) | loads(convert)
    assert {"nss"} <= loads(user).keys() & loads(host).keys()
    stripped = "-s" in flags
    assert loads(hello).get("iconv", False) is (None if stripped else False)
    assert loads(convert)["iconv"] is (None if stripped else True)


def run_in(root: Path, program: Path, *words: str) -> str:
    """What the program says in a root of its own."""
    need_root("chroot")
    shutil.copy(program, root / "program")
    done = subprocess.run([need("chroot"), root, "/program", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def is_recent(found: StaticProgram) -> bool:
    return loads(found)["nss"] is False


def test_users_and_hosts_are_found_without_any_library_as_we_say(workshop: Path, tmp_path: Path) -> None:  # noqa: F811
    user, host = built(workshop, "root-user", USER, "-static"), built(workshop, "root-host", HOST, "-static")
    if not is_recent(of_file(user)):
        missing("a static GLIBC of 2.34 or later is not on this machine")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("web:x:1:1:web:/srv:/bin/sh\n")
    (tmp_path / "etc" / "hosts").write_text("192.0.2.1 here.example\n")
    assert run_in(tmp_path, user, "web") == "/srv"
    assert run_in(tmp_path, host, "here.example") == "found"
    (tmp_path / "etc" / "nsswitch.conf").write_text("passwd: elsewhere\nhosts: elsewhere\n")
    assert run_in(tmp_path, user, "web") == "nobody"
    assert run_in(tmp_path, host, "here.example") == "no such host"


def test_conversions_without_modules_are_those_that_we_say(workshop: Path, tmp_path: Path) -> None:  # noqa: F811
    program = built(workshop, "root-convert", CONVERT, "-static")
    says = {name: run_in(tmp_path, program, name) for name in ("ASCII", "UTF-8", "UCS-2", "UCS-4", "UTF-16", "LATIN1")}
    assert says == {"ASCII": "yes", "UTF-8": "yes", "UCS-2": "yes", "UCS-4": "yes", "UTF-16": "no", "LATIN1": "no"}


def test_locales_without_files_are_those_that_we_say(workshop: Path, tmp_path: Path) -> None:  # noqa: F811
    program = built(workshop, "root-locale", LOCALE, "-static")
    says = {name: run_in(tmp_path, program, name) for name in ("C", "POSIX", "C.UTF-8", "en_US.UTF-8")}
    assert says == {"C": "yes", "POSIX": "yes", "C.UTF-8": "no", "en_US.UTF-8": "no"}
    assert loads(of_file(program))["locale"] is None


def test_programs_of_musl(workshop: Path) -> None:  # noqa: F811
    for name, source in (("hello", HELLO), ("host", HOST)):
        found = of_file(built(workshop, f"musl-{name}", source, "-static", compiler=["musl-gcc"]))
        assert (found.libc, found.loads) == ("musl", ())


GO_SOURCE = 'package main\nfunc main() { println("hello") }\n'


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("-trimpath", "-ldflags=-s -w -buildid=")], ids=["plain", "stripped"])
def test_programs_of_go(tmp_path: Path, flags: Sequence[str]) -> None:
    (tmp_path / "hello.go").write_text(GO_SOURCE)
    environment = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(tmp_path / "cache"),
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    argv = [need("go"), "build", *flags, "-o", "hello", "hello.go"]
    subprocess.run(argv, cwd=tmp_path, env=environment, check=True, capture_output=True)
    found = of_file(tmp_path / "hello")
    assert (str(found), found.certain, found.loads) == ("a static Go program without a libc", True, ())


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("-O", "-Cstrip=symbols", "-Cpanic=abort")], ids=["plain", "stripped"])
def test_programs_of_rust(tmp_path: Path, flags: Sequence[str]) -> None:
    (tmp_path / "hello.rs").write_text('fn main() { println!("hello"); }\n')
    argv = [spare("rustc"), "-Ctarget-feature=+crt-static", *flags, "-o", "hello", "hello.rs"]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    found = of_file(tmp_path / "hello")
    assert (found.language, found.libc) == ("Rust", "glibc")
