"""Owners of files by the databases of a tree, and the databases cut to what remains."""

import ast
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from fromscratch.formats.databases.catalogue import records
from fromscratch.formats.debian import chisel_manifest as chisel_format
from fromscratch.formats.installed import Package
from fromscratch.formats.rpm import header, ndb, sqlite
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import Entry, File, Meta, Origin, Symlink, file
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.slimming.packages import packages
from tests import trees
from tests.engines import need
from tests.formats.rpm import databases

BASH = Package("dpkg", "bash", "5.2", "amd64")
LIBC = Package("dpkg", "libc6", "2.36", "amd64")
FILES = trees.tree(
    r"""
    l 0777 0:0 /bin -> usr/bin
    f 0755 0:0 /usr/bin/bash 'x'
    l 0777 0:0 /usr/bin/sh -> bash
    f 0755 0:0 /usr/bin/sh.real 'x'
    f 0644 0:0 /usr/lib/libc.so.6 'x'
    l 0777 0:0 /usr/lib/libc.so -> libc.so.6
    d 1777 0:0 /usr/share/bash
    f 0644 0:0 /usr/share/bash/inputrc 'x'
    f 0644 0:0 /usr/local/mine 'x'
    f 0644 0:0 /var/lib/dpkg/diversions '/bin/sh\n/bin/sh.real\nother\n'
    f 0644 0:0 /var/lib/dpkg/info/bash.md5sums '00  bin/bash\n11  usr/share/bash/inputrc\n'
    f 0755 0:0 /var/lib/dpkg/info/bash.postinst '#!/bin/sh'
    f 0644 0:0 /var/lib/dpkg/info/libc6:amd64.list '/.\n/usr\n/lib/libc.so.6\n/usr/lib/libc.so.6\n'
    """
)
STATUS = b"""Package: bash
Architecture: amd64
Version: 5.2

Package: libc6
Architecture: amd64
Multi-Arch: same
Version: 2.36
"""
_INSTALLED = b"Maintainer: x\nDescription: x\nStatus: install ok installed\nVersion"
BASH_LIST = b"/.\n/bin\n/bin/bash\n/bin/sh\n/usr\n/usr/share/bash\n/usr/share/bash/inputrc\n"


CHISELLED = trees.tree(
    """
    f 0644 0:0 /etc/issue 'x'
    f 0644 0:0 /usr/lib/libc.so.6 'x'
    """
)


def chisel_manifest() -> bytes:
    """What chisel writes for slices of two packages."""
    lines = [
        {"jsonwall": "1.0", "schema": "1.0", "count": 10},
        {"kind": "content", "slice": "base-files_base", "path": "/etc/issue"},
        {"kind": "content", "slice": "libc6_libs", "path": "/usr/lib/libc.so.6"},
        {"kind": "package", "name": "base-files", "version": "13", "sha256": "00", "arch": "amd64"},
        {"kind": "package", "name": "libc6", "version": "2.39", "sha256": "00", "arch": "amd64"},
        {"kind": "path", "path": "/etc/issue", "mode": "0644", "slices": ["base-files_base"], "size": 1},
        {"kind": "path", "path": "/usr/lib/libc.so.6", "mode": "0644", "slices": ["libc6_libs"], "size": 1},
        {"kind": "slice", "name": "base-files_base"},
        {"kind": "slice", "name": "libc6_config"},
        {"kind": "slice", "name": "libc6_libs"},
    ]
    return zstandard.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


Blobs = Callable[[bytes], Iterator[tuple[int, bytes]]]


def at(path: str) -> TreePath:
    return tree_path(path)


def with_file(tree: Rootfs, path: str, data: bytes) -> Rootfs:
    return tree.with_entries({at(path): file(Inline(data))})


STATUS_FILE = File(Meta(0o640, 7), Inline(STATUS))
DPKG = with_file(FILES, "/var/lib/dpkg/info/bash.list", BASH_LIST).with_entries(
    {at("/var/lib/dpkg/status"): STATUS_FILE}
)


def bytes_in(entry: Entry) -> bytes:
    assert isinstance(entry, File)
    return read(entry.content)


