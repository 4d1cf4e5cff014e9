"""docker-archive and oci-archive: one tar, read by everyone. The engines themselves read it in tests/images."""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, IntegrityError, UsageError
from fromscratch.formats.docker.archive import check_both, docker_archive, docker_archive_images
from fromscratch.formats.oci.archive import oci_archive, oci_archive_images
from fromscratch.formats.oci.config import config_bytes
from fromscratch.formats.oci.graph import graph
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.images.archives import read_archive
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference, full_name
from fromscratch.model.rootfs import Rootfs
from tests.made_images import AMD64, ARM64, image_of

ONE = image_of(b"first", b"second", created=1_700_000_000)
NAME = Reference.parse("hello:1.0")


def as_tree(pieces: Iterable[bytes], tmp_path: Path) -> Rootfs:
    path = tmp_path / "archive.tar"
    path.write_bytes(b"".join(pieces))
    return read_tree(path, Origin("test", "found in", "archive"))


def packed(files: dict[str, bytes], tmp_path: Path) -> Rootfs:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return as_tree([out.getvalue()], tmp_path)


def layer_bytes(image: Image) -> list[bytes]:
    found = []
    for layer in image.layers:
        with layer.open() as stream:
            found.append(stream.read())
    return found


def test_an_archive_has_what_each_engine_looks_for() -> None:
    data = b"".join(docker_archive(ONE, NAME))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = tar.getnames()
        config = Digest.of(config_bytes(ONE)).hex
        layers = [f"blobs/sha256/{layer.digest.hex}" for layer in ONE.layers]
        assert json.load(tar.extractfile("manifest.json") or io.BytesIO()) == [
            {"Config": f"blobs/sha256/{config}", "RepoTags": ["hello:1.0"], "Layers": layers}
        ]
        index = json.load(tar.extractfile("index.json") or io.BytesIO())
    assert names == sorted(names)
    assert names[:2] == ["blobs", "blobs/sha256"]
    assert index["manifests"][0]["annotations"] == {
        "io.containerd.image.name": "docker.io/library/hello:1.0",
        "org.opencontainers.image.ref.name": "1.0",
    }
    assert data == b"".join(docker_archive(ONE, NAME))


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("hello", "docker.io/library/hello:latest"),
        ("team/hello:2", "docker.io/team/hello:2"),
        ("registry.example:5000/hello:2", "registry.example:5000/hello:2"),
        ("localhost/hello", "localhost/hello:latest"),
    ],
)
def test_full_names(name: str, full: str) -> None:
    assert full_name(Reference.parse(name)) == full


def test_what_was_written_is_read(tmp_path: Path) -> None:
    (read,) = docker_archive_images(as_tree(docker_archive(ONE, NAME), tmp_path), "docker-archive:x", "hello:1.0")
    assert read == ONE
    assert layer_bytes(read) == layer_bytes(ONE)


def test_an_oci_archive_of_several_platforms_is_read(tmp_path: Path) -> None:
    both = [ONE, replace(ONE, platform=ARM64)]
    read = oci_archive_images(as_tree(oci_archive(both, tag="x"), tmp_path), "oci-archive:x", "x")
    assert [image.platform for image in read] == [AMD64, ARM64]
    assert read == both
    assert layer_bytes(read[1]) == layer_bytes(ONE)


def test_a_docker_archive_is_an_oci_archive_too(tmp_path: Path) -> None:
    tree = as_tree(docker_archive(ONE, NAME), tmp_path)
    assert oci_archive_images(tree, "oci-archive:x") == oci_archive_images(tree, "oci-archive:x", "1.0") == [ONE]


def test_the_manifest_of_an_archive_stays_as_it_is(tmp_path: Path) -> None:
    image = replace(ONE, annotations={"a": "b"})
    (read,) = docker_archive_images(as_tree(docker_archive(image, NAME), tmp_path), "docker-archive:x", "hello:1.0")
    assert read.annotations == {"a": "b"}
    assert graph([read]).top == graph([image]).top


