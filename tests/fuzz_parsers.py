"""One fuzzer for each parser of untrusted bytes that is not of archives and image documents: see `tests.fuzz`.

A parser gets honest bytes with some changes: bits, cut and repeated pieces, thousands of digits and levels. It may
refuse them with an error of ours, and nothing else; by hand the time and memory of each case are bounded too.
"""

import gzip
import io
import random
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import zstandard

from fromscratch.errors import FormatError, ImageError, UsageError
from fromscratch.formats import busybox, digest_list, os_release, sysusers, tmpfiles
from fromscratch.formats import slice as slices
from fromscratch.formats.alpine import account_script as apk_accounts
from fromscratch.formats.alpine import index as apk_index
from fromscratch.formats.alpine import installed as apk_installed
from fromscratch.formats.alpine import listing as apk_listing
from fromscratch.formats.alpine import package as apk_package
from fromscratch.formats.alpine import segments as apk_segments
from fromscratch.formats.alpine import version as apk_version
from fromscratch.formats.alpine.dependency import parse_dependencies
from fromscratch.formats.arch import installed as pacman_installed
from fromscratch.formats.debian import (
    alternatives,
    chisel,
    chisel_manifest,
    deb822,
)
from fromscratch.formats.debian import (
    index as debian_index,
)
from fromscratch.formats.debian import (
    installed as debian_installed,
)
from fromscratch.formats.debian import (
    package as deb,
)
from fromscratch.formats.debian import (
    version as debian_version,
)
from fromscratch.formats.elf import (
    attributes as elf_attributes,
)
from fromscratch.formats.elf import (
    headers as elf,
)
from fromscratch.formats.elf import (
    notes as elf_notes,
)
from fromscratch.formats.elf import (
    platform as elf_platform,
)
from fromscratch.formats.elf import (
    sections as elf_sections,
)
from fromscratch.formats.elf import (
    symbols as elf_symbols,
)
from fromscratch.formats.elf import (
    versions as elf_versions,
)
from fromscratch.formats.gentoo import installed as gentoo_installed
from fromscratch.formats.gentoo import pointer as gentoo_pointer
from fromscratch.formats.glibc import gconv_modules, locale_archive, nsswitch, passwd
from fromscratch.formats.kconfig import config as kconfig
from fromscratch.formats.kconfig import expression as kconfig_expression
from fromscratch.formats.kconfig import menus as kconfig_menus
from fromscratch.formats.ldso import cache as ldcache
from fromscratch.formats.ldso import conf as ldconf
from fromscratch.formats.rpm import berkeley as rpm_berkeley
from fromscratch.formats.rpm import header as rpm_header
from fromscratch.formats.rpm import modules as rpm_modules
from fromscratch.formats.rpm import ndb as rpm_ndb
from fromscratch.formats.rpm import package as rpm_package
from fromscratch.formats.rpm import payload as rpm_payload
from fromscratch.formats.rpm import repomd as rpm_repomd
from fromscratch.formats.rpm import sqlite as rpm_sqlite
from fromscratch.formats.rpm.install_time import with_install_time
from fromscratch.formats.shell import parser as shell_parser
from fromscratch.formats.trace import recognise, sysdig
from fromscratch.formats.trace import strace as strace_log
from fromscratch.formats.trace import text as trace_text
from fromscratch.formats.trust import openpgp, p11_kit, rsa
from fromscratch.formats.trust import x509 as x509_name
from fromscratch.formats.yaml import decode as strict
from fromscratch.formats.yaml import document as yaml
from fromscratch.host.registry import challenge, refusal
from fromscratch.linker.beyond import java
from fromscratch.linker.beyond.node import source as node_source
from fromscratch.linker.beyond.perl import source as perl_source
from fromscratch.linker.beyond.python import imports as python_imports
from fromscratch.linker.beyond.ruby import source as ruby_source
from fromscratch.linker.beyond.scripts import shebang, shell
from fromscratch.model.content import Inline
from fromscratch.model.entry import Origin, file
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import decode, tree_path
from fromscratch.recipe.foreign.contract import Surroundings
from fromscratch.recipe.foreign.conversion import convert
from fromscratch.recipe.schema import Recipe
from fromscratch.sources.buildroot import failure, origins, progress
from fromscratch.sources.portage import binhosts, ownership, profiles
from tests.formats.alpine import packages as apks
from tests.formats.alpine.signing import signing_key
from tests.formats.debian import packages as debs
from tests.formats.elf import made as elfs
from tests.formats.rpm import databases as rpm_databases
from tests.formats.rpm import packages as rpm_packages
from tests.transforms.shell.interpreting import interpret

