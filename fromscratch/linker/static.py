"""Static programs: their C library and language, and the files that a static GLIBC program loads at run time.

A static program needs no other file to start. But the code of GLIBC in it opens some while it runs, and dlopens
libraries of the very version that it was built with. Whether it uses name services shows in the file. Whether it uses
locales and conversions does not: their code is in every static GLIBC program, used or not.
"""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from fromscratch.formats.elf.headers import DF_1_PIE, MAX_OFFSET, PT_LOAD, Elf, Read
from fromscratch.formats.elf.notes import NT_GNU_ABI_TAG, NT_GO_BUILD_ID, notes
from fromscratch.formats.elf.sections import symbols_among
from fromscratch.lazy_regex import lazy_regex

_CHUNK, _OVERLAP = 1 << 20, 256

_NSS, _NSS_FILES, _NSS_SERVICES = b"/etc/nsswitch.conf", b"/etc/ethers\0", b"/etc/networks\0"
_GLIBC, _MUSL = b"GLIBC_TUNABLES\0", b"No error information\0"
_MUSL_SYMBOL = "__init_libc"
_GO, _RUST = b"\xff Go buildinf:", b"/rustc/"
_MARKS = (_NSS, _NSS_FILES, _NSS_SERVICES, _GLIBC, _MUSL, _GO, _RUST)
_RUST_PATH = lazy_regex(rb"/rustc/[0-9a-f]{40}/")


class RuntimeLoad(Struct, frozen=True):
    """A facility of GLIBC that opens files at run time.

    `matters` is None if the file does not show it; `text` is a line for the user.
    """

    facility: Literal["nss", "iconv", "locale"]
    matters: bool | None
    text: str


class StaticProgram(Struct, frozen=True):
    """What is known of a static program. `libc` is "none" for Go without C, "unknown" without any evidence.

    `language` is empty for C and all other languages that leave no mark; a program with a Rust library in it counts as
    Rust. `certain` is True if ELF notes or structures show it, and not only strings. `evidence` are phrases.
    """

    libc: Literal["glibc", "musl", "none", "unknown"]
    language: Literal["Go", "Rust", ""]
    is_pie: bool
    certain: bool
    evidence: tuple[str, ...]
    loads: tuple[RuntimeLoad, ...]

    def __str__(self) -> str:
        kind = "static-pie" if self.is_pie else "static"
        libc = {"glibc": " with GLIBC", "musl": " with musl", "none": " without a libc", "unknown": ""}[self.libc]
        return f"a {kind} {self.language} program{libc}" if self.language else f"a {kind} program{libc}"


def recognise(elf: Elf, read: Read) -> StaticProgram | None:
    """What is known of a static program; None for any other file. Raises FormatError for damaged notes."""
    if not elf.is_static:
        return None
    tagged = {(note.owner, note.type) for note in notes(elf, read)}
    marks = _marks(elf, read)
    evidence, certain = [], False
    libc: Literal["glibc", "musl", "none", "unknown"] = "unknown"
    language: Literal["Go", "Rust", ""] = ""
    if ("Go", NT_GO_BUILD_ID) in tagged or _GO in marks:
        evidence.append("it has Go's build ID" if _GO not in marks else "it has Go's build information")
        libc, language, certain = "none", "Go", True
    elif _RUST in marks:
        evidence.append("it names source files of Rust's standard library")
        language = "Rust"
    if ("GNU", NT_GNU_ABI_TAG) in tagged:
        evidence.append("it has the ABI tag of GLIBC's start files")
        libc, certain = "glibc", True
    elif _GLIBC in marks:
        evidence.append("it reads GLIBC_TUNABLES")
        libc = "glibc"
    elif language != "Go" and (_MUSL in marks or symbols_among([_MUSL_SYMBOL], elf, read)):
        evidence.append("it has musl's words for no error" if _MUSL in marks else f"it has musl's {_MUSL_SYMBOL}")
        libc = "musl"
    loads = tuple(_loads(elf, read, marks)) if libc == "glibc" else ()
    return StaticProgram(libc, language, bool(elf.flags_1 & DF_1_PIE), certain, tuple(evidence), loads)


def _loads(elf: Elf, read: Read, marks: frozenset[bytes]) -> Iterator[RuntimeLoad]:
    if _NSS in marks and {_NSS_FILES, _NSS_SERVICES} <= marks:
        yield RuntimeLoad("nss", False, _TEXTS["nss, built in"])
    elif _NSS in marks:
        yield RuntimeLoad("nss", True, _TEXTS["nss"])
    symbols = symbols_among(["iconv_open"], elf, read)
    if symbols is None:
        yield RuntimeLoad("iconv", None, _TEXTS["iconv, perhaps"])
    elif symbols:
        yield RuntimeLoad("iconv", True, _TEXTS["iconv"])
    yield RuntimeLoad("locale", None, _TEXTS["locale"])


_TEXTS = {
    "nss, built in": "it looks up users, groups or hosts: GLIBC has 'files' and 'dns' built in, so nothing is missing "
    "unless /etc/nsswitch.conf names other services, which need libnss_*.so.2 of the same GLIBC",
    "nss": "it looks up users, groups or hosts with a GLIBC older than 2.34: that loads libnss_files.so.2, "
    "libnss_dns.so.2 and libc.so.6 of the same GLIBC at run time, and finds nothing without them",
    "iconv": "it converts character sets: any but ASCII, UTF-8, UCS-2 and UCS-4 need gconv modules of the same GLIBC",
    "iconv, perhaps": "if it converts character sets (it is stripped, so this cannot be seen), any but ASCII, UTF-8, "
    "UCS-2 and UCS-4 need gconv modules of the same GLIBC",
    "locale": "if it calls setlocale, every locale but C and POSIX is read from /usr/lib/locale, "
    "and without that it stays in C",
}


def _marks(elf: Elf, read: Read) -> frozenset[bytes]:
    """The known marks that the loaded segments of the file contain, read chunk by chunk."""
    found: set[bytes] = set()
    for segment in elf.segments:
        if segment.type != PT_LOAD or segment.offset >= MAX_OFFSET:
            continue
        for start in range(segment.offset, segment.offset + segment.size, _CHUNK):
            size = min(_CHUNK + _OVERLAP, segment.offset + segment.size - start)
            piece = read(start, size)
            found.update(mark for mark in _MARKS if mark not in found and _holds(piece, mark))
            if len(piece) < size:
                break
    return frozenset(found)


def _holds(piece: bytes, mark: bytes) -> bool:
    """Whether the mark is there; of one that any program could contain, also what must stand around it."""
    if mark not in piece:
        return False
    if mark == _RUST:
        return _RUST_PATH.search(piece) is not None
    if mark == _GO:  # the size of a pointer and flags follow; others only search for the text
        return re.search(re.escape(_GO) + rb"[\0\4\10][\0-\3]", piece) is not None
    return True