def test_dpkg_knows_the_owner_through_a_merged_usr_a_diversion_and_a_multiarch_name() -> None:
    found = packages(DPKG)
    assert found.packages == (BASH, LIBC)
    assert found.owner(at("/usr/bin/bash")) == BASH
    assert found.owner(at("/usr/bin/sh.real")) == BASH, "where another package diverted it to"
    assert found.owner(at("/usr/lib/libc.so.6")) == LIBC
    assert found.owner(at("/usr/lib/libc.so")) == LIBC, "a link to a neighbour, which no list has"
    assert found.owner(at("/usr/share/bash")) == BASH
    assert found.owner(at("/usr")) is None, "a folder of two packages"
    assert found.owner(at("/usr/local/mine")) is None
    assert found.files(BASH) == (
        "/bin", "/usr", "/usr/bin/bash", "/usr/bin/sh.real", "/usr/share/bash", "/usr/share/bash/inputrc"
    )  # fmt: skip


def test_records_of_dpkg_are_cut_to_the_packages_and_files_that_remain() -> None:
    cut = Rootfs(packages(DPKG).cut([at("/usr/bin/bash"), at("/usr/share/bash")]))
    assert trees.listed(cut) == trees.text(
        """
        d 0755 0:0 /var
        d 0755 0:0 /var/lib
        d 0755 0:0 /var/lib/dpkg
        d 0755 0:0 /var/lib/dpkg/info
        f 0644 0:0 39 /var/lib/dpkg/info/bash.list
        f 0644 0:0 13 /var/lib/dpkg/info/bash.md5sums
        f 0640 7:0 48 /var/lib/dpkg/status
        """
    )
    assert bytes_in(cut[at("/var/lib/dpkg/status")]).count(b"Package:") == 1
    assert bytes_in(cut[at("/var/lib/dpkg/info/bash.list")]) == b"/.\n/bin\n/bin/bash\n/usr\n/usr/share/bash\n"
    assert bytes_in(cut[at("/var/lib/dpkg/info/bash.md5sums")]) == b"00  bin/bash\n"


def test_dpkg_itself_reads_the_records_that_are_left(tmp_path: Path) -> None:
    whole = {"/var/lib/dpkg/info/format": b"1\n", "/var/lib/dpkg/status": STATUS.replace(b"Version", _INSTALLED)}
    tree = DPKG.with_entries({at(path): file(Inline(data)) for path, data in whole.items()})
    for path, entry in packages(tree).cut([at("/usr/lib/libc.so.6")]).items():
        place = tmp_path / path[1:]
        if isinstance(entry, File):
            place.write_bytes(read(entry.content))
        else:
            place.mkdir(exist_ok=True)
    query = [need("dpkg-query"), f"--admindir={tmp_path}/var/lib/dpkg"]
    listed = subprocess.run([*query, "--list"], check=True, capture_output=True, text=True)
    assert "libc6:amd64" in listed.stdout
    assert "bash" not in listed.stdout
    files = subprocess.run([*query, "--listfiles", "libc6"], check=True, capture_output=True, text=True)
    assert files.stdout.split() == ["/.", "/usr", "/usr/lib/libc.so.6"]
    assert files.stderr == ""


def test_a_package_of_which_only_folders_remain_has_no_record() -> None:
    cut = packages(DPKG).cut([at("/usr/share/bash"), at("/usr/lib/libc.so.6")])
    assert b"Package: bash" not in bytes_in(cut[at("/var/lib/dpkg/status")])
    assert at("/var/lib/dpkg/info/bash.list") not in cut


def test_images_without_dpkg_have_a_file_for_each_package() -> None:
    tree = trees.tree(
        r"""
        f 0644 0:0 /usr/lib/libz.so.1.2 'x'
        l 0777 0:0 /usr/lib/libz.so.1 -> libz.so.1.2
        f 0644 0:0 /etc/issue 'x'
        f 0644 0:0 /var/lib/dpkg/status.d/zlib1g 'Package: zlib1g\nVersion: 1.2\nArchitecture: arm64\n'
        f 0644 0:0 /var/lib/dpkg/status.d/zlib1g.md5sums '00  usr/lib/libz.so.1.2\n11  usr/share/doc/zlib1g/copyright\n'
        f 0644 0:0 /var/lib/dpkg/status.d/base 'Package: base-files\nVersion: 12\nArchitecture: arm64\n'
        """
    )
    found = packages(tree)
    zlib = Package("dpkg", "zlib1g", "1.2", "arm64")
    assert found.packages == (Package("dpkg", "base-files", "12", "arm64"), zlib)
    assert found.owner(at("/usr/lib/libz.so.1")) == zlib
    cut = found.cut([at("/usr/lib/libz.so.1")])
    assert bytes_in(cut[at("/var/lib/dpkg/status.d/zlib1g")]).startswith(b"Package: zlib1g")
    assert bytes_in(cut[at("/var/lib/dpkg/status.d/zlib1g.md5sums")]) == b""
    assert at("/var/lib/dpkg/status.d/base") not in cut


