"""What is taken of Essential packages, which nothing depends on and everything counts on."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from fromscratch.errors import Conflict
from fromscratch.host.storage.store import Store
from fromscratch.model.content import read
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.sources.contract import Context
from fromscratch.sources.debian.options import DebianOptions
from fromscratch.sources.debian.source import DebianSource
from fromscratch.transforms.overlay import overlaid
from tests.formats.elf.made import elf
from tests.trees import listed, text, tree

pytest.importorskip("pysequoia", reason="pysequoia is not installed; it signs the archives of these tests")

from tests.sources.debian.mirror import Mirror, package

NOW = 1_790_000_000.0  # September 2026
USR = {"usr": None, "usr/bin": None, "usr/lib": None, "usr/share": None}
ELF = elf(interpreter="/lib64/ld.so", data=b"plain")
UNIT = b"[Service]\nExecStart=-/srv/app --now\n"
NAMING = elf(interpreter="/ld.so", data=b"%s/helper\0")
PERL = b"#!/usr/bin/perl\n"
LARGE = Random(1).randbytes(9000)
BASH = elf(interpreter="/lib64/ld.so", needed=["libtinfo.so.6"])
# The Essential packages of these archives, each with what is counted on.
ESSENTIAL = [
    package(
        "base-files",
        {
            **USR,
            "etc": None,
            "etc/debian_version": b"13.1\n",
            "etc/os-release": "../usr/lib/os-release",
            "usr/lib/os-release": b"ID=debian\n",
            "usr/share/base-files": None,
            "usr/share/base-files/profile": b"profile",
            "usr/share/common-licenses": None,
            "usr/share/common-licenses/GPL-3": b"long",
            "tmp@1777": None,
            "var": None,
            "var/log": None,
        },
        "13.8",
        extra={"md5sums": b"0  usr/lib/os-release\n1  usr/share/common-licenses/GPL-3\n"},
        essential="yes",
        pre_depends="awk",
    ),
    package(
        "base-passwd",
        {
            **USR,
            "usr/sbin": None,
            "usr/sbin/update-passwd@755": ELF,
            "usr/share/base-passwd": None,
            "usr/share/base-passwd/passwd.master": b"root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33::/var/www:\n",
            "usr/share/base-passwd/group.master": b"root:*:0:\nwww-data:*:33:\n",
        },
        essential="yes",
        depends="libdebconfclient0",
    ),
    package(
        "libc-bin",
        {
            **USR,
            "usr/bin/getent@755": ELF,
            "usr/lib/locale": None,
            "usr/lib/locale/C.utf8": None,
            "usr/lib/locale/C.utf8/LC_CTYPE": b"ctype",
            "usr/share/libc-bin": None,
            "usr/share/libc-bin/nsswitch.conf": b"hosts: files dns\n",
        },
        essential="yes",
    ),
    package("dash", {**USR, "usr/bin/dash@755": ELF, "usr/bin/sh": "dash"}, essential="yes", depends="debianutils"),
    package("debianutils", {**USR, "usr/bin/run-parts@755": ELF}, essential="yes"),
    package("bash", {**USR, "usr/bin/bash@755": BASH}, essential="yes", pre_depends="libtinfo6", depends="debianutils"),
    package("sed", {**USR, "usr/bin/sed@755": ELF}, essential="yes", pre_depends="libacl1"),
    package("coreutils", {**USR, "usr/bin/cat@755": ELF, "usr/bin/dirname@755": ELF}, essential="yes"),
    package("perl-base", {**USR, "usr/bin/perl@755": ELF}, essential="yes"),
    package("ncurses-base", {**USR, "usr/share/terminfo": b"xterm"}, essential="yes"),
]
OTHER = [
    package("libdebconfclient0"),
    package("mawk", {**USR, "usr/bin/mawk@755": ELF, "usr/bin/awk": "mawk"}, provides="awk", priority="required"),
    package("libacl1", {**USR, "usr/lib/libacl.so.1": elf(soname="libacl.so.1")}),
    package("libtinfo6", {**USR, "usr/lib/libtinfo.so.6": elf(soname="libtinfo.so.6")}),
    package("libc6", {**USR, "usr/lib/libc.so.6@755": elf(soname="libc.so.6", data=b"/bin/sh")}),
]


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def debian(tmp_path: Path, mirror: Mirror) -> Callable[..., DebianSource]:
    """A source of `app`, which has these files and fields, on a mirror that has the Essential packages too."""

    def source(files: dict[str, Any] | None = None, *more: bytes, depends: str = "libc6", **options: Any) -> Any:
        mirror.publish(*ESSENTIAL, *OTHER, *more, package("app", {**USR, **(files or {})}, depends=depends))
        given = {"packages": ["app"], "suite": "bookworm", "mirror": mirror.address, "keyring": str(mirror.keyring)}
        return DebianSource(
            msgspec.convert({**given, **options}, DebianOptions),
            Context(folder=tmp_path, place="rootfs[0]", platform=Platform.parse("linux/amd64")),
            machine=tmp_path / "nowhere",
            now=lambda: NOW,
        )

    return source


Debian = Callable[..., DebianSource]
EFFECTS = ["base-files", "base-passwd", "libc-bin"]


def made(source: DebianSource, store: Store) -> Rootfs:
    source.fetch(store)
    return source.build(store)


def brought(source: DebianSource, store: Store) -> list[str]:
    """The packages that come along, but for the app, its libc, and the effects of every image."""
    source.fetch(store)
    return [one.name for one in source.plan(store).packages if one.name not in ("app", "libc6", *EFFECTS)]


def why(root: Rootfs, path: str) -> list[str]:
    return [f"{link.reason} {link.detail}" for link in root[TreePath(path)].origins[0].chain()]


def test_the_effects_of_the_essential_packages_are_in_every_image(debian: Debian, store: Store) -> None:
    assert listed(made(debian({"usr/bin/app@755": ELF}, records=False), store)) == text(
        f"""
        l 0777 0:0 /bin -> usr/bin
        d 0755 0:0 /dev
        d 0755 0:0 /etc
        f 0644 0:0 5 /etc/debian_version
        f 0644 0:0 25 /etc/group
        f 0644 0:0 17 /etc/nsswitch.conf
        d 0755 0:0 /etc/opt
        l 0777 0:0 /etc/os-release -> ../usr/lib/os-release
        f 0644 0:0 60 /etc/passwd
        l 0777 0:0 /lib -> usr/lib
        d 0755 0:0 /media
        d 0755 0:0 /mnt
        d 0755 0:0 /opt
        d 0755 0:0 /proc
        d 0700 0:0 /root
        d 0755 0:0 /run
        d 1777 0:0 /run/lock
        l 0777 0:0 /sbin -> usr/sbin
        d 0755 0:0 /srv
        d 0755 0:0 /sys
        d 1777 0:0 /tmp
        d 0755 0:0 /usr
        d 0755 0:0 /usr/bin
        f 0755 0:0 {len(ELF)} /usr/bin/app
        d 0755 0:0 /usr/lib
        f 0755 0:0 {len(elf(soname="libc.so.6", data=b"/bin/sh"))} /usr/lib/libc.so.6
        d 0755 0:0 /usr/lib/locale
        d 0755 0:0 /usr/lib/locale/C.utf8
        f 0644 0:0 5 /usr/lib/locale/C.utf8/LC_CTYPE
        f 0644 0:0 10 /usr/lib/os-release
        d 0755 0:0 /usr/local
        d 0755 0:0 /usr/local/bin
        d 0755 0:0 /usr/local/etc
        d 0755 0:0 /usr/local/games
        d 0755 0:0 /usr/local/include
        d 0755 0:0 /usr/local/lib
        d 0755 0:0 /usr/local/libexec
        l 0777 0:0 /usr/local/man -> share/man
        d 0755 0:0 /usr/local/sbin
        d 0755 0:0 /usr/local/share
        d 0755 0:0 /usr/local/share/man
        d 0755 0:0 /usr/local/src
        d 0755 0:0 /usr/share
        d 0755 0:0 /var
        l 0777 0:0 /var/lock -> /run/lock
        d 0755 0:0 /var/log
        d 2775 0:8 /var/mail
        d 0755 0:0 /var/opt
        l 0777 0:0 /var/run -> /run
        d 0755 0:0 /var/spool
        l 0777 0:0 /var/spool/mail -> ../mail
        d 1777 0:0 /var/tmp
        """
    )


def test_who_counts_on_them(debian: Debian, store: Store) -> None:
    assert why(made(debian(), store), "/etc/passwd") == [
        "made by the postinst of base-passwd",
        "shipped in base-passwd 1",
        "assumed by every package, as Essential",
    ]


def test_scanners_find_the_package_of_a_part_with_the_files_that_are_there(debian: Debian, store: Store) -> None:
    whole = made(debian(), store)
    assert "/var/lib/dpkg/status.d/base-passwd" in whole
    entry = whole[TreePath("/var/lib/dpkg/status.d/base-files.md5sums")]
    assert isinstance(entry, File)
    assert read(entry.content) == b"0  usr/lib/os-release\n"


def test_a_locale_and_a_name_service_switch_are_for_a_libc(debian: Debian, store: Store) -> None:
    source = debian(depends="mawk")
    source.fetch(store)
    assert [one.name for one in source.plan(store).packages] == ["app", "base-files", "base-passwd", "mawk"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"usr/bin/app@755": ELF}, []),
        ({"usr/bin/app@755": b"#!/bin/sh\necho\n"}, ["dash"]),
        ({"usr/bin/app@755": b"#!/usr/bin/env bash\n"}, ["bash", "coreutils", "libtinfo6", "ncurses-base"]),
        ({"usr/bin/app@755": b"#!/usr/bin/perl -w\n"}, ["perl-base"]),
        ({"usr/bin/app@755": b"#!/bin/sh\nsed -n p x | awk 1\n"}, ["dash", "libacl1", "mawk", "sed"]),
        ({"usr/bin/app@755": b"#!/bin/sh\nexec /bin/cat x\n"}, ["coreutils", "dash"]),
        ({"usr/bin/app@755": ELF, "usr/bin/less@755": b"#!/bin/sh\nsed -n p x\n"}, ["dash"]),
        ({"usr/bin/app@755": ELF, "usr/bin/less@755": b"#!/usr/bin/perl\n"}, []),
        ({"usr/bin/app@755": ELF, "usr/bin/less@755": b"#!/usr/bin/perl\n", "usr/lib/large": LARGE}, ["perl-base"]),
        ({"usr/bin/app@755": ELF, "usr/lib/app/bin/x@755": b"#!/usr/bin/perl\n"}, []),
        ({"usr/lib/app/bin/x@755": b"#!/usr/bin/perl\n"}, ["perl-base"]),
        ({"usr/bin/app": "../lib/app/bin/x", "usr/lib/app/bin/x@755": b"#!/usr/bin/perl\n"}, ["perl-base"]),
        ({"lib/systemd/system/app.service": UNIT, "srv/app@755": b"#!/usr/bin/perl\n"}, ["perl-base"]),
        ({"usr/bin/app@755": b"#!/bin/sh\n. /srv/app.sh\n", "srv/app.sh": b"sed p\n"}, ["dash", "libacl1", "sed"]),
        ({"usr/bin/app@755": NAMING, "usr/lib/app/bin/helper@755": b"#!/bin/sh\nsed p\n"}, ["dash", "libacl1", "sed"]),
        ({"usr/bin/app@755": ELF, "usr/lib/app/bin/helper@755": b"#!/bin/sh\nsed p\n"}, ["dash"]),
        (
            {
                "usr/bin/app@755": NAMING,
                "usr/lib/app/bin/helper@755": b"#!/bin/sh\n$0/../next\n",
                "usr/lib/app/bin/next@755": b"#!/bin/sh\nsed p\n",
            },
            ["dash", "libacl1", "sed"],
        ),
        (
            {"usr/bin/app@755": ELF, "etc/app.conf": b"run /usr/share/app/x.pl\n", "usr/share/app/x.pl@755": PERL},
            ["perl-base"],
        ),
        (
            {"usr/bin/app@755": ELF, "etc/app.conf": b"# run /usr/share/app/x.pl\n", "usr/share/app/x.pl@755": PERL},
            [],
        ),
        (
            {"usr/bin/app@755": ELF, "etc/cron.d/app": b"* /usr/share/app/x.pl\n", "usr/share/app/x.pl@755": PERL},
            [],
        ),
        (
            {"usr/bin/app@755": b"#!/usr/bin/python3\n", "usr/lib/app/x.py": b"run('mkdir -p %s', ['sed', '-n'])\n"},
            ["coreutils", "libacl1", "sed"],
        ),
        ({"usr/bin/app@755": ELF, "usr/lib/app/x.py": b"run('mkdir -p %s')\n"}, []),
        ({"usr/bin/app@755": ELF, "usr/bin/xzgrep@755": b"#!/bin/sh\n"}, []),
        ({"usr/bin/app@755": ELF, "usr/sbin/update-app@755": b"#!/bin/sh\n"}, []),
        ({"usr/bin/app@755": elf(interpreter="/ld.so", imports=["popen"])}, ["dash"]),
        (
            {"usr/bin/app@755": elf(interpreter="/ld.so", imports=["system"], data=b"\0rm -rf x\0sed\0the sed %s\0")},
            ["coreutils", "dash"],
        ),
        ({"usr/bin/app@755": elf(interpreter="/ld.so", data=b"/bin/sh\0")}, ["dash"]),
        ({"usr/bin/app@755": elf(interpreter="/ld.so", data=b"/bin/bash\0")}, ["bash", "libtinfo6", "ncurses-base"]),
        ({"usr/bin/app@755": elf(interpreter="/ld.so", data=b"/bin/shells")}, []),
        (
            {
                "usr/bin/app@755": elf(interpreter="/ld.so", needed=["libapp.so.1"]),
                "usr/lib/libapp.so.1": elf(soname="libapp.so.1", imports=["system"]),
            },
            ["dash"],
        ),
        (
            {
                "usr/bin/app@755": elf(interpreter="/ld.so", needed=["libapp.so.1"]),
                "usr/lib/libapp.so.1": elf(soname="libapp.so.1", data=b"/bin/sh\0"),
            },
            [],
        ),
        ({"usr/bin/app@755": elf(interpreter="/ld.so", needed=["libc.so.6"])}, []),
    ],
    ids=lambda value: None if isinstance(value, list) else " ".join(value),
)
def test_what_the_programs_of_a_package_call(
    debian: Debian, store: Store, files: dict[str, bytes], expected: list[str]
) -> None:
    assert brought(debian(files), store) == expected


def test_what_lesser_scripts_lack_is_listed_by_package(debian: Debian, store: Store) -> None:
    source = debian({"usr/bin/app@755": ELF, "usr/bin/x@755": b"#!/bin/sh\nsed p | cat\n"})
    source.fetch(store)
    assert source.notes(store) == [
        "app: lesser scripts lack coreutils, sed, which packages: would bring: /usr/bin/x (calls cat)"
    ]


def test_what_an_essential_package_depends_on_of_the_others_comes_if_it_is_called(debian: Debian, store: Store) -> None:
    assert brought(debian({"usr/bin/app@755": b"#!/bin/sh\nrun-parts x\n"}), store) == ["dash", "debianutils"]


def test_scripts_beside_the_programs_of_the_same_family_are_lesser_ones(debian: Debian, store: Store) -> None:
    core = elf(interpreter="/ld.so", imports=["system"])
    part = package("app-core", {**USR, "usr/bin/app-core@755": core})
    scripts = {"usr/bin/x@755": b"#!/usr/bin/env app-core\n"}
    assert brought(debian(scripts, part, depends="app-core, libc6"), store) == ["app-core", "dash"]
    other = package("core", {**USR, "usr/bin/core@755": ELF})
    scripts = {"usr/bin/x@755": b"#!/usr/bin/env core\n"}
    assert brought(debian(scripts, other, depends="core, libc6"), store) == ["core", "coreutils"]


def test_the_other_values_of_the_option(debian: Debian, store: Store) -> None:
    script = {"usr/bin/app@755": b"#!/bin/sh\nsed p\n"}
    assert brought(debian(script, essential="minimal"), store) == []
    assert brought(debian(script, exclude=["sed", "base-passwd"]), store) == ["dash"]
    assert listed(made(debian(essential="none", records=False), store)).count("os-release") == 0
    everything = made(debian(essential="all"), store)
    assert why(everything, "/usr/share/common-licenses/GPL-3") == [
        "shipped in base-files 13.8",
        "asked for essential: all in rootfs[0]",
    ]
    assert "/usr/bin/mawk" in everything  # base-files pre-depends on awk


def test_an_archive_without_essential_packages(debian: Debian, mirror: Mirror, store: Store) -> None:
    source = debian()
    mirror.publish(package("app", {**USR, "usr/bin/app@755": b"#!/bin/sh\n"}))
    source.fetch(store)
    assert [one.name for one in source.plan(store).packages] == ["app"]


class TestGivingWay:
    def test_to_what_is_laid_over_it(self, debian: Debian, store: Store) -> None:
        overlay = tree("f 0644 0:0 /etc/passwd 'me:x:1:1::/:/bin/sh'\nf 0644 0:0 /usr/bin/sh 'mine'")
        merged = overlaid(made(debian({"usr/bin/app@755": b"#!/bin/sh\n"}), store), overlay)
        assert [line for line in listed(merged).splitlines() if line.endswith(("/etc/passwd", "/usr/bin/sh"))] == [
            "f 0644 0:0 19 /etc/passwd",
            "f 0644 0:0 4 /usr/bin/sh",
        ]

    def test_to_what_is_below_it(self, debian: Debian, store: Store) -> None:
        below = tree("f 0644 0:0 /etc/os-release 'ID=mine'\nf 0755 0:0 /bin/sh 'mine'")
        source = debian({"usr/bin/app@755": b"#!/bin/sh\n"})
        source.fetch(store)
        laid = source.lay(below, store, replace=False)
        assert [line for line in listed(laid).splitlines() if line.endswith(("release", "/sh", "dash"))] == [
            "f 0644 0:0 7 /etc/os-release",
            f"f 0755 0:0 {len(ELF)} /usr/bin/dash",
            "f 0755 0:0 4 /usr/bin/sh",
            "f 0644 0:0 10 /usr/lib/os-release",
            "f 0644 0:0 81 /var/lib/dpkg/status.d/dash",
        ]

    def test_but_what_is_asked_for_does_not(self, debian: Debian, store: Store) -> None:
        whole = made(debian(packages=["app", "base-files"]), store)
        with pytest.raises(Conflict, match="/etc/debian_version"):
            overlaid(whole, tree("f 0644 0:0 /etc/debian_version 'mine'"))
