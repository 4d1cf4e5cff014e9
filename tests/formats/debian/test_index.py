"""Release and Packages files of an archive."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.debian.index import Listed, Package, PackageIndex, compact, parse_package, parse_release

HEX = "ab" * 32
RELEASE = f"""\
Origin: Somewhere
Suite: stable
Codename: bookworm
Date: Sat, 11 Jul 2026 10:16:37 UTC
Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64 riscv64
Components: main updates/contrib
MD5Sum:
 {"0" * 32} 12 main/binary-riscv64/Packages.xz
SHA256:
 {HEX} 1234 main/binary-amd64/Packages
 {HEX}   34 main/binary-amd64/Packages.gz
 {HEX}   30 main/binary-amd64/Packages.xz
 {HEX} 1234 contrib/binary-amd64/Packages
"""


def test_release() -> None:
    release = parse_release(RELEASE, "InRelease")
    assert (release.suite, release.codename) == ("stable", "bookworm")
    assert release.components == ("main", "contrib")
    assert release.architectures == ("all", "amd64", "riscv64")
    assert release.date == datetime(2026, 7, 11, 10, 16, 37, tzinfo=UTC).timestamp()
    assert release.valid_until == datetime(2026, 7, 18, 10, 16, 37, tzinfo=UTC).timestamp()
    assert release.by_hash
    assert not release.separate_all


def test_best_compression_of_packages() -> None:
    release = parse_release(RELEASE, "InRelease")
    assert release.packages("main", "amd64") == Listed("main/binary-amd64/Packages.xz", Digest("sha256", HEX), 30)
    assert release.packages("contrib", "amd64") == Listed("contrib/binary-amd64/Packages", Digest("sha256", HEX), 1234)
    assert release.packages("main", "riscv64") is None  # only an MD5 sum vouches for it


def test_separate_index_of_all() -> None:
    assert parse_release(RELEASE.replace("No-Support", "X-No-Support"), "InRelease").separate_all


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "InRelease is empty"),
        ("Suite: a\nMD5Sum:\n 0 1 b\n", "InRelease lists no SHA256 sums"),
        (RELEASE.replace(" 1234 ", " many "), "InRelease has a damaged line"),
        (RELEASE.replace(HEX, "xx"), "is not a digest"),
        (RELEASE.replace("11 Jul", "41 Jul"), "InRelease has the date"),
        (RELEASE.replace("Sat, 11 Jul 2026 10:16:37 UTC", "today"), "InRelease has the date 'today'"),
    ],
)
def test_damaged_release(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse_release(text, "InRelease")


def paragraph(name: str, version: str, more: str = "") -> str:
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: someone\n{more}"
        f"Description: text\n Depends: not a field\nFilename: pool/{name}_{version}.deb\nSize: 7\nSHA256: {HEX}\n"
    )


PACKAGES = "\n".join(
    [
        paragraph("zlib1g", "1:1.2-1", "Provides: libz1, zlib-api (= 1)\nDepends: libc6 (>= 2.14),\n libother\n"),
        paragraph("a", "2"),
        paragraph("a", "1", "Provides: libz1\n"),
        paragraph("ab", "3"),
    ]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "index"
    path.write_bytes(b"".join(compact(PACKAGES.encode())))
    return path


def test_index_finds_what_is_named(path: Path) -> None:
    with PackageIndex(path, archive=3) as index:
        assert index.with_name("zlib1g") == [
            Package(
                name="zlib1g",
                version="1:1.2-1",
                architecture="amd64",
                filename="pool/zlib1g_1:1.2-1.deb",
                size=7,
                digest=Digest("sha256", HEX),
                archive=3,
                depends="libc6 (>= 2.14),\nlibother",
                provides="libz1, zlib-api (= 1)",
            )
        ]
        assert [package.version for package in index.with_name("a")] == ["2", "1"]
        assert [package.version for package in index.with_name("ab")] == ["3"]
        assert index.with_name("b") == []
        assert index.with_name("") == []


def test_index_finds_providers(path: Path) -> None:
    with PackageIndex(path) as index:
        assert index.providers("libz1") == ["zlib1g", "a"]
        assert index.providers("zlib-api") == ["zlib1g"]
        assert index.providers("a") == []
        assert list(index.names()) == ["a", "ab", "zlib1g", "libz1", "zlib-api"]


def test_empty_index(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"".join(compact(b"\n")))
    with PackageIndex(tmp_path / "index") as index:
        assert not [*index.with_name("a"), *index.providers("a"), *index.names()]


def test_damaged_index() -> None:
    with pytest.raises(FormatError, match="paragraph without a name"):
        list(compact(b"Version: 1\nArchitecture: all\n"))
    for damage in (("Size: 7", "Size: seven"), ("Version: 2\n", ""), (HEX, "abc"), ("Version: 2", "Version: 2_")):
        with pytest.raises(FormatError):
            parse_package(paragraph("a", "2").replace(*damage))


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "-a"])
def test_a_name_that_is_none(name: str) -> None:
    text = f"Package: {name}\nVersion: 1\nArchitecture: all\nFilename: x\nSize: 1\nSHA256: {HEX}\n"
    with pytest.raises(FormatError, match="is not a name of a package"):
        parse_package(text)