Parser = Callable[[bytes, Path], object]
_LARGEST = 1 << 18

_RELEASE = b"""Origin: Debian
Suite: stable
Codename: bookworm
Date: Sat, 10 Jun 2023 08:53:52 UTC
Valid-Until: Sat, 17 Jun 2023 08:53:52 UTC
Acquire-By-Hash: yes
Architectures: all amd64 arm64
Components: main contrib
SHA256:
 %b     1234 main/binary-amd64/Packages.xz
""" % (b"0" * 64)
_PACKAGE = b"""Package: busybox
Version: 1:1.35.0-4+b3
Architecture: amd64
Depends: libc6 (>= 2.36), a | b [amd64 !arm64] <x>
Provides: sh (= 1)
Size: 1234
Filename: pool/main/b/busybox.deb
SHA256: %b

""" % (b"0" * 64)
_MENU = b"""config BR2_A
\tbool "a"
\tdepends on (BR2_B && !BR2_C) || BR2_D = "x"
\tselect BR2_E if BR2_F
if BR2_X
menu "m"
choice
\tprompt "p"
config BR2_ONE
\tbool "one"
endchoice
endmenu
endif
source "Config.in"
"""
_RECIPE = b"name: a\nrootfs:\n  - overlay: &x files\n  - tarball: {path: a.tar, strip: 1}\nimage:\n  env: {A: b}\n"
_SHELL = b'#!/bin/sh\ncase $a in x) ls;; esac\ncat <<EOF >f 2>&1\nbody\nEOF\nA=b grep "$(id -u)" | sort && (exit)\n'
_SYNTAX = (
    b"#!/bin/bash\nf() { local x=${1:-\"$(a 'b')\"}; [[ $x == c* ]] && return $((x + 1)); }\nif ! f `d \\`e\\``; then\n"
    b"\tx=(1 2) y=${x##*/}\nelif ((y)); then for i in $'\\x41'; do g <<-E; done\n\t${i%.*} $(h)\n\tE\nfi 2>&1 &\n"
)
_SCRIPT = (
    b"#!/bin/sh\nset -e\nx=a:b; IFS=:; for i in $x \"$@\"; do echo ${i#a}$((1 + 2)) >> /etc/f; done\ntrap 'rm f' EXIT\n"
    b"while read -r a b; do printf '%5s|%d\\n' $a 3; done <<E | grep x || true\n$x $(probe)\nE\n[ -f /etc/* ] && exit\n"
)
_PERL = b'use strict;\nuse parent qw(A B);\nrequire \'x.pl\';\nprint <<"E";\nq\nE\nopen(my $f, "<", \\$x);\n__END__\n'
_PYTHON = b"import os, sys\nfrom . import a\ntry:\n    import b.c\nexcept ImportError:\n    b = __import__('d')\n"
_RUBY = b"require 'a'\nrequire_relative \"b\"\nautoload :C, 'c'\nload File.expand_path('d', __dir__)\n"
_NODE = (
    b"import a, {b} from 'c'\nexport * from \"d\"\nconst e = require('e'); import(`f`)\nnew URL('g', import.meta.url)\n"
)
_TRACE = (
    b"#fromscratch-trace\t1\n# by hand\n#run\t1\tstrace\t\tlinux/amd64\tls\t-l\n"
    b"open\t/etc/passwd\t/bin/ls\t1\t12\nmissing\t/a\\tb\\xff\t\t1\t13\n"
)
_PEM = b"-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUA=\n-----END CERTIFICATE-----\n"
_SIGNED = b"""-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

- a text
-----BEGIN PGP SIGNATURE-----

iHUEARYKAB0WIQQ=
=abcd
-----END PGP SIGNATURE-----
"""
_STRACE = b"""12 execve("./a", ["a", ") = 0"], 0x7ffc /* 3 vars */) = 0
12 13:58:12.7 openat(AT_FDCWD</root>, "\\x2fetc/\\145\\n", O_RDONLY|O_CLOEXEC) = 3</etc/a<char 1:3>>
[pid 13] clone(child_stack=NULL, flags=CLONE_FS|SIGCHLD <unfinished ...>
14 chdir("..") = 0
[pid 13] <... clone resumed>, child_tidptr=0x7f) = 14
strace: Process 15 attached
12 connect(3, {sa_family=AF_UNIX, sun_path="/run/a"}, 110) = -1 ENOENT (No such file or directory) <0.1>
12 +++ superseded by execve in pid 13 +++
"""
_SYSDIG = b"""1 14:31:23.530858089 1 ls (1410.1410) < execve res=0 exe=ls args=a cwd=/root trusted_exepath=/usr/bin/ls
2 12:02:36.2 2 a (7) < openat fd=3(<f>/a) dirfd=-100(AT_FDCWD) name=d/f(/home/d/f) flags=1(O_RDONLY) mode=0
3 12:02:36.2 web (cd3f) runc:[1:CHILD] (38477:1) < clone res=8(sh) exe=sh
openat /etc/a cat
2026-10-07T07:21:02: Warning x | file=/etc/shadow proc_exepath=/bin/busybox
{"output":"x","output_fields":{"evt.type":"open","fd.name":"/a"}}
"""
_DPKG_STATUS = b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 1\n\n" * 2
_APK_INSTALLED = b"P:musl\nV:1.2\nA:x86_64\nF:lib\nM:0:0:755\nR:ld.so\na:0:0:755\nZ:Q1x\n\nP:b\nV:1\nF:\nR:x\n\n"
_CHISEL_MANIFEST = (
    b'{"jsonwall":"1.0","schema":"1.0","count":4}\n{"kind":"package","name":"a","version":"1","arch":"amd64"}\n'
    b'{"kind":"path","path":"/a","mode":"0644","slices":["a_b"],"size":1}\n{"kind":"slice","name":"a_b"}\n'
)
_RPM_HEADERS = {1: rpm_databases.header("a", epoch=1, files=["/usr/bin/a", "/etc/a"]), 2: rpm_databases.header("b")}
_SHORT = (b"9" * 5000, b"-", b"\0", b"\xff", b"\n" * 3000, b" " * 3000, b"\t", b"\xe2\x80\xa8", b"/" * 900, b'"', b"'")
_LONG = (b"(", b"[", b"{", b"!", b"<<A ", b"import \n", b"- ", b"a: {", b'"', b"`", b"use ", b"\\", b"a/", b"if A\n")


