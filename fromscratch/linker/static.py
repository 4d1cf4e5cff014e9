"""Programs that no loader starts: what made them, and what a static GLIBC program loads at run time all the same.

A static program needs no other file to start. But GLIBC's own code opens some while it runs, and dlopens
libraries of the very version that it was built with. What the file holds tells of name services. It does not tell of
locales and conversions: their code is in every static GLIBC program, used or not.
"""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from fromscratch.formats.elf.headers import DF_1_PIE, MAX_OFFSET, PT_LOAD, Elf, Read
from fromscratch.formats.elf.notes import NT_GNU_ABI_TAG, NT_GO_BUILD_ID, notes
from fromscratch.formats.elf.sections import symbols_among
from fromscratch.lazy_regex import lazy_regex

_PIECE, _OVERLAP = 1 << 20, 256

_NSS, _NSS_FILES, _NSS_SERVICES = b"/etc/nsswitch.conf", b"/etc/ethers\0", b"/etc/networks\0"
_GLIBC, _MUSL = b"GLIBC_TUNABLES\0", b"No error information\0"
_MUSL_SYMBOL = "__init_libc"
_GO, _RUST = b"\xff Go buildinf:", b"/rustc/"
_MARKS = (_NSS, _NSS_FILES, _NSS_SERVICES, _GLIBC, _MUSL, _GO, _RUST)
_RUST_PATH = lazy_regex(rb"/rustc/[0-9a-f]{40}/")


class Load(Struct, frozen=True):
    """Something that GLIBC opens at run time. `matters` is None where the file cannot tell; `text` is one line."""

    facility: Literal["nss", "iconv", "locale"]
    matters: bool | None
    text: str


class Static(Struct, frozen=True):
    """A static program. `libc` is none for Go without C, and unknown where nothing tells of one.

    `language` is empty for C and whatever else leaves no mark; of a program that a Rust library is linked into, it says
    Rust. It is `certain` if notes or structures tell it, else likely: texts do. `evidence` are phrases.
    """

    libc: Literal["glibc", "musl", "none", "unknown"]
    language: Literal["Go", "Rust", ""]
    is_pie: bool
    certain: bool
    evidence: tuple[str, ...]
    loads: tuple[Load, ...]

    def __str__(self) -> str:
        kind = "static-pie" if self.is_pie else "static"
        libc = {"glibc": " with GLIBC", "musl": " with musl", "none": " without a libc", "unknown": ""}[self.libc]
        return f"a {kind} {self.language} program{libc}" if self.language else f"a {kind} program{libc}"


def recognised(elf: Elf, read: Read) -> Static | None:
    """What the program is; None for anything but a static one. Raises FormatError for damaged notes."""
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
    return Static(libc, language, bool(elf.flags_1 & DF_1_PIE), certain, tuple(evidence), loads)


def _loads(elf: Elf, read: Read, marks: frozenset[bytes]) -> Iterator[Load]:
    if _NSS in marks and {_NSS_FILES, _NSS_SERVICES} <= marks:
        yield Load("nss", False, _TEXTS["nss, built in"])
    elif _NSS in marks:
        yield Load("nss", True, _TEXTS["nss"])
    symbols = symbols_among(["iconv_open"], elf, read)
    if symbols is None:
        yield Load("iconv", None, _TEXTS["iconv, perhaps"])
    elif symbols:
        yield Load("iconv", True, _TEXTS["iconv"])
    yield Load("locale", None, _TEXTS["locale"])


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
    """Which of the known marks the loaded part of the file holds, read piece by piece."""
    found: set[bytes] = set()
    for segment in elf.segments:
        if segment.type != PT_LOAD or segment.offset >= MAX_OFFSET:
            continue
        for start in range(segment.offset, segment.offset + segment.size, _PIECE):
            size = min(_PIECE + _OVERLAP, segment.offset + segment.size - start)
            piece = read(start, size)
            found.update(mark for mark in _MARKS if mark not in found and _holds(piece, mark))
            if len(piece) < size:
                break
    return frozenset(found)


def _holds(piece: bytes, mark: bytes) -> bool:
    """Whether the mark is there and, where a text alone could stand in any program, what belongs around it too."""
    if mark not in piece:
        return False
    if mark == _RUST:
        return _RUST_PATH.search(piece) is not None
    if mark == _GO:  # the size of a pointer and flags follow; others only search for the text
        return re.search(re.escape(_GO) + rb"[\0\4\10][\0-\3]", piece) is not None
    return True
