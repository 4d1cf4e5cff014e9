"""Images as blobs: what is written again is what was read, as long as nobody has changed it."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.graph import Graph, document, graph, is_manifest
from fromscratch.host.images.layout import read_layout, write_layout
from fromscratch.model.image import Blob, Image
from tests.made_images import AMD64, ARM64, image_of

ONE = image_of(b"first", b"second", created=1_700_000_000)
TWO = image_of(b"first", platform=ARM64)


def foreign(folder: Path, *, attested: bool) -> Digest:
    """A layout as another tool may write it: its own order of keys, fields unknown to us, and an attestation."""
    (folder / "blobs/sha256").mkdir(parents=True)

    def put(value: object) -> dict[str, object]:
        data = json.dumps(value, indent=3).encode() if not isinstance(value, bytes) else value
        digest = Digest.of(data)
        (folder / "blobs/sha256" / digest.hex).write_bytes(data)
        return {"size": len(data), "digest": str(digest)}

    layer = put(b"a layer")
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Shell": ["/bin/bash", "-c"], "OnBuild": ["RUN x"], "Cmd": ["/a"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        "history": [{"created_by": "by hand"}, {"empty_layer": True, "created_by": "CMD"}],
        "moby.buildkit.buildinfo.v1": "e30=",
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": oci.MANIFEST,
        "config": {"mediaType": oci.CONFIG, **put(config)},
        "layers": [{"mediaType": oci.LAYER_TAR, "urls": ["https://a.example"], **layer}],
        "annotations": {"who": "them"},
    }
    entries = [{"mediaType": oci.MANIFEST, "platform": {"os": "linux", "architecture": "amd64"}, **put(manifest)}]
    if attested:
        proof = {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "config": {"mediaType": oci.CONFIG, **put({"architecture": "unknown", "os": "unknown", "rootfs": {}})},
            "layers": [{"mediaType": "application/vnd.in-toto+json", **put({"_type": "statement"})}],
        }
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries.append({"mediaType": oci.MANIFEST, "platform": unknown, "data": "e30=", **put(proof)})
    index = put({"mediaType": oci.INDEX, "schemaVersion": 2, "annotations": {"a": "b"}, "manifests": entries})
    (folder / oci.LAYOUT_FILE).write_bytes(oci.LAYOUT)
    (folder / oci.INDEX_FILE).write_text(
        json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": oci.INDEX, **index}]})
    )
    return Digest.parse(str(index["digest"]))


def blobs(folder: Path) -> set[str]:
    return {path.name for path in (folder / "blobs/sha256").iterdir()}


def read_all(of: Graph) -> dict[Digest, bytes]:
    found = {}
    for blob in of.blobs:
        with blob.open() as stream:
            found[blob.digest] = stream.read()
    return found


def test_one_image_is_its_manifest_and_several_are_an_index() -> None:
    assert [blob.media_type for blob in graph([ONE]).blobs] == [
        oci.LAYER_GZIP,
        oci.LAYER_GZIP,
        oci.CONFIG,
        oci.MANIFEST,
    ]
    both = graph([ONE, TWO])
    assert (both.top.media_type, graph([ONE]).top.media_type) == (oci.INDEX, oci.MANIFEST)
    found = read_all(both)
    assert all(Digest.of(data) == digest and len(data) for digest, data in found.items())
    listed = oci.parse_index(found[both.top.digest], "the index").manifests
    assert [entry.platform for entry in listed] == [AMD64, ARM64]


def test_what_a_document_names_stands_before_it_and_each_blob_once() -> None:
    of = graph([ONE, TWO])
    order = [blob.digest for blob in of.blobs]
    assert len(order) == len(set(order)) == 7  # both have the first layer
    for blob in of.blobs:
        if is_manifest(blob.media_type):
            with blob.open() as stream:
                text = stream.read().decode()
            referenced = [digest for digest in order if str(digest) in text]
            assert referenced
            assert all(order.index(digest) < order.index(blob.digest) for digest in referenced)


@pytest.mark.parametrize("attested", [False, True])
def test_a_foreign_image_is_written_as_it_was_read(tmp_path: Path, attested: bool) -> None:
    digest = foreign(tmp_path / "in", attested=attested)
    images = read_layout(tmp_path / "in")
    assert [image.config.cmd for image in images] == [("/a",)]
    top = write_layout(tmp_path / "out", images, tag=None)
    assert top.digest == digest
    assert blobs(tmp_path / "out") == blobs(tmp_path / "in")


def test_a_changed_image_is_written_anew(tmp_path: Path) -> None:
    foreign(tmp_path / "in", attested=True)
    (image,) = read_layout(tmp_path / "in")
    relabelled = replace(image, annotations={"who": "us"})
    assert graph([relabelled]).top.media_type == oci.MANIFEST  # the old index, and what it says of the old image, go
    old, new = (read_all(graph([each])) for each in (image, relabelled))
    assert old.keys() & new.keys() == {
        image.layers[0].digest,
        Digest.of(image.original.config if image.original else b""),
    }
    other = replace(image, config=replace(image.config, cmd=("/b",)))
    changed = graph([other])
    found = read_all(changed)
    assert Digest.of(image.original.config if image.original else b"") not in found
    manifest = json.loads(found[changed.top.digest])
    assert manifest["layers"][0]["urls"] == ["https://a.example"]
    config = json.loads(found[Digest.parse(manifest["config"]["digest"])])
    assert config["config"] == {"Shell": ["/bin/bash", "-c"], "OnBuild": ["RUN x"], "Cmd": ["/b"]}
    assert [step["created_by"] for step in config["history"]] == ["by hand", "CMD"]


def test_an_image_out_of_an_index_is_written_alone(tmp_path: Path) -> None:
    write_layout(tmp_path / "both", [ONE, TWO], tag="x")
    images: list[Image] = read_layout(tmp_path / "both")
    assert graph(images).top == graph([ONE, TWO]).top
    assert graph(images[1:]).top == graph([TWO]).top


def test_documents_of_docker_become_those_of_the_specification(tmp_path: Path) -> None:
    foreign(tmp_path / "in", attested=False)
    (image,) = read_layout(tmp_path / "in")
    assert image.original is not None
    text = image.original.manifest.decode().replace(
        oci.MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"
    )
    assert not oci.is_own_form(text.encode())
    assert oci.is_own_form(image.original.manifest)


def test_no_image_is_an_error() -> None:
    with pytest.raises(ImageError, match="no images"):
        graph([])


def test_a_document_is_a_blob() -> None:
    blob = document(b"{}", oci.CONFIG)
    assert blob == Blob(oci.CONFIG, Digest.of(b"{}"), 2, blob.open)
    assert blob.open().read() == b"{}"
