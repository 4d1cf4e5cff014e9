"""A store that shows what another one has, and whose changes that one never sees."""

import io
import os
from pathlib import Path

import pytest

from fromscratch.errors import NotFetched
from fromscratch.host.storage import disk
from fromscratch.host.storage.linked_copy import linked_copy
from fromscratch.host.storage.store import Store


def contents(store: Store) -> dict[str, bytes]:
    return {str(path.relative_to(store.root)): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


def filled(folder: Path) -> Store:
    store = Store(folder)
    store.add(b"one")
    store.add_stream(io.BytesIO(b"two"))
    store.write_record("kind", "key", b"fact")
    (store.workspace("buildroot-tree", "x") / "tree").mkdir()
    (store.workspace("buildroot", "x") / "output").mkdir()
    store.derived(store.add(b"one"), "tar", lambda blob, target: target.write_bytes(b"made of " + blob.read_bytes()))
    return store


def test_it_has_the_blobs_and_records_and_what_is_unpacked_but_makes_anew_what_is_derived(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    second = linked_copy(store, tmp_path / "second", without={"buildroot"})
    assert second.read(store.add(b"one")) == b"one"
    assert second.read(store.add(b"two")) == b"two"
    assert second.record("kind", "key") == b"fact"
    assert (second.workspace("buildroot-tree", "x") / "tree").is_dir()
    assert not (second.workspace("buildroot", "x") / "output").exists()
    assert not (second.root / "derived").exists()


def test_nothing_that_is_done_in_it_is_seen_in_the_first(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    before = contents(store)
    second = linked_copy(store, tmp_path / "second")
    second.write_record("kind", "key", b"another fact")
    second.write_record("other kind", "key", b"fact")
    three = second.add(b"three")
    second.adopt(_written(tmp_path / "file", b"one"), second.add(b"one"))
    second.workspace("new", "y")
    second.discard(second.add(b"two"))
    with second.lock("name"):
        pass
    second.clear()
    assert contents(store) == before
    assert store.record("kind", "key") == b"fact"
    with pytest.raises(NotFetched):
        store.open(three)


def test_a_store_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    second = linked_copy(Store(tmp_path / "store"), tmp_path / "second")
    assert second.read(second.add(b"x")) == b"x"
    assert not (tmp_path / "store").exists()


def test_where_no_second_name_can_be_given_a_symlink_is(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    other_filesystem = Path("/dev/shm")
    if not os.access(other_filesystem, os.W_OK) or other_filesystem.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second filesystem to write to")
    place = other_filesystem / f"fromscratch-test-{os.getpid()}"
    try:
        second = linked_copy(store, place)
        assert second.path(store.add(b"one")).is_symlink()
        assert second.read(store.add(b"one")) == b"one"
    finally:
        disk.remove(place)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
