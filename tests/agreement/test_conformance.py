"""Everything that we write follows the JSON schemas of the image specification, and the tool that Debian has for it."""

import json
import subprocess
import tarfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fromscratch.flow import assembly
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.artifact import Artifact, artifact_graph, part
from fromscratch.formats.oci.graph import graph
from fromscratch.host.images.layers import without_zstd
from fromscratch.host.images.layout import attach, read_layout, write_layout
from fromscratch.host.storage.store import Store
from fromscratch.images.docker_archive import DockerArchive
from fromscratch.images.oci_archive import OciArchive
from fromscratch.images.oci_layout import OciLayout
from fromscratch.model.image import Image, Platform
from fromscratch.recipe import schema as recipe
from tests.agreement import schemas
from tests.agreement.schemas import CONFIG, DESCRIPTOR, INDEX, LAYOUT, MANIFEST, check_layout, faults
from tests.engines import need
from tests.made_images import AMD64, ARM64, ARMV7, FULL_CONFIG, at, image_of

pytestmark = pytest.mark.engine

RECIPES = {
    "plain": "rootfs: [overlay: files]",
    "zstd": "rootfs: [overlay: files]\ncompression: zstd",
    "unpacked": "rootfs: [overlay: files]\ncompression: none",
    "layers": """
rootfs: [overlay: files, overlay: more, directory: {path: root, owner: "0:0"}]
layers: source
epoch: 1700000000
""",
    "platforms": "rootfs: [overlay: files]\nplatforms: [linux/amd64, linux/arm64, linux/arm/v7, linux/riscv64]",
    "everything": """
rootfs: [overlay: files, overlay: more]
layers: source
epoch: 1700000000
platforms: [linux/amd64, linux/arm64]
accounts: {users: [{name: app, uid: 65532}]}
check: off
image:
  user: app
  env: {PATH: /bin, GREETING: "naïve \\" \\\\ $x"}
  entrypoint: [/bin/hello]
  cmd: ["a b", ""]
  workdir: /srv
  ports: [80, 53/udp]
  volumes: [/data, "/a b"]
  labels: {a: "", b.c: "d é"}
  stop_signal: SIGRTMIN+3
  healthcheck: {test: [CMD, /bin/true], interval: 1.5, retries: 3}
  annotations: {org.example.a: "", b: "é"}
  author: someone <who@example.org>
  about: {title: Hello, version: "1", revision: abc, source: "https://a.example/b", licenses: MIT, base: "debian:12"}
""",
}


@pytest.fixture(scope="module", params=RECIPES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> assembly.Job:
    """A job that has been built."""
    if request.param == "zstd":
        pytest.importorskip("zstandard", reason="the Python package zstandard is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    for name in ("files", "more", "root"):
        (folder / name / "etc").mkdir(parents=True)
        (folder / name / "etc" / f"caf\u00e9-{name}").write_text(name)
    made = recipe.parse(RECIPES[request.param], "fromscratch.yaml")
    job = assembly.Job(
        recipe=made,
        folder=folder,
        store=Store(folder / "store"),
        output=folder / "build",
        platforms=tuple(Platform.parse(name) for name in made.platforms) or (AMD64,),
        epoch=made.epoch or 0,
    )
    assembly.build(job)
    return job


def unpacked(archive: Path, folder: Path) -> Path:
    """The layout in an archive. Its members are ours, and plain."""
    with tarfile.open(archive) as tar:
        for member in tar:
            place = folder / member.name
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            elif (stream := tar.extractfile(member)) is not None:
                place.write_bytes(stream.read())
    return folder


def expected(images: list[Image]) -> dict[str, int]:
    layers = {(layer.digest, layer.media_type) for image in images for layer in image.layers}
    counted = {MANIFEST: len(images), CONFIG: len(images), **({INDEX: 1} if len(images) > 1 else {})}
    for _digest, kind in layers:
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def test_builds_follow_the_schemas_in_every_form(built: assembly.Job, tmp_path: Path) -> None:
    images = read_layout(built.layout)
    assert [image.platform for image in images] == list(built.platforms)
    assert check_layout(built.layout) == expected(images)
    at(OciLayout, tmp_path / "oci").write(images, "1.0")
    assert check_layout(tmp_path / "oci") == expected(images)
    at(OciArchive, tmp_path / "oci.tar").write(images, "hello:1.0")
    assert check_layout(unpacked(tmp_path / "oci.tar", tmp_path / "a")) == expected(images)
    at(DockerArchive, tmp_path / "docker.tar").write([images[0]], "hello:1.0")
    # docker load reads no zstd: such an archive holds the plain tars.
    held = [without_zstd(images[0], built.store)]
    assert check_layout(unpacked(tmp_path / "docker.tar", tmp_path / "b")) == expected(held)


def test_images_of_any_configuration_follow_the_schemas(tmp_path: Path) -> None:
    full = replace(FULL_CONFIG, shell=("/bin/bash", "-c"), on_build=("RUN x",), stop_timeout=0, args_escaped=True)
    platform = replace(ARMV7, os_version="6.1", os_features=("a",), features=("b",))
    images = [
        image_of(*(b"layer %d" % number for number in range(120)), config=full),
        replace(image_of(b"x", platform=ARM64, created=-62135596800), author="é", annotations={"a": ""}),
        replace(image_of(b"x", platform=platform, created=253402300799), annotations={"a": "b" * 5000}),
    ]
    write_layout(tmp_path / "oci", images, tag="registry.example:5000/a/b:c")
    assert check_layout(tmp_path / "oci") == expected(images)
    write_layout(tmp_path / "oci", images[:1], tag=None, keep_others=True)
    assert check_layout(tmp_path / "oci") == expected(images)


def test_artifacts_follow_the_schemas(tmp_path: Path) -> None:
    image = image_of(b"x")
    write_layout(tmp_path / "oci", [image], tag="x")
    spdx = "application/spdx+json"
    sbom = artifact_graph(
        Artifact(
            artifact_type=spdx,
            parts=(part(b"{}", spdx, "x.spdx.json"), part(b"another", "text/plain")),
            subject=graph([image]).top,
            annotations={"a": "b"},
        )
    )
    bare = artifact_graph(Artifact(artifact_type="application/vnd.example.bare", parts=(), subject=sbom.top))
    typed = artifact_graph(
        Artifact(artifact_type=spdx, parts=(part(b"1", spdx),), config=part(b"[]", "application/json").blob)
    )
    attach(tmp_path / "oci", [sbom, bare, typed])
    counted = check_layout(tmp_path / "oci")
    assert (counted[MANIFEST], counted[CONFIG], counted["application/json"]) == (4, 1, 1)


def a_manifest() -> dict[str, Any]:
    blob = {"mediaType": CONFIG, "digest": "sha256:" + "a" * 64, "size": 2}
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": dict(blob), "layers": [dict(blob)]}


def an_index() -> dict[str, Any]:
    entry = {"mediaType": MANIFEST, "digest": "sha256:" + "a" * 64, "size": 2}
    platform = {"architecture": "amd64", "os": "linux"}
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**entry, "platform": platform}]}