def test_the_reasons_of_an_own_build_name_the_package_of_what_no_list_has() -> None:
    asked = Origin("item", "asked for", "base-files")
    issue = File(DPKG[at("/usr/local/mine")].meta, Inline(b""), (Origin("item", "shipped in", "bash 5.2", asked),))
    archived = File(issue.meta, Inline(b""), (Origin("item", "shipped in", "files.tar"),))
    found = packages(DPKG.with_entries({at("/etc/issue"): issue, at("/etc/other"): archived}))
    assert found.owner(at("/etc/issue")) == BASH
    assert found.owner(at("/etc/other")) is None, "an archive is not a package"
    link = Symlink(Meta(0o777), "libc.so.6", issue.origins)
    linked = packages(DPKG.with_entries({at("/usr/lib/libc.so"): link}))
    assert linked.owner(at("/usr/lib/libc.so")) == BASH, "and not of the package of its neighbour"
    outside = packages(DPKG, lambda path: issue.origins)
    assert outside.owner(at("/usr/local/mine")) == BASH


def test_a_chiselled_root_lists_the_slices_of_its_packages() -> None:
    tree = with_file(CHISELLED, "/var/lib/chisel/manifest.wall", chisel_manifest())
    found = records(tree)
    libc, base = Package("dpkg", "libc6", "2.39", "amd64"), Package("dpkg", "base-files", "13", "amd64")
    assert [each.package for each in found.installed] == [base, libc]
    assert found.slices == {"base-files": ["base"], "libc6": ["config", "libs"]}
    assert packages(tree).owner(at("/usr/lib/libc.so.6")) == libc
    cut = packages(tree).cut([at("/usr/lib/libc.so.6")])
    left = with_file(CHISELLED, "/var/lib/chisel/manifest.wall", bytes_in(cut[at("/var/lib/chisel/manifest.wall")]))
    assert [(each.package, each.files) for each in records(left).installed] == [(libc, ("/usr/lib/libc.so.6",))]


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b"no zstd", "is not a sound zstd file"),
        (zstandard.compress(b'{"jsonwall":"2.0"}\n'), "in the form '2.0' is not read"),
        (zstandard.compress(b'{"jsonwall":"1.0","x":' + b"[" * 100_000), "nests deeper than 128 levels"),
        (zstandard.compress(b'{"jsonwall":"1.0"}\n{"kind":'), "line 2 of a chisel manifest"),
        (zstandard.compress(bytes(chisel_format.MOST_BYTES + 1)), "expands to more than 64 MiB"),
    ],
)
def test_a_damaged_manifest_of_chisel_is_noted(raw: bytes, note: str) -> None:
    found = records(with_file(CHISELLED, "/var/lib/chisel/manifest.wall", raw))
    assert found.installed == ()
    assert note in found.notes[0]


def test_apk_in_both_of_its_places() -> None:
    raw = b"P:musl\nV:1.2\nA:x86_64\nF:lib\nR:ld-musl.so.1\n\nP:other\nV:1\nF:etc\nR:other\n\n"
    tree = trees.tree(
        r"""
        l 0777 0:0 /lib -> usr/lib
        f 0755 0:0 /usr/lib/ld-musl.so.1 'x'
        f 0755 0:0 /etc/other 'x'
        """
    )
    musl = Package("apk", "musl", "1.2", "x86_64")
    for path in ("/usr/lib/apk/db/installed", "/lib/apk/db/installed"):
        found = packages(with_file(tree, str(tree.locate(at(path))), raw))
        assert found.owner(at("/usr/lib/ld-musl.so.1")) == musl
        cut = found.cut([at("/usr/lib/ld-musl.so.1")])
        assert bytes_in(cut[at("/usr/lib/apk/db/installed")]) == raw.partition(b"\n\n")[0] + b"\n\n"