def test_an_archive_whose_layout_is_not_whole_is_read_as_docker_reads_it(tmp_path: Path) -> None:
    image = replace(ONE, annotations={"a": "b"})
    path = tmp_path / "whole.tar"
    path.write_bytes(b"".join(docker_archive(image, NAME)))
    with tarfile.open(path) as tar:
        left = {info.name: tar.extractfile(info) for info in tar.getmembers() if info.isfile()}
        files = {name: stream.read() for name, stream in left.items() if stream}
    del files[f"blobs/sha256/{graph([image]).top.digest.hex}"]
    assert docker_archive_images(packed(files, tmp_path), "docker-archive:x") == [ONE]


def test_an_old_docker_archive_with_plain_layers_is_read(tmp_path: Path) -> None:
    config = config_bytes(ONE)
    listing = [{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["0/layer.tar", "1/layer.tar"]}]
    (read,) = docker_archive_images(
        packed(
            {
                "c.json": config,
                "0/layer.tar": b"first",
                "1/layer.tar": b"second",
                "manifest.json": json.dumps(listing).encode(),
            },
            tmp_path,
        ),
        "docker-archive:x",
    )
    assert [layer.digest for layer in read.layers] == [layer.diff_id for layer in ONE.layers]
    assert layer_bytes(read) == [b"first", b"second"]


def test_compressed_layers_of_any_name_are_read(tmp_path: Path) -> None:
    blobs = layer_bytes(ONE)
    listing = [{"Config": "c.json", "RepoTags": None, "Layers": ["a", "b"]}]
    files = {"c.json": config_bytes(ONE), "a": blobs[0], "b": blobs[1], "manifest.json": json.dumps(listing).encode()}
    assert docker_archive_images(packed(files, tmp_path), "docker-archive:x") == [ONE]


@pytest.mark.parametrize(("kind", "target"), [(tarfile.SYMTYPE, "../0/layer.tar"), (tarfile.LNKTYPE, "0/layer.tar")])
def test_a_layer_that_is_a_link_to_another_is_read(kind: bytes, target: str, tmp_path: Path) -> None:
    """As docker writes a layer that an image has twice."""
    twice = image_of(b"first", b"first")
    listing = [{"Config": "c.json", "Layers": ["0/layer.tar", "1/layer.tar"]}]
    files = {"c.json": config_bytes(twice), "0/layer.tar": b"first", "manifest.json": json.dumps(listing).encode()}
    packed(files, tmp_path)
    with tarfile.open(tmp_path / "archive.tar", "a") as tar:
        link = tarfile.TarInfo("1/layer.tar")
        link.type, link.linkname = kind, target
        tar.addfile(link)
    tree = read_tree(tmp_path / "archive.tar", Origin("test", "found in", "archive"))
    (read,) = docker_archive_images(tree, "docker-archive:x")
    assert layer_bytes(read) == [b"first", b"first"]


