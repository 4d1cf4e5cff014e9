"""What is not a file where a file should be: every reader answers at once, and says what it is."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from fromscratch import regular_file
from fromscratch.errors import ImageError
from fromscratch.flow import evidence
from fromscratch.formats.tar.reader import members
from fromscratch.host.images.archives import read_archive
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.file_digests import store_file
from fromscratch.host.storage.store import Store
from fromscratch.images.oci_layout import OciLayout
from fromscratch.recipe import schema as recipe
from tests.made_images import at, image_of

KINDS: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "socket": lambda path: os.mknod(path, 0o600 | stat.S_IFSOCK),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture(params=KINDS)
def no_file(request: pytest.FixtureRequest) -> tuple[str, Callable[[Path], object]]:
    return request.param, KINDS[request.param]


NoFile = tuple[str, Callable[[Path], object]]


def test_it_is_said_what_it_is(no_file: NoFile, tmp_path: Path) -> None:
    what, make = no_file
    make(tmp_path / "x")
    for read in (
        regular_file.open_buffered,
        regular_file.open_unbuffered,
        regular_file.read_bytes,
        regular_file.read_text,
    ):
        with pytest.raises(regular_file.NotAFile, match=f"it is a {what}, not a file"):
            read(tmp_path / "x")


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_a_layout_that_has_it_is_refused(name: str, no_file: NoFile, tmp_path: Path) -> None:
    what, make = no_file
    at(OciLayout, tmp_path / "oci").write([image_of(bytes(1024))], "latest")
    (tmp_path / "oci" / name).unlink()
    make(tmp_path / "oci" / name)
    with pytest.raises(ImageError, match=f"{name}: it is a {what}"):
        read_layout(tmp_path / "oci", "latest")


READERS: dict[str, Callable[[Path, Store], object]] = {
    "evidence.json": lambda path, store: evidence.read(path.parent),
    "recipe.yaml": lambda path, store: recipe.load(path),
    "image.tar": read_archive,
    "root.tar": lambda path, store: list(members(path)),
    "package.deb": lambda path, store: store_file(store, path),
}


@pytest.mark.parametrize("name", READERS)
def test_readers_refuse_it(name: str, no_file: NoFile, tmp_path: Path) -> None:
    what, make = no_file
    make(tmp_path / name)
    with pytest.raises(ImageError, match=f"{name}: it is a {what}") as caught:
        READERS[name](tmp_path / name, Store(tmp_path / "store"))
    assert caught.value.hint


def test_a_record_of_the_store_that_is_none_is_refused(no_file: NoFile, tmp_path: Path) -> None:
    what, make = no_file
    store = Store(tmp_path / "store")
    store.write_record("layer", "key", b"x")
    [path] = (tmp_path / "store/records/layer").iterdir()
    path.unlink()
    make(path)
    with pytest.raises(ImageError, match=f"it is a {what}"):
        store.record("layer", "key")


def test_a_pipe_of_our_own_is_read(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"name: x\r\n")
    os.close(writing)
    try:
        assert regular_file.read_text(Path(f"/dev/fd/{reading}")) == "name: x\n"
    finally:
        os.close(reading)
