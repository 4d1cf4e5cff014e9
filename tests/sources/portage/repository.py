"""A small real repository of ebuilds, with the source archive that one of them needs."""

import hashlib
import io
import tarfile
from pathlib import Path

from msgspec import Struct

_HEAD = """\
EAPI=8
DESCRIPTION="{name}"
HOMEPAGE="https://example.org"
LICENSE="{license}"
SLOT="0"
KEYWORDS="{keywords}"
"""
_GREET_C = b'const char *greet(void) { return "hello from a library"; }\n'
_GREET = """\
SRC_URI="https://example.org/greet-1.0.tar.gz"
IUSE="polite"
src_compile() {
	${CC:-gcc} ${CFLAGS} ${LDFLAGS} -shared -fPIC -Wl,-soname,libgreet.so.1 -o libgreet.so.1 greet.c || die
	${CC:-gcc} ${CFLAGS} -c greet.c || die
	${AR:-ar} rcs libgreet.a greet.o || die
}
src_install() {
	dolib.so libgreet.so.1
	dosym libgreet.so.1 /usr/lib64/libgreet.so
	dolib.a libgreet.a
	doheader greet.h
	dodoc greet.c
}
"""
_HELLO = """\
IUSE="loud"
RDEPEND="dev-libs/greet"
DEPEND="${RDEPEND} dev-build/stamp"
S=${WORKDIR}
src_compile() {
	cat > hello.c <<-END || die
		#include <greet.h>
		#include <stamp.h>
		#include <stdio.h>
		int main(void) { printf("%s%s, " STAMP "\\\\n", greet(), "$(usex loud '!!!' '.')"); return 0; }
	END
	${CC:-gcc} ${CPPFLAGS} ${CFLAGS} ${LDFLAGS} -o hello hello.c -lgreet || die
}
src_install() {
	dobin hello
	keepdir /var/lib/hello
	fowners 12:34 /var/lib/hello
	insinto /usr/lib/sysusers.d
	newins - hello.conf <<-END
		u hello 77 "greets" /var/lib/hello
	END
}
pkg_postinst() {
	echo made > "${EROOT}/var/lib/hello/made" || die
	chown hello:nobodyknows "${EROOT}/var/lib/hello/made" || die
	chown hello "${EROOT}/var/lib/hello/made" || die
}
"""
_STAMP = """\
S=${WORKDIR}
src_install() {
	echo '#define STAMP "stamped"' > stamp.h || die
	doheader stamp.h
}
"""
_BROKEN = """\
S=${WORKDIR}
src_compile() {
	echo 'int main(void) { return nothing; }' > broken.c || die
	${CC:-gcc} -o broken broken.c || die "the compiler refused it"
}
"""
_SLOW = """\
DEPEND="app-misc/hello"
S=${WORKDIR}
src_compile() { sleep 300; }
"""


class TinyRepository(Struct):
    """The repository lies in `folder`, its source archives in `distfiles`."""

    folder: Path
    distfiles: Path

    def add(
        self, package: str, body: str = "", *, keywords: str = "amd64", licence: str = "MIT", version: str = "1.0"
    ) -> Path:
        """An ebuild of this package."""
        name = package.rpartition("/")[2]
        place = self.folder / package
        place.mkdir(parents=True, exist_ok=True)
        ebuild = place / f"{name}-{version}.ebuild"
        ebuild.write_text(_HEAD.format(name=name, license=licence, keywords=keywords) + body)
        return ebuild

    def add_distfile(self, package: str, name: str, data: bytes, *, lost: bool = False) -> None:
        """A source archive in the Manifest of a package; a `lost` one is nowhere else."""
        with open(self.folder / package / "Manifest", "a") as manifest:
            manifest.write(f"DIST {name} {len(data)} SHA512 {hashlib.sha512(data).hexdigest()}\n")
        if not lost:
            (self.distfiles / name).write_bytes(data)


def tiny_repository(place: Path, name: str = "tiny") -> TinyRepository:
    """A repository with a profile and no packages."""
    made = TinyRepository(place / name, place / f"{name}-distfiles")
    files = {
        "profiles/repo_name": f"{name}\n",
        "profiles/arch.list": "amd64\n",
        "profiles/categories": "app-misc\ndev-build\ndev-libs\n",
        "profiles/profiles.desc": "amd64 minimal stable\namd64 other dev\n",
        "profiles/eapi": "8\n",
        "profiles/minimal/eapi": "8\n",
        "profiles/minimal/make.defaults": 'ARCH="amd64"\nACCEPT_KEYWORDS="amd64"\nACCEPT_LICENSE="-* MIT"\n'
        'CHOST="x86_64-pc-linux-gnu"\nCFLAGS="-O2"\nABI="amd64"\nDEFAULT_ABI="amd64"\nLIBDIR_amd64="lib64"\n',
        "metadata/layout.conf": "masters =\nthin-manifests = true\n",
    }
    for path, text in files.items():
        (made.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / path).write_text(text)
    made.distfiles.mkdir()
    return made


def with_programs(made: TinyRepository) -> TinyRepository:
    """A library, a program with a flag that changes what it says, and what only its build needs."""
    made.add("dev-libs/greet", _GREET)
    made.add_distfile("dev-libs/greet", "greet-1.0.tar.gz", _archive())
    made.add("app-misc/hello", _HELLO)
    made.add("dev-build/stamp", _STAMP)
    return made


def with_failures(made: TinyRepository) -> TinyRepository:
    """Packages of which each fails in another way."""
    made.add("app-misc/broken", _BROKEN)
    made.add("app-misc/slow", _SLOW)
    made.add("app-misc/unstable", keywords="~amd64")
    made.add("app-misc/unkeyworded", keywords="")
    made.add("app-misc/closed", licence="Vendor-1.0")
    made.add("app-misc/banned")
    (made.folder / "profiles/package.mask").write_text("# it is no good\napp-misc/banned\n")
    made.add("app-misc/wants", 'RDEPEND="dev-libs/grret"\n')
    made.add("app-misc/above", 'RDEPEND="app-misc/wants"\n')
    made.add("app-misc/picky", 'RDEPEND="dev-libs/greet[polite]"\n')
    made.add("app-misc/ring", 'DEPEND="dev-libs/around"\n')
    made.add("dev-libs/around", 'DEPEND="app-misc/ring"\n')
    made.add("app-misc/tooled", 'BDEPEND="dev-build/strange"\n')
    made.add("dev-build/strange")
    made.add("app-misc/lost", 'SRC_URI="file:///nonexistent/lost-1.0.tar.gz"\n')
    made.add_distfile("app-misc/lost", "lost-1.0.tar.gz", b"lost", lost=True)
    return made


def _archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in (("greet.c", _GREET_C), ("greet.h", b"const char *greet(void);\n")):
            member = tarfile.TarInfo(f"greet-1.0/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()
