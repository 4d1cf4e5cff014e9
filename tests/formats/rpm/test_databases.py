"""The databases of RPM: headers, SQLite with its log, and the form of SUSE."""

import shutil
import sqlite3
import struct
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from fromscratch.errors import FormatError
from fromscratch.formats.installed import Package
from fromscratch.formats.rpm import berkeley, header, ndb, sqlite
from tests.engines import missing, need
from tests.formats.rpm import databases

BASH = databases.header("bash", "5.2", "3.fc40", files=["/usr/bin/bash", "/usr/bin/sh", "/etc/skel/.bashrc"])
GLIBC = databases.header("glibc", "2.39", "6.fc40", epoch=2, files=["/usr/lib64/libc.so.6"])
NO_FILES = databases.header("basesystem", arch="noarch")


def test_a_header_gives_name_epoch_version_release_and_files() -> None:
    found = header.installed(GLIBC)
    assert found.package == Package("rpm", "glibc", "2:2.39-6.fc40", "x86_64")
    assert found.files == ("/usr/lib64/libc.so.6",)
    assert header.installed(BASH).files == ("/usr/bin/bash", "/usr/bin/sh", "/etc/skel/.bashrc")
    assert header.installed(NO_FILES).files == ()


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        BASH[:40],
        b"\xff" * 8 + BASH[8:],
        databases.header("", files=["/a"]),
        BASH.replace(b"\0\0\x04\x5c", b"\0\0\x04\x50", 1),  # the indexes of the folders under another tag
    ],
    ids=["empty", "cut", "counts", "nameless", "no indexes"],
)
def test_a_damaged_header_is_refused(blob: bytes) -> None:
    with pytest.raises(FormatError, match="damaged"):
        header.installed(blob)


@pytest.mark.parametrize("write_ahead", [False, True])
def test_sqlite_is_read_and_cut(write_ahead: bool) -> None:
    raw = databases.sqlite({1: BASH, 2: GLIBC, 7: NO_FILES}, write_ahead=write_ahead)
    assert dict(sqlite.blobs(raw)) == {1: BASH, 2: GLIBC, 7: NO_FILES}
    small = sqlite.cut(raw, b"", {2})
    assert dict(sqlite.blobs(small)) == {2: GLIBC}
    assert sqlite.cut(raw, b"", {2}) == small
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(small)
        assert database.execute("SELECT key, hnum FROM Name").fetchall() == [("name2", 2)]


def test_what_is_only_in_the_log_counts(tmp_path: Path) -> None:
    path = tmp_path / "rpmdb.sqlite"
    path.write_bytes(databases.sqlite({1: BASH}))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("INSERT INTO Packages VALUES (2, ?)", (GLIBC,))
        database.commit()
        database.execute("INSERT INTO Packages VALUES (3, ?)", (NO_FILES * 100,))
        database.commit()
        raw, log = path.read_bytes(), (tmp_path / "rpmdb.sqlite-wal").read_bytes()
    assert dict(sqlite.blobs(raw)) == {1: BASH}
    assert dict(sqlite.blobs(raw, log)) == {1: BASH, 2: GLIBC, 3: NO_FILES * 100}
    assert dict(sqlite.blobs(raw, log[:-5])) == {1: BASH, 2: GLIBC}, "a transaction that is cut has not happened"
    assert dict(sqlite.blobs(raw, log[:60] + b"\0\0\0\0" + log[64:])) == {1: BASH}


def test_a_query_of_a_hostile_database_ends() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        endless = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS hnum, x'00' AS blob FROM n"
        )
        database.execute(f"CREATE VIEW Packages AS {endless} WHERE i < 0")
        raw = database.serialize()
    with pytest.raises(FormatError, match="interrupted"):
        list(sqlite.blobs(raw))


@pytest.mark.parametrize("raw", [b"", b"SQLite format 3\0", b"x" * 4096], ids=["empty", "start", "other"])
def test_what_is_not_a_database_is_refused(raw: bytes) -> None:
    with pytest.raises(FormatError, match="does not begin as one"):
        list(sqlite.blobs(raw))


def test_the_form_of_suse_is_read_and_written() -> None:
    many = {number: databases.header(f"p{number}", files=["/a" * number]) for number in range(1, 400)}
    assert dict(ndb.blobs(ndb.database(many))) == many
    assert dict(ndb.blobs(ndb.database({}))) == {}


