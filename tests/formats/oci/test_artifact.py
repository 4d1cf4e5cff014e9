"""Artifacts beside an image: written, found by what they refer to, and read."""

import json
import os
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.archive import oci_archive, oci_archive_images
from fromscratch.formats.oci.artifact import (
    Artifact,
    artifact_graph,
    listed,
    part,
    read_artifact,
    referrers,
    referrers_index,
    referrers_tag,
)
from fromscratch.formats.oci.graph import graph
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.images.layout import attach, read_layout, read_referrers, write_layout
from fromscratch.host.images.layout_blobs import LayoutBlobs
from fromscratch.model.entry import Origin
from tests.made_images import ARM64, image_of

ONE = image_of(b"first", b"second", created=1_700_000_000)
SPDX = "application/spdx+json"


def sbom(subject: oci.Descriptor, text: bytes = b'{"spdxVersion": "SPDX-2.3"}') -> Artifact:
    return Artifact(
        artifact_type=SPDX,
        parts=(part(text, SPDX, "hello.spdx.json"),),
        subject=subject,
        annotations={"org.opencontainers.image.created": "2023-11-14T22:13:20Z"},
    )


def read_parts(artifact: Artifact) -> list[bytes]:
    found = []
    for each in artifact.parts:
        with each.blob.open() as stream:
            found.append(stream.read())
    return found


def test_an_artifact_has_one_form() -> None:
    subject = replace(graph([ONE]).top, annotations={oci.REF_NAME: "x"})
    made = artifact_graph(sbom(subject))
    text = b'{"spdxVersion": "SPDX-2.3"}'
    with made.blobs[-1].open() as stream:
        assert json.load(stream) == {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "artifactType": SPDX,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                "size": 2,
            },
            "layers": [
                {
                    "mediaType": SPDX,
                    "digest": str(Digest.of(text)),
                    "size": len(text),
                    "annotations": {"org.opencontainers.image.title": "hello.spdx.json"},
                }
            ],
            "subject": {"mediaType": oci.MANIFEST, "digest": str(subject.digest), "size": subject.size},
            "annotations": {"org.opencontainers.image.created": "2023-11-14T22:13:20Z"},
        }
    assert [blob.digest for blob in made.blobs] == [
        Digest.of(b"{}"),
        Digest.of(text),
        made.top.digest,
    ]


def test_an_artifact_of_nothing_but_annotations_has_the_empty_blob() -> None:
    made = artifact_graph(Artifact(artifact_type="application/x", parts=(), annotations={"a": "b"}))
    assert [blob.digest for blob in made.blobs] == [Digest.of(b"{}"), made.top.digest]
    with made.blobs[-1].open() as stream:
        assert len(json.load(stream)["layers"]) == 1


@pytest.mark.parametrize("name", ["", "spdx", "a/b/c", "a b/c", "-a/b", "a/" + "b" * 128])
def test_what_is_no_media_type_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a media type"):
        artifact_graph(Artifact(artifact_type=name, parts=()))
    with pytest.raises(UsageError, match="not a media type"):
        artifact_graph(Artifact(artifact_type=SPDX, parts=(part(b"", name),)))


def test_what_refers_to_an_image_is_found_in_its_layout(tmp_path: Path) -> None:
    place = tmp_path / "oci"
    top = write_layout(place, [ONE], tag="x")
    about, signature = sbom(top), artifact_graph(sbom(artifact_graph(sbom(top)).top, b"signed"))
    attach(place, [artifact_graph(about)])
    attach(place, [signature])
    (found,) = read_referrers(place, top.digest)
    assert (found.artifact_type, found.annotations) == (SPDX, about.annotations)
    again = read_artifact(LayoutBlobs(place), found)
    assert again == replace(about, subject=replace(top, platform=None), parts=again.parts)
    assert [(each.blob.digest, each.annotations) for each in again.parts] == [
        (each.blob.digest, each.annotations) for each in about.parts
    ]
    assert read_parts(again) == read_parts(about)
    assert [entry.digest for entry in read_referrers(place, found.digest)] == [signature.top.digest]
    assert read_referrers(place, signature.top.digest) == []
    assert read_layout(place) == read_layout(place, "x", verify=True) == [ONE]


def test_an_artifact_stays_as_long_as_what_it_refers_to(tmp_path: Path) -> None:
    place = tmp_path / "oci"
    top = write_layout(place, [ONE], tag="x")
    about = artifact_graph(sbom(top))
    attach(place, [about, artifact_graph(sbom(about.top, b"signed"))])
    write_layout(place, [image_of(b"other")], tag="other", keep_others=True)
    write_layout(place, [ONE], tag="x", keep_others=True)
    write_layout(place, [image_of(b"nameless")], tag=None, keep_others=True)
    assert len(read_referrers(place, top.digest)) == len(read_referrers(place, about.top.digest)) == 1
    write_layout(place, [image_of(b"new")], tag="x", keep_others=True)
    assert read_referrers(place, top.digest) == read_referrers(place, about.top.digest) == []
    blobs = {path.name for path in (place / "blobs/sha256").iterdir()}
    assert about.top.digest.hex not in blobs
    assert len(json.loads((place / "index.json").read_bytes())["manifests"]) == 3


