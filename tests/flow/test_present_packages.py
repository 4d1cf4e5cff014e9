"""Which packages the items below one have, as it asks for them when it is fetched and built."""

from pathlib import Path
from typing import Any

import msgspec

from fromscratch.flow.present_packages import PackagesBelow
from fromscratch.formats.installed import Package, Records
from fromscratch.host.storage.store import Store
from fromscratch.model.image import RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.recipe.items import Item
from fromscratch.sources.contract import TreeSource
from fromscratch.sources.tarball.options import TarballOptions
from tests.sources.contract import Subject
from tests.sources.image.images import archive
from tests.trees import tree

BASE = tree(
    r"""
    f 0644 0:0 /var/lib/dpkg/status.d/zlib1g 'Package: zlib1g\nVersion: 1.2\nArchitecture: amd64\nProvides: libz1\n'
    f 0644 0:0 /lib/apk/db/installed 'P:musl\nV:1.2\nA:x86_64\n'
    """
)


class Counted(TreeSource):
    """A source of that tree, which counts how often it is built."""

    label = "base"

    def __init__(self) -> None:
        self.built = 0

    def fetch(self, store: Store) -> None: ...

    def fingerprint(self, store: Store) -> str:
        return "base"

    def build(self, store: Store) -> Rootfs:
        self.built += 1
        return BASE


class Compiled(Counted):
    build_folders = ("compiled",)


class Choosing(Counted):
    chooses_packages = True


def item(kind: str = "base") -> Item:
    return Item(kind, RunConfig(), replace=False)


def test_the_records_of_all_items_below_are_read_once(tmp_path: Path) -> None:
    store, source = Store(tmp_path), Counted()
    for _ in range(2):
        found = PackagesBelow([(item(), source)])(store)
        assert found.of("dpkg") == [Package("dpkg", "zlib1g", "1.2", "amd64")]
        assert found.of("apk") == [Package("apk", "musl", "1.2", "x86_64")]
        assert b"Provides: libz1" in found.control(Package("dpkg", "zlib1g", "1.2", "amd64"))
    assert source.built == 1


def test_what_compiles_its_tree_or_chooses_packages_itself_is_not_asked(tmp_path: Path) -> None:
    items: list[Any] = [(item(), Compiled()), (item(), Choosing())]
    assert PackagesBelow(items)(Store(tmp_path)) == Records()


def test_nothing_is_known_of_an_item_that_is_not_there_yet(tmp_path: Path) -> None:
    later = Subject(msgspec.convert({"path": "later.tar"}, TarballOptions), folder=tmp_path)
    store = Store(tmp_path / "store")
    assert PackagesBelow([(item(), later.bind())])(store) == Records()
    (tmp_path / "later.tar").write_bytes(archive(BASE))
    assert PackagesBelow([(item(), later.bind())])(store).of("apk") != []