def test_slots_that_share_a_blob_are_refused() -> None:
    raw = bytearray(ndb.database({1: BASH, 2: GLIBC}))
    raw[48:64] = raw[32:48]
    with pytest.raises(FormatError, match="of its own"):
        list(ndb.blobs(bytes(raw)))


@pytest.mark.parametrize("order", "<>")
def test_a_hash_table_of_berkeley_db_is_read_in_either_order_of_bytes(order: str) -> None:
    packages = {1: BASH, 2: GLIBC * 10, 300: NO_FILES}
    assert dict(berkeley.blobs(databases.berkeley(packages, order=order))) == packages


@pytest.mark.parametrize("size", [512, 4096])
def test_berkeley_db_itself_is_the_oracle(tmp_path: Path, size: int) -> None:
    packages = {number: databases.header(f"p{number}", files=["/a/b"] * number) for number in range(1, 60)}
    rows = [(0, struct.pack("<I", len(packages))), *packages.items()]
    lines = "".join(f" {struct.pack('<I', number).hex()}\n {value.hex()}\n" for number, value in rows)
    dump = f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={size}\nHEADER=END\n{lines}DATA=END\n"
    words = [need("db5.3_load"), str(tmp_path / "Packages")]
    subprocess.run(words, input=dump.encode(), check=True, capture_output=True)
    assert dict(berkeley.blobs((tmp_path / "Packages").read_bytes())) == packages


def test_parts_that_go_round_in_a_circle_are_refused() -> None:
    raw = bytearray(databases.berkeley({1: GLIBC * 10}))
    raw[3 * 512 + 16 : 3 * 512 + 20] = struct.pack("<I", 2)
    with pytest.raises(FormatError, match="page 2 is not a part of a package"):
        list(berkeley.blobs(bytes(raw)))


def test_a_database_of_other_packages_is_made_from_nothing() -> None:
    made = sqlite.database({3: ("bash", BASH), 5: ("glibc", GLIBC)})
    assert dict(sqlite.blobs(made)) == {3: BASH, 5: GLIBC}


@pytest.mark.slow
def test_rpm_itself_is_the_oracle(tmp_path: Path) -> None:
    if shutil.which("rpmbuild") is None:
        missing("rpmbuild", "rpm")
    packages = [_built(tmp_path, name) for name in ("first", "second")]
    folder = tmp_path / "db"
    _rpm("--initdb", dbpath=folder)
    _rpm("-i", "--justdb", "--nodeps", "--noscripts", *map(str, packages), dbpath=folder)
    raw = (folder / "rpmdb.sqlite").read_bytes()
    log = folder / "rpmdb.sqlite-wal"
    found = {
        number: header.installed(blob) for number, blob in sqlite.blobs(raw, log.read_bytes() if log.exists() else b"")
    }
    assert {str(each.package) for each in found.values()} == {"first 1:2.0-3", "second 1:2.0-3"}
    second = next(number for number, each in found.items() if each.package.name == "second")
    assert set(found[second].files) == set(_rpm("-ql", "second", dbpath=folder).split())

    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "rpmdb.sqlite").write_bytes(sqlite.cut(raw, log.read_bytes() if log.exists() else b"", {second}))
    assert _rpm("-qa", dbpath=cut).split() == ["second-2.0-3.noarch"]
    assert _rpm("-qf", "--qf", "%{name}", "/usr/share/second/data", dbpath=cut) == "second"


def _built(folder: Path, name: str) -> Path:
    spec = folder / f"{name}.spec"
    spec.write_text(
        f"Name: {name}\nEpoch: 1\nVersion: 2.0\nRelease: 3\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\n"
        f"%install\nmkdir -p %{{buildroot}}/usr/share/{name}\necho x > %{{buildroot}}/usr/share/{name}/data\n"
        f"%files\n/usr/share/{name}\n"
    )
    subprocess.run(["rpmbuild", "-bb", "--define", f"_topdir {folder}", spec], check=True, capture_output=True)
    return next((folder / "RPMS").rglob(f"{name}-*.rpm"))


def _rpm(*words: str, dbpath: Path) -> str:
    done = subprocess.run(["rpm", "--dbpath", dbpath, *words], check=True, capture_output=True, text=True)
    return done.stdout