def test_an_artifact_about_what_was_never_there_stays(tmp_path: Path) -> None:
    elsewhere = replace(graph([ONE]).top, digest=Digest.of(b"elsewhere"))
    write_layout(tmp_path / "oci", [ONE], tag="x")
    attach(tmp_path / "oci", [artifact_graph(sbom(elsewhere))])
    write_layout(tmp_path / "oci", [image_of(b"new")], tag="x", keep_others=True)
    assert len(read_referrers(tmp_path / "oci", elsewhere.digest)) == 1


def test_an_index_of_several_platforms_is_referred_to(tmp_path: Path) -> None:
    both = [ONE, replace(ONE, platform=ARM64)]
    about = artifact_graph(sbom(graph(both).top))
    top = write_layout(tmp_path / "oci", both, tag="x")
    attach(tmp_path / "oci", [about])
    read = read_layout(tmp_path / "oci")
    assert read == both
    assert graph(read).top == top
    assert [entry.digest for entry in read_referrers(tmp_path / "oci", top.digest)] == [about.top.digest]


def test_an_archive_has_artifacts_beside_its_image(tmp_path: Path) -> None:
    from fromscratch.formats.oci.archive import ArchiveBlobs

    about = artifact_graph(sbom(graph([ONE]).top))
    (tmp_path / "x.tar").write_bytes(b"".join(oci_archive([ONE], tag="x", artifacts=[about])))
    tree = read_tree(tmp_path / "x.tar", Origin("test", "found in", "archive"))
    assert oci_archive_images(tree, "oci-archive:x") == [ONE]
    blobs = ArchiveBlobs(tree, "oci-archive:x")
    index = oci.parse_index(blobs.content("index.json").open().read(), "index")
    assert referrers(blobs, index.manifests, graph([ONE]).top.digest) == [about.top]


def test_an_artifact_is_no_image(tmp_path: Path) -> None:
    about = artifact_graph(sbom(graph([ONE]).top))
    write_layout(tmp_path / "oci", [ONE], tag="x")
    attach(tmp_path / "oci", [replace(about, top=replace(about.top, annotations={oci.REF_NAME: "sbom"}))])
    with pytest.raises(FormatError, match=f"is of a {SPDX.replace('+', '.')}, not of a container image"):
        read_layout(tmp_path / "oci", "sbom")
    with pytest.raises(FormatError, match="is of a container image, not of an artifact"):
        read_artifact(LayoutBlobs(tmp_path / "oci"), graph([ONE]).top)


def test_the_list_of_a_registry_without_the_api() -> None:
    subject = graph([ONE]).top
    assert referrers_tag(subject.digest) == f"sha256-{subject.digest.hex}"
    assert len(referrers_tag(Digest("sha512", "a" * 128))) == len("sha512-") + 64
    first, second = artifact_graph(sbom(subject)), artifact_graph(sbom(subject, b"another"))
    index = referrers_index(None, [first.top])
    foreign = json.loads(index)
    foreign["manifests"][0]["x-new"] = 1
    both = referrers_index(json.dumps(foreign).encode(), [first.top, second.top])
    assert [entry.digest for entry in oci.parse_index(both, "i").manifests] == [first.top.digest, second.top.digest]
    assert json.loads(both)["manifests"][0] == foreign["manifests"][0]
    assert json.loads(both)["manifests"][1]["artifactType"] == SPDX


def test_an_artifact_without_a_type_is_told_by_its_configuration() -> None:
    config = oci.Descriptor(media_type="application/vnd.example.config+json", digest=Digest.of(b"{}"), size=2)
    manifest = oci.Manifest(config=config, layers=(), annotations={"a": "b"})
    top = oci.describe(oci.manifest_bytes(manifest), oci.MANIFEST)
    assert listed(top, manifest) == replace(top, artifact_type=config.media_type, annotations={"a": "b"})


def test_the_example_of_the_documents_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Path(os.environ.get("FROMSCRATCH_CHECKOUT", Path(__file__).parents[3]))
    (example,) = re.findall(r"```python\n(.*?)```", (checkout / "docs/oci.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    top = write_layout(tmp_path / "build/hello/oci", [ONE], tag="latest")
    (tmp_path / "hello.spdx.json").write_bytes(b"{}")
    exec(compile(example, "docs/oci.md", "exec"), {})  # noqa: S102 - our own text
    (found,) = read_referrers(tmp_path / "build/hello/oci", top.digest)
    assert found.artifact_type == SPDX
