"""Sinks that write files: layout, docker-archive, oci-archive, tar."""

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.docker.archive import docker_archive_images
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.archive import oci_archive_images
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.packing.decompress import expand
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.images.layout import read_layout
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.local import LocalTransport
from fromscratch.images.oci_archive import OciArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.images.tar import RootTar
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, RunConfig
from fromscratch.model.rootfs import Rootfs
from tests.images.contract import IMAGE, TAR, Place, TransportContract
from tests.made_images import ARM64, at, blob_layer


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def only(images: list[Image]) -> Image:
    (image,) = images
    return image


def as_tree(path: Path) -> Rootfs:
    return read_tree(path, Origin("test", "found in", "archive"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


class TestLayout(TransportContract):
    @pytest.fixture
    def place(self, out: Path, store: Store) -> Place:
        return Place(
            transport=at(OciLayout, out / "oci"),
            reference="1.0",
            read=lambda: only(read_layout(out / "oci", "1.0", verify=True)),
            holds=lambda: files(out),
            digest=lambda: image_documents(read_layout(out / "oci")[0]).descriptor.digest,
            store=store,
        )


class TestDockerArchive(TransportContract):
    @pytest.fixture
    def place(self, out: Path, store: Store) -> Place:
        path = out / "image.tar"
        return Place(
            transport=at(DockerArchive, path),
            reference="hello:1.0",
            read=lambda: only(docker_archive_images(as_tree(path), "docker-archive:x", "hello:1.0")),
            holds=lambda: files(out),
            digest=lambda: Digest.of(path.read_bytes()),
            store=store,
        )


class TestOciArchive(TransportContract):
    @pytest.fixture
    def place(self, out: Path, store: Store) -> Place:
        path = out / "image.tar"
        return Place(
            transport=at(OciArchive, path),
            reference="hello:1.0",
            read=lambda: only(oci_archive_images(as_tree(path), "oci-archive:x", "1.0")),
            holds=lambda: files(out),
            digest=lambda: Digest.of(path.read_bytes()),
            store=store,
            name="1.0",
        )


@pytest.fixture(params=["root.tar", "root.tar.gz", "root.tgz", "root.tar.zst"])
def tar_name(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name.endswith("zst"):
        pytest.importorskip("zstandard", reason="the Python package zstandard is not installed")
    return name


class TestTarball(TransportContract):
    looks_inside = True

    @pytest.fixture
    def place(self, out: Path, store: Store, tmp_path: Path, tar_name: str) -> Place:
        path = out / tar_name

        def read() -> Image:
            expand(path, tmp_path / "plain.tar")
            return Image(
                layers=(blob_layer((tmp_path / "plain.tar").read_bytes()),), config=RunConfig(), platform=IMAGE.platform
            )

        return Place(
            transport=RootTar(path, store),
            reference="",
            read=read,
            holds=lambda: files(out),
            digest=lambda: Digest.of(path.read_bytes()),
            store=store,
            config=lambda config: RunConfig(),
            keeps_platform=False,
        )


def test_a_plain_tar_of_one_layer_is_that_layer(out: Path, store: Store) -> None:
    receipt = RootTar(out / "root.tar", store).write([IMAGE])
    assert (out / "root.tar").read_bytes() == TAR
    assert receipt.digest == IMAGE.layers[0].diff_id


@pytest.mark.parametrize("name", ["root.tar.xz", "root.txz", "root.tar.BZ2", "root.zip"])
def test_a_form_that_is_not_written_is_refused(name: str, out: Path, store: Store) -> None:
    with pytest.raises(UsageError, match=name):
        RootTar(out / name, store).write([IMAGE])
    assert files(out) == {}


@pytest.mark.parametrize("kind", [DockerArchive, OciArchive, RootTar])
def test_a_folder_is_not_overwritten(kind: type[LocalTransport], out: Path) -> None:
    with pytest.raises(ImageError, match="is a folder"):
        at(kind, out).write([IMAGE], "hello:1.0")


def test_several_platforms_go_into_one_layout_and_archive(out: Path) -> None:
    both = [IMAGE, replace(IMAGE, platform=ARM64)]
    assert at(OciLayout, out / "oci").write(both, "1.0").digest == OciDigest.of_index(both)
    at(OciArchive, out / "a.tar").write(both, "hello:1.0")
    assert oci_archive_images(as_tree(out / "a.tar"), "oci-archive:x", "1.0") == read_layout(out / "oci", "1.0") == both


class OciDigest:
    @staticmethod
    def of_index(images: list[Image]) -> Digest:
        entries = tuple(image_documents(image).descriptor for image in images)
        return Digest.of(oci.index_bytes(oci.Index(manifests=entries)))


@pytest.mark.parametrize("program", ["tar", "bsdtar"])
def test_other_programs_list_the_tar_alike(program: str, out: Path, store: Store) -> None:
    from tests.engines import need

    RootTar(out / "root.tar", store).write([IMAGE])
    reported = subprocess.run([need(program), "-tf", out / "root.tar"], capture_output=True, check=True)
    assert len(reported.stdout.splitlines()) == 13
