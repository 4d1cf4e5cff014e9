"""A primary site out of a Debian archive."""

from pathlib import Path

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.host.storage.store import Store
from fromscratch.sources.buildroot import mirror


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for package, line in (
        ("busybox", f"sha256  {Digest.of(b'busybox').hex}  busybox-1.38.0.tar.bz2"),
        ("libzlib", f"sha256  {Digest.of(b'zlib').hex}  zlib-1.3.2.tar.xz"),
        ("tree", f"sha256  {Digest.of(b'tree').hex}  tree-2.2.1.tgz"),
    ):
        (tmp_path / "br" / "package" / package).mkdir(parents=True)
        hashes = tmp_path / "br" / "package" / package / f"{package}.hash"
        hashes.write_text(f"# Locally computed\n{line}\nsha256  {'0' * 64}  LICENSE\n")
    return tmp_path / "br"


def test_a_source_has_the_name_that_debian_gives_it(tree: Path) -> None:
    names = [one.pool for package in ("busybox", "libzlib", "tree") for one in mirror.sources(tree, package)]
    assert names == [
        "pool/main/b/busybox/busybox_1.38.0.orig.tar.bz2",
        "pool/main/z/zlib/zlib_1.3.2.orig.tar.xz",
        "pool/main/t/tree/tree_2.2.1.orig.tar.gz",
    ]
    with pytest.raises(UsageError, match=r"nosuch\.hash"):
        mirror.sources(tree, "nosuch")


def test_only_the_very_file_is_taken(tree: Path, tmp_path: Path) -> None:
    archive = tmp_path / "debian"
    for name, data in (
        ("b/busybox/busybox_1.38.0.orig.tar.bz2", b"busybox"),
        ("z/zlib/zlib_1.3.2.orig.tar.xz", b"repacked"),
    ):
        (archive / "pool/main" / name).parent.mkdir(parents=True)
        (archive / "pool/main" / name).write_bytes(data)
    asked_for = [one for package in ("busybox", "libzlib", "tree") for one in mirror.sources(tree, package)]
    outcome = mirror.fill(tmp_path / "site", asked_for, [archive.as_uri()], Store(tmp_path / "store"))
    assert [path.relative_to(tmp_path).as_posix() for path in (tmp_path / "site").rglob("*") if path.is_file()] == [
        "site/busybox/busybox-1.38.0.tar.bz2"
    ]
    assert [(one.package, why) for one, why in outcome.missed] == [
        ("libzlib", "Debian packed it anew: other bytes"),
        ("tree", "Debian has no such version"),
    ]