_RPM_FILES = {
    "/a": rpm_packages.program(b"x" * 40, capabilities="cap_kill=ep"),
    "/b": rpm_packages.program(b"", same_as="/a"),
    "/d/l": rpm_packages.symlink("../a"),
}


def _text(parse: Callable[[str], object]) -> Parser:
    return lambda data, folder: _drained(parse(decode(data)))


def _bytes(parse: Callable[[bytes], object]) -> Parser:
    return lambda data, folder: _drained(parse(data))


def _drained(found: object) -> object:
    return list(found) if isinstance(found, Iterable) else found


def _file(parse: Callable[[Path], object]) -> Parser:
    def parsed(data: bytes, folder: Path) -> object:
        (folder / "file").write_bytes(data)
        return parse(folder / "file")

    return parsed


def _elf(data: bytes, folder: Path) -> None:
    read = elfs.reader(data)
    found = elf.read_elf(read)
    for each in (elf_attributes.cpu_arch, elf_notes.dlopen_notes):
        _known(partial(each, found, read))
    for more in (elf_platform.platform_of, elf_sections.sections, elf_symbols.imported):
        _known(partial(more, found, read))
    _known(lambda: elf_versions.needs(found, read))
    _known(lambda: elf_versions.provides(found, read))
    _known(lambda: elf_sections.symbols_among(["main", "dlopen"], found, read))


