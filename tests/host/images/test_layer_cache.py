"""A layer is taken over from the last build only where packing it again would give the same bytes."""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import IntegrityError
from fromscratch.formats.packing.layer import Packed
from fromscratch.host.images import layer_cache
from fromscratch.host.images.layer_cache import Packer
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.verified_files import is_settled
from fromscratch.model.content import ArchiveMember, Content, HostFile, Inline
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Symlink, with_meta
from fromscratch.model.image import Image, Layer, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import Silent, Task
from tests.made_images import AMD64
from tests.sameness import archive_of
from tests.strategies import METAS, trees

PROGRAM = Path(os.path.realpath("/bin/sh"))  # a file that nobody has changed just now
SETTLED = 2.1


class Place:
    """An output folder and a store, in which one build comes after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder / "oci", Store(folder / "store")

    def build(self, tree: Rootfs, **options: Any) -> tuple[Layer, Packed]:
        with LayoutWriter(self.folder) as layout:
            packer = Packer(layout=layout, store=self.store, **options)
            layer, packed = packer.layer(tree, title="pack", comment="all of it")
            layout.finish([Image(layers=(layer,), config=RunConfig(), platform=AMD64)], tag=None)
        assert packed.diff_id == layer.diff_id == archive_of(tree)
        assert packed.digest == layer.digest == Digest.of(self.blob(layer).read_bytes())
        assert (layer.size, layer.comment) == (self.blob(layer).stat().st_size, "all of it")
        return layer, packed

    def blob(self, layer: Layer) -> Path:
        return self.folder / "blobs" / layer.digest.algorithm / layer.digest.hex

    def takes_over(self, tree: Rootfs, **options: Any) -> bool:
        """Whether the next build of this tree brings the very file that the last one left."""
        before = {path.name: path.stat().st_ino for path in (self.folder / "blobs/sha256").iterdir()}
        layer, _ = self.build(tree, **options)
        return before.get(layer.digest.hex) == self.blob(layer).stat().st_ino


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def tree_of(**entries: Entry) -> Rootfs:
    return Rootfs({TreePath(f"/{name}"): entry for name, entry in entries.items()})


def host_file(path: Path) -> File:
    return File(Meta(0o644), HostFile.of(path, path.stat()))


META = Meta(0o644, 1, 2, 3, (("user.note", b"x"),))
TREE = tree_of(
    a=File(META, Inline(b"one")),
    b=HardLink(META, TreePath("/a")),
    c=Symlink(Meta(0o777), "a"),
    d=Directory(Meta(0o755)),
    e=Device(Meta(0o666), "c", 1, 3),
    program=host_file(PROGRAM),
)


def test_an_unchanged_layer_is_the_same_file_again(place: Place) -> None:
    first = place.build(TREE)
    inode = place.blob(first[0]).stat().st_ino
    assert place.build(TREE) == first
    assert place.blob(first[0]).stat().st_ino == inode
    assert place.takes_over(TREE)


@pytest.mark.parametrize(
    "changed",
    [
        tree_of(a=File(META, Inline(b"two"))),
        tree_of(a=File(replace(META, mode=0o600), Inline(b"one"))),
        tree_of(a=File(replace(META, uid=9), Inline(b"one"))),
        tree_of(a=File(replace(META, gid=9), Inline(b"one"))),
        tree_of(a=File(replace(META, mtime=4), Inline(b"one"))),
        tree_of(a=File(replace(META, xattrs=(("user.note", b"y"),)), Inline(b"one"))),
        tree_of(b=File(META, Inline(b"one"))),
        tree_of(b=Symlink(META, "/a")),
        tree_of(d=Fifo(Meta(0o755))),
        tree_of(c=Symlink(Meta(0o777), "b")),
        tree_of(d=Directory(Meta(0o700))),
        tree_of(e=Device(Meta(0o666), "c", 1, 5)),
        tree_of(e=Device(Meta(0o666), "b", 1, 3)),
        tree_of(f=Directory(Meta(0o755))),
        tree_of(program=host_file(Path(os.path.realpath("/bin/true")))),
    ],
)
def test_whatever_has_changed_is_packed(place: Place, changed: Rootfs) -> None:
    first, _ = place.build(TREE)
    other = {**TREE, **{path: entry for path, entry in changed.items() if path != "/"}}
    second, _ = place.build(Rootfs(other))
    assert second.diff_id != first.diff_id


def test_another_name_is_another_layer(place: Place) -> None:
    file = File(META, Inline(b"one"))
    assert place.build(tree_of(a=file))[0].diff_id != place.build(tree_of(b=file))[0].diff_id


def test_another_codec_is_another_layer(place: Place) -> None:
    _, packed = place.build(TREE)
    _, plain = place.build(TREE, codec="none")
    assert (packed.codec.startswith("gzip "), plain.codec) == (True, "none")
    assert place.takes_over(TREE, codec="none")


def test_a_blob_with_other_bytes_of_the_same_size_is_packed_again(place: Place) -> None:
    layer, _ = place.build(TREE)
    blob = place.blob(layer)
    data = blob.read_bytes()
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    place.build(TREE)  # which sees that the blob is right
    assert place.blob(layer).read_bytes() == data


def test_a_blob_that_is_gone_is_packed_again(place: Place) -> None:
    layer, _ = place.build(TREE)
    place.blob(layer).unlink()
    place.build(TREE)
    assert place.takes_over(TREE)


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b'{"diff_id":"sha256:0"}'])
def test_a_damaged_record_is_none(place: Place, damage: bytes) -> None:
    place.build(TREE)
    (record,) = (place.store.root / "records/packed-layer").iterdir()
    record.write_bytes(damage)
    place.build(TREE)
    assert place.takes_over(TREE)


def test_slices_of_the_store_s_blobs_are_known_by_the_blob(place: Place) -> None:
    digest = place.store.add(b"0123456789")

    def tree(offset: int, size: int) -> Rootfs:
        return tree_of(a=File(META, ArchiveMember(place.store.path(digest), offset, size)))

    place.build(tree(0, 4))
    assert place.takes_over(tree(0, 4))
    assert not place.takes_over(tree(1, 4))
    assert not place.takes_over(tree(0, 5))


@pytest.mark.parametrize(
    ("ctime", "now", "settled"),
    [
        (1_000_000_001, 1_000_000_001, False),
        (1_000_000_001, 1_020_000_001, False),
        (1_000_000_001, 1_020_000_002, True),
        (1_000_000_000, 1_020_000_001, False),  # a filesystem whose times are round may have a coarse clock
        (1_000_000_000, 3_000_000_001, True),
        (2_000_000_001, 1_000_000_000, False),
    ],
)
def test_a_file_is_settled_when_its_next_change_will_have_another_time(ctime: int, now: int, settled: bool) -> None:
    assert is_settled(ctime, now) is settled


def test_a_file_that_is_not_settled_is_always_read(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_cache, "is_settled", lambda ctime: False)  # a busy machine may take longer than a tick
    path = tmp_path / "fresh"
    path.write_bytes(b"x")
    archive = tmp_path / "fresh.tar"
    archive.write_bytes(b"y")
    for tree in (tree_of(a=host_file(path)), tree_of(a=File(META, ArchiveMember(archive, 0, 1)))):
        place.build(tree)
        assert not (place.store.root / "records").exists()


@pytest.mark.slow
@pytest.mark.parametrize("content", [lambda path: host_file(path).content, lambda path: ArchiveMember(path, 0, 6)])
def test_a_change_that_keeps_size_and_time_is_seen(
    content: Callable[[Path], Content], place: Place, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    before = tree_of(a=File(META, content(path)))
    time.sleep(SETTLED)
    place.build(before)
    assert place.takes_over(before)
    state = path.stat()
    path.write_bytes(b"after!")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    time.sleep(SETTLED)
    assert not place.takes_over(tree_of(a=File(META, content(path))))


class Meddling(Silent):
    """Progress that does something else as soon as a layer begins to be packed."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def task(self, title: str, *, total: int | None = None, unit: str = "B") -> AbstractContextManager[Task]:
        self.act()
        return super().task(title, total=total, unit=unit)


