"""Packages of Alpine over a base whose database says what it has: nothing is brought twice."""

from pathlib import Path

import pytest

from fromscratch.errors import ImageError
from fromscratch.formats.databases.catalogue import records
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline, read
from fromscratch.model.entry import File, file
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from fromscratch.sources.alpine.options import AlpineOptions
from fromscratch.sources.alpine.source import AlpineSource
from fromscratch.sources.contract import Context
from tests.formats.alpine.packages import apk
from tests.progress_notes import Notes
from tests.sources.alpine.repository import BASE, DAY, Repository
from tests.trees import listed, tree

MUSL = apk(
    "musl",
    {"lib": None, "lib/ld-musl-x86_64.so.1@755": b"loader"},
    "1.2.5-r0",
    provides="so:libc.musl-x86_64.so.1=1",
)
NEWER_MUSL = apk("musl", {"lib": None, "lib/ld-musl-x86_64.so.1@755": b"newer"}, "1.2.6-r0")
JQ = apk(
    "jq",
    {"usr": None, "usr/bin": None, "usr/bin/jq@755": b"jq"},
    "1.7-r0",
    depend=["so:libc.musl-x86_64.so.1", "oniguruma"],
    scripts={"pre-install": "#!/bin/sh\naddgroup -S jq\nadduser -S -D -H -h /dev/null -s /sbin/nologin -G jq jq\n"},
)
ONIGURUMA = apk("oniguruma", {"usr": None, "usr/lib": None, "usr/lib/libonig.so.5": b"onig"}, "6.9-r0")
PICKY = apk("picky", {"usr": None}, "1-r0", depend=["musl>=1.2.6"])
PASSWD = b"root:x:0:0:root:/root:/bin/sh\n"


class Scene:
    """A repository, a store, and a base that was made of it."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder / "repository")
        self.repository.publish(MUSL, JQ, ONIGURUMA)
        self.store, self.folder, self.notes = Store(folder / "store"), folder, Notes()
        source = self.source(Rootfs(), "musl")
        source.fetch(self.store)
        passwd = {tree_path("/etc/passwd"): file(Inline(PASSWD)), tree_path("/etc/group"): file(Inline(b"root:x:0:\n"))}
        self.base = source.build(self.store).with_entries(passwd)
        self.repository.publish(NEWER_MUSL, JQ, ONIGURUMA, PICKY, day=1)

    def source(self, base: Rootfs, *packages: str) -> AlpineSource:
        options = AlpineOptions(
            packages=list(packages), repositories=[self.repository.address], keys=str(self.repository.keys)
        )
        context = Context(
            folder=self.folder,
            place="rootfs[1]",
            platform=Platform.parse("linux/amd64"),
            progress=self.notes,
            present=lambda store: records(base),
        )
        return AlpineSource(options, context, machine=self.folder / "machine", now=lambda: BASE + 2 * DAY)

    def brought(self, *packages: str) -> list[str]:
        source = self.source(self.base, *packages)
        source.fetch(self.store)
        return [one.shown for one in source.plan(self.store).packages]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def content(tree: Rootfs, path: str) -> bytes:
    entry = tree.find(path)
    assert isinstance(entry, File)
    return read(entry.content)


def test_what_the_base_has_is_not_brought_again_and_not_upgraded(scene: Scene) -> None:
    assert scene.brought("jq") == ["oniguruma 6.9-r0", "jq 1.7-r0"]
    assert scene.notes.notes == ["rootfs[1]: not brought, since the items below have it: musl 1.2.5-r0"]
    laid = scene.source(scene.base, "jq").lay(scene.base, scene.store, replace=False)
    assert content(laid, "/lib/ld-musl-x86_64.so.1") == b"loader"
    assert {"/usr/bin/jq", "/usr/lib/libonig.so.5"} <= set(laid) - set(scene.base)


def test_records_and_accounts_are_added_to_those_of_the_base(scene: Scene) -> None:
    scene.brought("jq")
    laid = scene.source(scene.base, "jq").lay(scene.base, scene.store, replace=False)
    assert {str(each.package) for each in records(laid).installed} == {"musl 1.2.5-r0", "jq 1.7-r0", "oniguruma 6.9-r0"}
    assert content(laid, "/etc/apk/world") == b"musl\njq\n"
    assert content(laid, "/etc/passwd").startswith(PASSWD + b"jq:x:")


def test_what_is_asked_for_and_there_is_not_brought(scene: Scene) -> None:
    assert scene.brought("musl") == []
    assert scene.source(scene.base, "musl").lay(scene.base, scene.store, replace=False) is scene.base


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "picky",
            "musl, needed by picky (depends: musl>=1.2.6), asked for in rootfs[1], cannot be had beside musl 1.2.5-r0, "
            "in the items below rootfs[1] already; the wish is musl>=1.2.6",
        ),
        (
            "musl=1.2.6-r0",
            "musl, asked for in rootfs[1], cannot be had beside musl 1.2.5-r0, in the items below rootfs[1] already; "
            "the wish is musl=1.2.6-r0",
        ),
    ],
)
def test_another_version_than_the_one_that_is_there_is_told(scene: Scene, asked: str, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        scene.brought(asked)
    assert caught.value.message == message


def test_a_database_that_cannot_be_read_still_says_what_is_there(scene: Scene) -> None:
    scene.base = tree(r"f 0644 0:0 /lib/apk/db/installed 'P:musl\nV:1.2.5-r0\nA:x86_64\nC:\nF:lib\nR:ld.so\n'")
    assert "musl" not in " ".join(scene.brought("oniguruma"))
    assert "/usr/lib/libonig.so.5" in listed(
        scene.source(scene.base, "oniguruma").lay(scene.base, scene.store, replace=False)
    )