def _known(parse: Callable[[], object]) -> None:
    try:
        _drained(parse())
    except ImageError as error:
        text_of(error)


def _expression(data: bytes, folder: Path) -> None:
    try:
        term = kconfig_expression.parse_expression(decode(data))
    except ValueError:
        return
    str(term)
    kconfig_expression.holds(term, {})
    kconfig_expression.unsatisfied(term, {"BR2_A": "y"})


def _menus(data: bytes, folder: Path) -> None:
    files = {"Config.in": decode(data), "b/Config.in": decode(data[::2])}
    menus = kconfig_menus.read("Config.in", files.get, {"X": "b"})
    for name in list(menus.definitions)[:20]:
        kconfig_menus.explain(kconfig.Setting(name, "y", "test"), menus, {})


def _recipe(data: bytes, folder: Path) -> None:
    document = yaml.load(decode(data), "fromscratch.yaml")
    strict.decode(document.value, document, Recipe)


def _account(data: bytes, folder: Path) -> None:
    tree = Rootfs({tree_path(path): file(Inline(data)) for path in ("/etc/passwd", "/etc/group")})
    for user in ("a", "1", "1:b"):
        _known(partial(passwd.identity, tree, user))


def _locales(data: bytes, folder: Path) -> None:
    read = elfs.reader(data)
    for record in list(locale_archive.names(read).values())[:20]:
        _known(partial(locale_archive.locale, read, record))


def _pgp(data: bytes, folder: Path) -> None:
    for each in (openpgp.split_clearsigned, openpgp.dearmored, openpgp.signatures, openpgp.certificates):
        _known(partial(each, data))


def _pacman_files(data: bytes, folder: Path) -> None:
    assert pacman_installed.contents(pacman_installed.cut(data, lambda path: False)) == ()
    for path in pacman_installed.contents(data):
        assert path.startswith("/")


def _refusal(data: bytes, folder: Path) -> None:
    refusal.read(400, data, str)


def _reference(data: bytes, folder: Path) -> None:
    try:
        Reference.parse(decode(data))
    except UsageError as error:
        str(error)


def _make_log(data: bytes, folder: Path) -> None:
    lines = [progress.plain(line) for line in data.split(b"\n")]
    failure.telling(lines)
    for line in lines:
        progress.message(line)


def _dpkg(data: bytes, folder: Path) -> None:
    debian_installed.cut_status(data, {record.package for record in debian_installed.records(data)})
    debian_installed.cut_list(data, lambda path: True)
    debian_installed.cut_sums(data, lambda path: True)
    debian_installed.diversions(data)


def _apk(data: bytes, folder: Path) -> None:
    packages = {each.package for each in apk_installed.installed(data)}
    apk_installed.cut(data, packages, lambda path: True)


def _chisel(data: bytes, folder: Path) -> None:
    raw = zstandard.compress(data, 1)
    packages = {each.package for each in chisel_manifest.installed(raw)}
    chisel_manifest.slices(raw)
    chisel_manifest.cut(raw, packages, lambda path: True)


def _portage(data: bytes, folder: Path) -> None:
    gentoo_installed.contents(data)
    gentoo_installed.package("a", decode(data))


def _rpm_package(data: bytes, folder: Path) -> None:
    (folder / "file").write_bytes(data)
    found = rpm_package.parts(folder / "file")
    _known(lambda: rpm_package.check_digests(folder / "file", found))
    rpm_package.expand_payload(folder / "file", folder / "plain")
    _known(lambda: rpm_payload.check_contents(found.header, folder / "plain", "file"))
    rpm_payload.entries(found.header, folder / "plain", Origin("fuzz", "shipped in", "file"), "file")