RPMS = {
    1: databases.header("bash", files=["/bin/bash", "/usr/share/doc/bash"]),
    2: databases.header("glibc", files=["/lib64/libc.so.6"]),
    3: databases.header("gpg-pubkey", arch=""),
}
RPM_FILES = trees.tree(
    """
    l 0777 0:0 /bin -> usr/bin
    f 0755 0:0 /usr/bin/bash
    f 0755 0:0 /usr/bin/rpm
    f 0755 0:0 /lib64/libc.so.6
    """
)
RPM_GLIBC = Package("rpm", "glibc", "1.0-1", "x86_64")


@pytest.mark.parametrize(
    ("path", "raw", "cut_path", "read_back"),
    [
        ("/usr/lib/sysimage/rpm/rpmdb.sqlite", databases.sqlite(RPMS), "", sqlite.blobs),
        ("/var/lib/rpm/Packages.db", ndb.database(RPMS), "", ndb.blobs),
        ("/var/lib/rpm/Packages", databases.berkeley(RPMS), "/var/lib/rpm/rpmdb.sqlite", sqlite.blobs),
    ],
    ids=["sqlite", "ndb", "berkeley"],
)
def test_rpm_in_each_of_its_forms(path: str, raw: bytes, cut_path: str, read_back: Blobs) -> None:
    found = packages(with_file(RPM_FILES, path, raw))
    assert [package.name for package in found.packages] == ["bash", "glibc"]
    assert found.owner(at("/lib64/libc.so.6")) == RPM_GLIBC
    cut = found.cut([at("/lib64/libc.so.6")])
    assert [place for place, entry in cut.items() if isinstance(entry, File)] == [cut_path or path]
    headers = read_back(bytes_in(cut[at(cut_path or path)]))
    assert [header.installed(blob).package for _, blob in headers] == [RPM_GLIBC]


def test_a_database_that_only_an_older_rpm_reads_stays_whole_with_it() -> None:
    found = packages(with_file(RPM_FILES, "/var/lib/rpm/Packages", databases.berkeley(RPMS)))
    cut = found.cut([at("/usr/bin/rpm"), at("/lib64/libc.so.6")])
    assert bytes_in(cut[at("/var/lib/rpm/Packages")]) == databases.berkeley(RPMS)


@pytest.mark.parametrize("path", ["/var/lib/rpm/Packages", "/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages.db"])
def test_a_damaged_database_of_rpm_is_named_and_left_as_it_is(path: str) -> None:
    found = packages(with_file(DPKG, path, b"\0" * 4096))
    assert found.packages == (BASH, LIBC)
    (note,) = found.notes
    assert f"{path}: the database of RPM is damaged" in note
    assert bytes_in(found.cut([at("/usr/bin/bash")])[at(path)]) == b"\0" * 4096


def test_portage_keeps_the_small_files_of_a_package() -> None:
    contents = b"dir /bin\nobj /bin/bash 00 1\nsym /bin/sh -> bash 1\n"
    tree = trees.tree(
        f"""
        f 0755 0:0 /bin/bash 'x'
        l 0777 0:0 /bin/sh -> bash
        f 0644 0:0 /var/db/pkg/app-shells/bash-5.2-r1/CONTENTS {ast.literal_eval(repr(contents))!r}
        f 0644 0:0 /var/db/pkg/app-shells/bash-5.2-r1/CHOST 'aarch64-unknown-linux-gnu\\n'
        f 0644 0:0 /var/db/pkg/app-shells/bash-5.2-r1/environment.bz2 'x'
        """
    )
    found = packages(tree)
    assert found.owner(at("/bin/sh")) == Package("portage", "app-shells/bash", "5.2-r1", "aarch64")
    cut = found.cut([at("/bin/sh")])
    folder = "/var/db/pkg/app-shells/bash-5.2-r1"
    assert [path for path in cut if path.startswith(folder)] == [folder, f"{folder}/CHOST", f"{folder}/CONTENTS"]
    assert bytes_in(cut[at(f"{folder}/CONTENTS")]) == b"dir /bin\nsym /bin/sh -> bash 1\n"


def test_a_tree_without_databases_has_no_packages_and_no_records() -> None:
    found = packages(trees.tree("f 0644 0:0 /a 'x'"))
    assert (found.packages, found.notes, found.owner(at("/a")), found.cut([at("/a")])) == ((), (), None, {})