def members_of(image: Image, name: str = "hello:1.0") -> dict[str, bytes]:
    """The files of an archive that is both a docker-archive and a layout."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(docker_archive(image, Reference.parse(name))))) as tar:
        return {each.name: (tar.extractfile(each) or io.BytesIO()).read() for each in tar if each.isfile()}


def joined(document: str, *of: dict[str, bytes]) -> bytes:
    """The lists of several archives, one behind the other."""
    if document == "manifest.json":
        return json.dumps([entry for files in of for entry in json.loads(files[document])]).encode()
    entries = [entry for files in of for entry in json.loads(files[document])["manifests"]]
    return json.dumps({"schemaVersion": 2, "manifests": entries}).encode()


def with_lists(files: dict[str, bytes], **lists: bytes) -> dict[str, bytes]:
    """The files of an archive with other lists: `manifest` and `index`."""
    return files | {f"{name}.json": data for name, data in lists.items()}


A, B = members_of(ONE), members_of(image_of(b"other"))
OTHER_NAME = members_of(image_of(b"other"), "other:1.0")
FOREIGN = members_of(image_of(b"other", platform=ARM64))


ALL = A | B
WITH_NAME = A | OTHER_NAME


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(with_lists(ALL, manifest=A["manifest.json"]), id="one image each"),
        pytest.param(
            with_lists(ALL, manifest=A["manifest.json"], index=joined("index.json", B, A)), id="one more in the layout"
        ),
        pytest.param(
            with_lists(
                WITH_NAME,
                manifest=joined("manifest.json", A, OTHER_NAME),
                index=joined("index.json", members_of(ONE, "other:1.0"), B),
            ),
            id="names exchanged",
        ),
        pytest.param(with_lists(ALL, manifest=joined("manifest.json", A, B)), id="one name of two images"),
    ],
)
def test_an_archive_that_is_another_image_to_docker_than_to_podman(files: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"those who read its index\.json|hello:1\.0 to two images"):
        docker_archive_images(packed(files, tmp_path), "docker-archive:x", "hello:1.0")
    with pytest.raises(FormatError):
        check_both(packed(files, tmp_path), "oci-archive:x")


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            with_lists(A | FOREIGN, manifest=A["manifest.json"], index=joined("index.json", A, FOREIGN)),
            id="a further platform",
        ),
        pytest.param(
            with_lists(
                WITH_NAME, manifest=joined("manifest.json", A, OTHER_NAME), index=joined("index.json", A, OTHER_NAME)
            ),
            id="two images in both",
        ),
    ],
)
def test_an_archive_whose_two_lists_agree(files: dict[str, bytes], tmp_path: Path) -> None:
    (read,) = docker_archive_images(packed(files, tmp_path), "docker-archive:x", "hello:1.0")
    assert layer_bytes(read) == layer_bytes(ONE)
    check_both(packed(files, tmp_path), "oci-archive:x")


@pytest.mark.parametrize(("again", "good"), [("manifest.json", A), ("manifest.json", B), ("./manifest.json", B)])
def test_a_file_that_an_archive_has_twice_must_be_the_same(again: str, good: dict[str, bytes], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    path = tmp_path / "archive.tar"
    with tarfile.open(path, "w") as tar:
        for name, data in [*A.items(), (again, good["manifest.json"])]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    if good is A:
        assert len(read_archive(path, store)) == 1
        return
    with pytest.raises(FormatError, match="it is there twice, and not the same"):
        read_archive(path, store)


def test_a_layer_that_went_bad_is_found(tmp_path: Path) -> None:
    data = b"".join(docker_archive(ONE, NAME)).replace(layer_bytes(ONE)[1], bytes(ONE.layers[1].size))
    (read,) = docker_archive_images(as_tree([data], tmp_path), "docker-archive:x")
    with pytest.raises(IntegrityError):
        layer_bytes(read)


def listing(*entries: Mapping[str, object]) -> dict[str, bytes]:
    return {"manifest.json": json.dumps(entries).encode(), "c": config_bytes(ONE), "l": b""}


@pytest.mark.parametrize(
    ("files", "name", "kind", "complaint"),
    [
        ({"x": b""}, None, FormatError, "docker-archive:x lacks manifest.json"),
        ({"manifest.json": b"{"}, None, FormatError, "manifest.json of docker-archive:x"),
        (listing(), None, UsageError, "holds no image"),
        (listing({"Config": "../../etc/passwd", "Layers": []}), None, FormatError, "lacks ../../etc/passwd"),
        (listing({"Config": "c", "Layers": ["l"]}), None, FormatError, "has 1 layers, but its configuration lists 2"),
        (listing({"Config": "c", "Layers": [], "RepoTags": ["a:1"]}), "b:1", UsageError, "no image named 'b:1'"),
        (
            listing(*({"Config": "c", "Layers": [], "RepoTags": [f"a:{n}"]} for n in (1, 2))),
            None,
            UsageError,
            "several images: a:1, a:2",
        ),
    ],
)
def test_a_bad_archive_is_named(
    files: dict[str, bytes], name: str | None, kind: type[Exception], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=complaint):
        docker_archive_images(packed(files, tmp_path), "docker-archive:x", name)


def test_a_name_without_a_tag_is_refused() -> None:
    with pytest.raises(UsageError, match="has no tag"):
        docker_archive(ONE, Reference.parse(f"hello@{Digest.of(b'')}"))


def test_a_layer_that_lies_stops_the_archive() -> None:
    bad = replace(ONE, layers=(replace(ONE.layers[0], digest=Digest.of(b"other")), ONE.layers[1]))
    with pytest.raises(IntegrityError):
        list(docker_archive(bad, NAME))