@pytest.mark.slow
def test_a_folder_that_gives_way_to_another_before_it_is_packed_is_not_taken_for_the_first(
    place: Place, tmp_path: Path
) -> None:
    first, second, aside = (tmp_path / name for name in ("first", "second", "aside"))
    for folder, data in ((first, b"this"), (second, b"that")):
        folder.mkdir()
        (folder / "file").write_bytes(data)
        os.utime(folder / "file", ns=(0, 0))
    time.sleep(SETTLED)
    tree = tree_of(a=host_file(first / "file"))

    def exchange() -> None:
        first.rename(aside)
        second.rename(first)

    place.build(tree, progress=Meddling(exchange))
    first.rename(second)
    aside.rename(first)
    place.build(tree)  # which compares the diff_id with that of the tree as it is now


def test_a_file_that_is_not_as_it_was_when_it_was_looked_at_stops_the_build(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    tree = tree_of(a=host_file(path))
    path.write_bytes(b"longer than before")
    with pytest.raises(IntegrityError, match="changed while the image was built"):
        place.build(tree)


def test_a_file_that_has_changed_since_it_was_looked_at_stops_a_build_whose_layer_is_kept(place: Place) -> None:
    place.build(TREE)
    entry = TREE[TreePath("/program")]
    assert isinstance(entry, File)
    assert isinstance(entry.content, HostFile)
    older = replace(entry, content=replace(entry.content, mtime_ns=entry.content.mtime_ns - 1))
    with LayoutWriter(place.folder) as layout, pytest.raises(IntegrityError, match="changed while the image was built"):
        Packer(layout=layout, store=place.store).layer(TREE.with_entries({TreePath("/program"): older}), title="pack")


def test_a_layer_that_two_platforms_share_is_packed_once(place: Place) -> None:
    with LayoutWriter(place.folder) as layout:
        packer = Packer(layout=layout, store=place.store)
        first, _ = packer.layer(TREE, title="amd64")
        inode = (layout._blob(first.digest)).stat().st_ino
        second, _ = packer.layer(TREE, title="arm64")
        assert (second, layout._blob(first.digest).stat().st_ino) == (first, inode)


@st.composite
def nearly_alike(draw: st.DrawFn) -> tuple[Rootfs, Rootfs]:
    """A tree, and what becomes of it when little or nothing changes."""
    tree = draw(trees())
    entries = dict(tree)
    path = draw(st.sampled_from(sorted(entries)))
    match draw(st.integers(0, 3)):
        case 1:
            entries[path] = with_meta(entries[path], draw(METAS))
        case 2 if isinstance(found := entries[path], File):
            entries[path] = replace(found, content=Inline(draw(st.binary(max_size=3))))
        case 3 if path != "/":
            return tree, tree.without([path])
    return tree, Rootfs(entries)


@pytest.mark.slow
@given(nearly_alike())
def test_a_build_never_ends_in_the_layer_of_another_tree(pair: tuple[Rootfs, Rootfs]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        for tree in (*pair, pair[0]):
            place.build(tree)  # which compares the diff_id with that of the tree