def _rpm_sqlite(data: bytes, folder: Path) -> None:
    """A database, and behind it perhaps its log."""
    for raw, log in ((data, b""), (data[: len(data) // 2], data[len(data) // 2 :])):
        _known(partial(rpm_sqlite.blobs, raw, log))
        _known(partial(rpm_sqlite.cut, raw, log, {1}))


def _apk_package(data: bytes, folder: Path) -> None:
    path = folder / "a.apk"
    path.write_bytes(data)
    segments = apk_segments.first_segments(path, "a.apk", 3)
    control = apk_package.Control({}, {}, segments[-1].end if segments else 0)
    apk_package.expand_data(path, control, folder / "data.tar", "a.apk")


def _apk_control(data: bytes, folder: Path) -> None:
    (folder / "a.apk").write_bytes(apks.packed(data))
    apk_package.read_control(folder / "a.apk", "Q1x=", "a.apk")


def _apk_data(data: bytes, folder: Path) -> None:
    (folder / "data.tar").write_bytes(data)
    apk_listing.listing(folder / "data.tar", "a.apk")


def _jar(data: bytes, folder: Path) -> None:
    java.class_path(io.BytesIO(data))


def _some_jar() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nClass-Path: a.jar b/c\r\n .jar\r\n")
    return stream.getvalue()


def _some_elves() -> list[bytes]:
    notes = [
        ("GNU", 3, b"12345678"),
        ("FDO", elf_notes.NT_FDO_DLOPEN, b'[{"soname":["a.so"],"priority":"required"}]\0'),
    ]
    return [
        elfs.elf(needed=["libc.so.6"], soname="a.so", runpath="$ORIGIN", notes=notes, imports=["malloc"]),
        elfs.elf(
            bits=32, big=True, machine=elfs.MIPS, needs_versions={"libc.so.6": ["GLIBC_2.0"]}, needed=["libc.so.6"]
        ),
        elfs.elf(machine=elfs.ARM, bits=32, provides_versions=["A_1", "A_2"], soname="b.so", exports=["f"]),
    ]


def _some_caches() -> list[bytes]:
    entries = [ldcache.Entry(f"lib{name}.so.6", f"/lib/lib{name}.so.6", 0x303) for name in "abc"]
    return [ldcache.write(entries), ldcache.write(entries, big_endian=True)]


PARSERS: dict[str, tuple[Sequence[bytes], Parser]] = {
    "system accounts": (
        [b"u svc 970:mail 'The Service' /srv /bin/sh\ng mail 12\nm svc mail\n"],
        _text(sysusers.parse),
    ),
    "commands that make accounts": (
        [b"x || groupadd -r svc && useradd -u 970 -g svc -c 'A b' svc >/dev/null 2>&1\naddgroup a b\n"],
        _text(sysusers.commands),
    ),
    "temporary files": (
        [b"d /var/lib/x 0750 svc mail - -\nL+ /etc/mtab - - - - ../x\nf '/a b' ~644 - - - a\\nb\n"],
        _text(tmpfiles.parse),
    ),
    "index of binary packages": (
        [b"VERSION: 0\n\nBUILD_TIME: 5\nCPV: app-misc/a-1\nPATH: a/a-1.gpkg.tar\nSHA1: AB\nSIZE: 7\nUSE: ssl\n"],
        _text(lambda text: list(binhosts.parse(text, "Packages"))),
    ),
    "owners of a package": (
        [b"chown\t-R\ta:b\t/x\t/y\nchgrp\tb\t/z\n"],
        _text(lambda text: list(ownership.parse(text))),
    ),
    "profiles of a repository": (
        [b"# comment\namd64 default/linux/amd64/23.0 stable\n"],
        _text(lambda text: list(profiles.parse(text))),
    ),
    "dockerfile": (
        [
            b"# escape=`\nFROM a AS b\nRUN x `\n y\nCOPY <<E /a\n$A\nE\n"
            b"FROM scratch\nCOPY --from=b a ${A:-b} /\nUSER a\n"
        ],
        _text(lambda text: convert(text, Surroundings(name="Dockerfile"))),
    ),
    "hardened image": (
        [
            b"# syntax=dhi.io/build:2\nimage: dhi.io/a\nvars: {A: b}\nos-release: {version-codename: trixie}\n"
            b"contents:\n  packages: ['!c', 'd=1', '${A}']\n"
            b"paths:\n  - {type: directory, path: /e, uid: 1, mode: '0755'}\n"
        ],
        _text(lambda text: convert(text, Surroundings(name="a.yaml"))),
    ),
    "chisel definitions": (
        [
            b"package: a\nessential: [a_c]\nslices:\n  b:\n    contents:\n      /x/**: {arch: [amd64]}\n"
            b"      /y: {text: z, mode: 0644}\n  c: {essential: {a_b: {arch: arm64}}}\n",
            b"package: a\nslices:\n  b:\n    mutate: |\n" + b"      content.write(x)\n" * 300,
        ],
        _text(lambda text: chisel.read(text, "a.yaml")),
    ),
    "alternatives": (
        [b"update-alternatives --install /usr/bin/a a /bin/b 50 --slave /x x /y\n"],
        _text(alternatives.alternatives),
    ),
    "apk-accounts": (
        [b"addgroup -S -g 82 a 2>/dev/null\nadduser -SDH -h '/b c' -s /x -G a -g 'd' e || true\naddgroup e f\n"],
        _text(apk_accounts.accounts_of),
    ),
    "apk-control": (
        [apks.piece({".PKGINFO": b"pkgname = a\npkgver = 1\nreplaces_priority = 5\n", ".trigger@755": b"x"})],
        _apk_control,
    ),
    "apk-data": ([apks.piece({"a": None, "a/b@755": b"c", "a/d": "b", "a/e@hard": "a/b"}, end=True)], _apk_data),
    "apk-dependencies": ([b"a>=1.2_rc1-r3 !b~2 so:c.so.1=1 d@edge><Q1abc="], _text(parse_dependencies)),
    "apk-index": (
        [apks.paragraph(apks.apk("a", depend="b", provides="c=1", install_if="d")).encode() * 2],
        _text(lambda text: list(apk_index.parse_index(text, "i"))),
    ),
    "apk-package": ([apks.apk("a", {"x": b"y"}), apks.index(apks.apk("a"))], _apk_package),
    "apk-version": ([b"1.2.03a_rc4_p5-r6"], _text(apk_version.is_valid)),
    "rsa-key": ([signing_key().pem], _bytes(lambda data: rsa.public_key(data, "k"))),
    "apk-installed": ([_APK_INSTALLED], _apk),
    "chisel-manifest": ([_CHISEL_MANIFEST], _chisel),
    "applets": ([b"\0".join([b"[", b"[[", b"ash", b"cat", b"sh", b"xargs", b"yes"]) * 3], _bytes(busybox.applets)),
    "challenge": ([b'Bearer realm="https://a/t",service="b", Basic realm=c'], _text(challenge.challenges)),
    "deb": ([debs.deb("a", files={"/x": b"y"})], _file(deb.control_files)),
    "deb822": ([_RELEASE, _PACKAGE], _text(deb822.stanzas)),
    "debian-release": ([_RELEASE], _text(lambda text: debian_index.parse_release(text, "r"))),
    "debian-package": ([_PACKAGE], _text(debian_index.parse_package)),
    "debian-packages": ([_PACKAGE * 3], _bytes(debian_index.compact)),
    "debian-relations": ([b"a (>= 1:2~3-4), b | c [amd64]"], _text(debian_version.parse_relations)),
    "debian-version": ([b"1:2.3~rc1-4+b5"], _text(debian_version.version_key)),
    "dpkg-installed": ([_DPKG_STATUS, b"/.\n/usr/bin/a\n", b"00  usr/bin/a\n"], _dpkg),
    "elf": (_some_elves(), _elf),
    "gconv-modules": (
        [b"alias ISO-10646/UTF8/ X//\nmodule X// INTERNAL x 1\nmodule INTERNAL X// x 1\n"],
        _bytes(lambda data: gconv_modules.cut(gconv_modules.read_index([data]), ["X"])),
    ),
    "jar": ([_some_jar()], _jar),
    "javascript": ([_NODE], _bytes(node_source.imports)),
    "kconfig": (
        [b'BR2_A=y\n# BR2_B is not set\nBR2_C="x\\"y"\nBR2_D=0x1f\n'],
        _text(lambda text: kconfig.parse(text, "f")),
    ),
    "kconfig-expression": ([b'(BR2_A && !BR2_B) || BR2_C = "x"'], _expression),
    "kconfig-menus": ([_MENU], _menus),
    "ld.so.cache": (_some_caches(), _bytes(ldcache.read)),
    "ld.so.conf": ([b"include /etc/ld.so.conf.d/*.conf\n/lib=libc6\nhwcap 1 x\n"], _text(ldconf.parse)),
    "locale-archive": ([bytes(400)], _locales),
    "make-log": ([b">>> busybox 1.36 Building\nmake[1]: *** [a.mk:12: b] Error 2\nc:1: *** no. Stop.\n"], _make_log),
    "nsswitch": ([b"passwd: files [NOTFOUND=return] systemd\nhosts: dns\n"], _bytes(nsswitch.services)),
    "openpgp": ([_SIGNED, gzip.decompress(gzip.compress(b"\x99\x00\x0d\x04" + bytes(12)))], _pgp),
    "pacman-desc": (
        [b"%NAME%\napp\n\n%VERSION%\n1-1\n\n%ARCH%\nany\n"],
        _bytes(lambda data: str(pacman_installed.package(data))),
    ),
    "pacman-files": ([b"%FILES%\nusr/\nusr/app\n\n%BACKUP%\nusr/app\t0\n"], _pacman_files),
    "digest-list": (
        [f"# SHA512 HASH\n{'a' * 128}  x\nSHA256 (x) = {'b' * 64}\n{'c' * 64} *./x\n".encode()],
        _bytes(lambda data: str(digest_list.listed_digest(data, "x", "the list"))),
    ),
    "stage-pointer": (
        [b"# Latest as of Sun\n# ts=1796000000\n20261129T170000Z/stage3-amd64.tar.xz 275000000\n"],
        _bytes(lambda data: str(gentoo_pointer.latest(data, "the pointer"))),
    ),
    "rpm-install-time": (
        [b"\0\0\0\1\0\0\0\4" + b"\0\0\3\xf0\0\0\0\4\0\0\0\0\0\0\0\1" + b"\0\0\0\1"],
        _bytes(lambda data: with_install_time(data, 1)),
    ),
    "os-release": ([b'ID=debian\nVERSION_ID="12"\n# x\n'], _bytes(lambda data: str(os_release.read(data)))),
    "packages-file-list": ([b"busybox,./bin/busybox\n"], _text(origins.read_file_list)),
    "passwd": ([b"a:x:1:1::/:/bin/sh\nb:x:2:a\n"], _account),
    "perl": ([_PERL], _bytes(perl_source.source)),
    "portage-installed": ([b"dir /usr\nobj /usr/a b 00 1\nsym /usr/c -> b 1\n", b"bash-5.2_p37-r1"], _portage),
    "python": ([_PYTHON], _bytes(python_imports.source)),
    "recipe": ([_RECIPE], _recipe),
    "reference": ([b"registry.example:5000/a/b:1@sha256:" + b"0" * 64], _reference),
    "refusal": ([b'{"errors":[{"code":"DENIED","message":"no"}]}'], _refusal),
    "rpm-berkeley": (
        [rpm_databases.berkeley(_RPM_HEADERS), rpm_databases.berkeley(_RPM_HEADERS, order=">")],
        _bytes(rpm_berkeley.blobs),
    ),
    "rpm-header": (list(_RPM_HEADERS.values()), _bytes(rpm_header.installed)),
    "rpm-ndb": ([rpm_ndb.database(_RPM_HEADERS)], _bytes(rpm_ndb.blobs)),
    "rpm-package": (
        [
            rpm_packages.package("a", _RPM_FILES, compressor=compressor, stripped=stripped)
            for compressor, stripped in (("none", False), ("none", True), ("gzip", False))
        ],
        _rpm_package,
    ),
    "p11-kit": (
        [
            b'[p11-kit-object-v1]\nlabel: "a%20b"\ntrusted: true\n-----BEGIN CERTIFICATE-----\nMAA=\n'
            b'-----END CERTIFICATE-----\n[p11-kit-object-v1]\nobject-id: 2.5.29.37\nvalue: "%30"\n'
            b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"
        ],
        _text(p11_kit.anchors),
    ),
    "rpm-modules": (
        [
            b"---\ndocument: modulemd\ndata: {name: a, stream: 1, artifacts: {rpms: [a-0:1-1.noarch]}}\n...\n---\n"
            b"document: modulemd-defaults\ndata: {module: a, stream: 1}\n"
        ],
        _text(lambda text: rpm_modules.parse(text, "modules")),
    ),
    "rpm-repomd": (
        [
            b'<repomd><revision>1700000000</revision><data type="primary"><checksum type="sha256">'
            + b"0" * 64
            + b'</checksum><location href="a/b"/><timestamp>1700000000.5</timestamp><size>9</size></data></repomd>',
        ],
        _bytes(lambda data: rpm_repomd.parse_repomd(data, "index")),
    ),
    "rpm-metalink": (
        [
            b'<metalink><file name="repomd.xml"><hash type="sha256">'
            + b"0" * 64
            + b'</hash><url preference="9">https://a/repodata/repomd.xml</url></file></metalink>'
        ],
        _bytes(lambda data: rpm_repomd.parse_metalink(data, "metalink")),
    ),
    "rpm-sqlite": ([rpm_databases.sqlite(_RPM_HEADERS)], _rpm_sqlite),
    "ruby": ([_RUBY], _bytes(ruby_source.requires)),
    "shebang": ([b"#! /usr/bin/env -S a b\n"], _bytes(shebang.shebang)),
    "shell": ([_SHELL], _bytes(shell.commands)),
    "shell scripts": ([_SCRIPT], _text(lambda text: sorted(interpret(text)[1].left_out))),
    "shell syntax": ([_SHELL, _SYNTAX], _text(lambda text: str(shell_parser.parse(text)))),
    "trace": ([_TRACE], _bytes(trace_text.read)),
    "strace": ([_STRACE], _bytes(lambda data: strace_log.parse(data.split(b"\n")))),
    "sysdig": ([_SYSDIG], _bytes(lambda data: sysdig.parse(data.split(b"\n"), search=["/bin"]))),
    "trace-of-others": (
        [_STRACE, _SYSDIG, b"/bin/sh\njava\n# a\n", b"/a\0/b\0", b'{"monitors":{},"image":{"files":[]}}'],
        _bytes(lambda data: recognise.read(data).events),
    ),
    "slice": (
        [b"package: a\nversions: '>= 1'\nfiles:\n  /a/**: why\n  \"/b\": x\nneeds: [b.yaml]\nchecks: [{exec: a}]\n"],
        _text(lambda text: slices.read(text, "a.yaml")),
    ),
    "x509": ([_PEM], _bytes(lambda data: [x509_name.subject_hash(each) for each in x509_name.certificates(data)])),
}


def case(name: str, chance: random.Random, folder: Path) -> str:
    """One changed document for this parser; the answer is its outcome."""
    seeds, parse = PARSERS[name]
    try:
        parse(changed(chance.choice(seeds), chance), folder)
    except ImageError as error:
        return text_of(error)
    return "read"


def text_of(error: ImageError) -> str:
    """What kind of error it is; one about bytes says what to do next."""
    assert error.message
    assert error.hint or not isinstance(error, FormatError)
    return type(error).__name__


def changed(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if data:
                data[place % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                del data[place : place + chance.randrange(1, 40)]
            case 2:
                data[place:place] = data[place : place + chance.randrange(1, 60)] * chance.choice((1, 2, 100, 3000))
            case 3:
                data[place:place] = chance.choice(_SHORT)
            case 4:
                data[place:place] = chance.choice(_LONG) * chance.choice((1, 10, 1000, 30_000))
            case 5 if data:
                data[place % len(data)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            case _:
                start = chance.randrange(len(data) + 1)
                data[place:place] = data[start : start + chance.randrange(1, 200)]
        del data[_LARGEST:]
    return bytes(data)
