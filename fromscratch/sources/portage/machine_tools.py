"""The packages of Gentoo whose programs this machine has: builds run these, and nothing is installed here.

Portage asks for tools by the names and versions of Gentoo's packages (BDEPEND). A tool that this machine has counts
as every version of its package that the repositories have: whether it is new enough, the build itself finds out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from fromscratch.lazy_regex import lazy_regex

# Package and program; without a program, what is not worth a look: wrappers, scripts and choices between programs.
TOOLS: dict[str, str] = {
    **dict.fromkeys(("sys-devel/gcc", "sys-devel/gcc-config"), "gcc"),
    **dict.fromkeys(("sys-devel/binutils", "sys-devel/binutils-config", "sys-libs/binutils-libs"), "ld"),
    "dev-build/make": "make",
    **dict.fromkeys(("dev-build/autoconf", "dev-build/autoconf-wrapper"), "autoconf"),
    **dict.fromkeys(("dev-build/automake", "dev-build/automake-wrapper"), "automake"),
    "dev-build/libtool": "libtoolize",
    "dev-build/autoconf-archive": "",
    "dev-build/gtk-doc-am": "",
    "dev-build/cmake": "cmake",
    **dict.fromkeys(("dev-build/meson", "dev-build/meson-format-array"), "meson"),
    **dict.fromkeys(("dev-build/ninja", "app-alternatives/ninja", "dev-build/samurai"), "ninja"),
    "sys-devel/gettext": "msgfmt",
    "sys-devel/gnuconfig": "",
    "sys-devel/m4": "m4",
    **dict.fromkeys(("sys-devel/bison", "app-alternatives/yacc"), "bison"),
    **dict.fromkeys(("sys-devel/flex", "app-alternatives/lex"), "flex"),
    "sys-devel/patch": "patch",
    **dict.fromkeys(("virtual/pkgconfig", "dev-util/pkgconf", "dev-util/pkgconfig"), "pkg-config"),
    "dev-lang/perl": "perl",
    "dev-lang/python": "python3",
    "dev-lang/python-exec": "",
    "dev-lang/tcl": "tclsh",
    "dev-lang/go": "go",
    **dict.fromkeys(("dev-lang/rust", "dev-lang/rust-bin", "virtual/rust"), "cargo"),
    "dev-util/gperf": "gperf",
    "dev-util/intltool": "intltoolize",
    "dev-vcs/git": "git",
    "net-misc/rsync": "rsync",
    "net-misc/curl": "curl",
    "app-arch/tar": "tar",
    **dict.fromkeys(("app-arch/gzip", "app-alternatives/gzip"), "gzip"),
    **dict.fromkeys(("app-arch/bzip2", "app-alternatives/bzip2"), "bzip2"),
    **dict.fromkeys(("app-arch/xz-utils", "app-alternatives/xz"), "xz"),
    "app-arch/zstd": "zstd",
    "app-arch/unzip": "unzip",
    "app-arch/zip": "zip",
    "app-arch/cpio": "cpio",
    "app-alternatives/tar": "tar",
    **dict.fromkeys(("app-alternatives/awk", "sys-apps/gawk"), "awk"),
    "app-alternatives/bc": "bc",
    "app-alternatives/sh": "sh",
    "app-shells/bash": "bash",
    "sys-apps/coreutils": "ls",
    "sys-apps/diffutils": "diff",
    "sys-apps/file": "file",
    "sys-apps/findutils": "find",
    "sys-apps/gentoo-functions": "",
    "sys-apps/grep": "grep",
    "sys-apps/help2man": "help2man",
    "sys-apps/sed": "sed",
    "sys-apps/texinfo": "makeinfo",
    "sys-apps/util-linux": "setpriv",
    "sys-apps/which": "which",
    "app-portage/elt-patches": "",
    "app-text/asciidoc": "a2x",
    "app-text/xmlto": "xmlto",
    "dev-libs/libxslt": "xsltproc",
    "dev-libs/libxml2": "xmllint",
    "virtual/perl-ExtUtils-MakeMaker": "perl",
    "virtual/w3m": "",
}
# What every root that this machine fills shares with it: its C library, and what its compiler links with.
C_LIBRARY = (
    "sys-libs/glibc",
    "virtual/libc",
    "sys-devel/gcc",
    "llvm-runtimes/compiler-rt",
    "sys-kernel/linux-headers",
    "virtual/os-headers",
    "sys-libs/libxcrypt",
    "virtual/libcrypt",
)
# Those of which several versions can be installed side by side, each in the slot of its first two numbers.
_SLOTTED = lazy_regex(r"(?:dev-build/(?:automake|autoconf)|dev-lang/python)-(?P<slot>[0-9]+\.[0-9]+).*")
# Programs of Debian whose package is not named as they are.
_PACKAGES = {
    "a2x": "asciidoc",
    "msgfmt": "gettext",
    "libtoolize": "libtool",
    "makeinfo": "texinfo",
    "ld": "binutils",
    "ninja": "ninja-build",
    "go": "golang-go",
    "intltoolize": "intltool",
    "xz": "xz-utils",
    "tclsh": "tcl",
    "xmllint": "libxml2-utils",
    "awk": "gawk",
}


def provided(versions: Mapping[str, Iterable[str]], has: Callable[[str], bool], more: Iterable[str] = ()) -> list[str]:
    """The packages with versions that this machine's programs count as; `versions` has those of each package.

    `more` are packages that the recipe says this machine has.
    """
    found = {name for name, program in TOOLS.items() if not program or has(program)}
    return sorted(_provided(versions, found | set(more)))


def c_library(versions: Mapping[str, Iterable[str]]) -> list[str]:
    """The packages with versions that this machine's C library counts as in the root."""
    return sorted(_provided(versions, C_LIBRARY))


def advice_for(packages: Iterable[str]) -> str:
    """How this machine gets the tools that these packages are."""
    programs = {each: TOOLS.get(each, "") for each in packages}
    debian = dict.fromkeys(_PACKAGES.get(program, program) for program in programs.values() if program)
    others = [each for each, program in programs.items() if not program]
    parts = []
    if debian:
        parts.append(f"install them, on Debian for example with: apt-get install {' '.join(debian)}")
    if others:
        parts.append(f"if this machine has what is in {' and '.join(others)}, say so under tools:")
    return "; ".join(parts)


def lacking(packages: Iterable[str], has: Callable[[str], bool]) -> list[str]:
    """Those of the packages that are tools which this machine does not have."""
    return [each for each in packages if TOOLS.get(each) and not has(TOOLS[each])]


def record(category: str, name: str, repository: str) -> dict[str, str]:
    """The files of the record of an installed package, without any content."""
    found = _SLOTTED.fullmatch(f"{category}/{name}")
    lines = {"SLOT": found["slot"] if found else "0", "EAPI": "8", "CATEGORY": category, "PF": name, "COUNTER": "1"}
    given = {**lines, "repository": repository, "KEYWORDS": "", "USE": "", "IUSE": ""}
    return {"CONTENTS": "", **{field: f"{text}\n" for field, text in given.items()}}


def _provided(versions: Mapping[str, Iterable[str]], packages: Iterable[str]) -> Iterator[str]:
    for package in packages:
        for version in versions.get(package, ()):
            yield f"{package}-{version}"