def a_config() -> dict[str, Any]:
    return {
        "created": "2023-11-14T22:13:20Z",
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["x"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "a" * 64]},
        "history": [{"created_by": "x"}],
    }


DOCUMENTS: dict[str, Callable[[], Any]] = {
    MANIFEST: a_manifest,
    INDEX: an_index,
    CONFIG: a_config,
    LAYOUT: lambda: {"imageLayoutVersion": "1.0.0"},
    DESCRIPTOR: lambda: dict(a_manifest()["config"]),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_schemas_take_a_good_document(kind: str) -> None:
    assert faults(DOCUMENTS[kind](), kind) == []


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        (MANIFEST, ("schemaVersion",), 1),
        (MANIFEST, ("schemaVersion",), None),
        (MANIFEST, ("mediaType",), INDEX),
        (MANIFEST, ("config",), None),
        (MANIFEST, ("config", "mediaType"), None),
        (MANIFEST, ("config", "mediaType"), "config"),
        (MANIFEST, ("config", "mediaType"), "application/vnd.oci.empty.v1+json"),
        (MANIFEST, ("layers",), []),
        (MANIFEST, ("layers", 0, "digest"), "xyz"),
        (MANIFEST, ("layers", 0, "size"), "2"),
        (MANIFEST, ("annotations",), {"a": 1}),
        (MANIFEST, ("artifactType",), "spdx"),
        (MANIFEST, ("subject",), {"digest": "sha256:" + "a" * 64}),
        (INDEX, ("manifests",), None),
        (INDEX, ("manifests", 0, "size"), None),
        (INDEX, ("manifests", 0, "platform", "os"), None),
        (INDEX, ("manifests", 0, "platform", "os.features"), "a"),
        (INDEX, ("manifests", 0, "artifactType"), "spdx"),
        (INDEX, ("subject",), {}),
        (CONFIG, ("os",), None),
        (CONFIG, ("created",), "yesterday"),
        (CONFIG, ("rootfs", "type"), "layer"),
        (CONFIG, ("rootfs", "diff_ids"), ["abc"]),
        (CONFIG, ("config", "Cmd"), "x"),
        (CONFIG, ("config", "Env"), {"A": "b"}),
        (CONFIG, ("config", "ExposedPorts"), ["80/tcp"]),
        (CONFIG, ("history", 0, "empty_layer"), "yes"),
        (LAYOUT, ("imageLayoutVersion",), "1.1.0"),
        (DESCRIPTOR, ("digest",), "abc"),
        (DESCRIPTOR, ("urls",), "https://a.example"),
    ],
)
def test_the_schemas_refuse_a_bad_document(kind: str, place: tuple[str | int, ...], value: object) -> None:
    document = deepcopy(DOCUMENTS[kind]())
    holder = document
    for step in place[:-1]:
        holder = holder[step]
    if value is None:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    assert faults(document, kind)


def test_a_layout_with_a_broken_document_is_found_out(tmp_path: Path) -> None:
    write_layout(tmp_path / "oci", [image_of(b"x")], tag="x")
    index = json.loads((tmp_path / "oci/index.json").read_bytes())
    del index["manifests"][0]["mediaType"]
    (tmp_path / "oci/index.json").write_text(json.dumps(index))
    with pytest.raises(AssertionError, match="mediaType"):
        schemas.check_layout(tmp_path / "oci")


def test_the_tool_of_the_initiative_accepts_what_we_build(built: assembly.Job, tmp_path: Path) -> None:
    """It looks at each image by itself, since it is older than indexes below index.json; and than layers of zstd."""
    tool = need("oci-image-tool")
    for number, image in enumerate(read_layout(built.layout)):
        place = tmp_path / f"oci{number}"
        write_layout(place, [image], tag="latest")
        done = subprocess.run(
            [tool, "validate", "--type=image", "--ref=name=latest", place], capture_output=True, text=True, check=False
        )
        if image.layers[0].media_type == oci.LAYER_ZSTD:
            assert f'invalid descriptor MediaType \\"{oci.LAYER_ZSTD}\\"' in done.stderr
        else:
            assert done.returncode == 0, done.stderr + done.stdout
