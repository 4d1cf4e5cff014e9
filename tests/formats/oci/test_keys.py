"""Keys of documents that one reader takes and another does not, and documents that are of two kinds at once."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.docker.archive import docker_archive_images
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import parse_config
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

DIGEST = str(Digest.of(b""))
PLATFORM = '{"architecture": "amd64", "os": "linux"}'


def descriptor(kind: str, more: str = "") -> str:
    return f'{{"mediaType": "{kind}", "digest": "{DIGEST}", "size": 0{more}}}'


LAYER = descriptor(oci.LAYER_TAR)
MANIFEST = f'"schemaVersion": 2, "config": {descriptor(oci.CONFIG)}, "layers": [{LAYER}]'
INDEX = f'"schemaVersion": 2, "manifests": [{descriptor(oci.MANIFEST)}]'
ROOTFS = f'"rootfs": {{"type": "layers", "diff_ids": ["{DIGEST}"]}}'
CONFIG = f'"architecture": "amd64", "os": "linux", {ROOTFS}'


def listing(text: str) -> Any:
    tree = Rootfs({TreePath("/manifest.json"): File(Meta(0o644), Inline(f"[{{{text}}}]".encode()))})
    return docker_archive_images(tree, "archive")


def manifest(text: str) -> Any:
    return oci.parse_manifest(f"{{{text}}}".encode(), "the document")


def index(text: str) -> Any:
    return oci.parse_index(f"{{{text}}}".encode(), "the document")


def config(text: str) -> Any:
    return parse_config(f"{{{text}}}".encode(), "the document")


Reader = Callable[[str], Any]
TWICE = [
    (manifest, f'{MANIFEST}, "Layers": []', "'Layers' beside 'layers'"),
    (manifest, f'"Layers": [], {MANIFEST}', "'Layers', which some readers take for 'layers'"),
    (manifest, f'{MANIFEST}, "layers": []', "'layers' twice"),
    (manifest, f'{MANIFEST}, "layer\u017f": []', "beside 'layers'"),
    (manifest, f'{MANIFEST}, "\\u0043onfig": {LAYER}', "'Config' beside 'config'"),
    (manifest, MANIFEST.replace('"layers"', '"Layers"'), "'Layers', which some readers take for 'layers'"),
    (manifest, MANIFEST.replace('"digest"', '"Digest"', 1), "'config.Digest', which some"),
    (manifest, f'"schemaVersion": 2, "config": {LAYER}, "layers": [{descriptor("x", ", %size%: 1")}]', "'layers.SIZE'"),
    (manifest, f'{MANIFEST}, "subject": {descriptor("x", ", %mediatype%: 1")}', "'subject.MEDIATYPE'"),
    (manifest, f'{MANIFEST}, "annotations": {{"a": "1", "a": "2"}}', "'annotations.a' twice"),
    (manifest, f'{MANIFEST}, "mediaType": "{oci.MANIFEST}", "MediaType": ""', "beside 'mediaType'"),
    (index, f'{INDEX}, "Manifests": []', "'Manifests' beside 'manifests'"),
    (index, INDEX.replace('"manifests"', '"MANIFESTS"'), "'MANIFESTS', which some readers take for 'manifests'"),
    (index, f'{INDEX}, "platform": 1, "Platform": 2', "'Platform' beside 'platform'"),
    (
        index,
        f'"schemaVersion": 2, "manifests": [{descriptor("x", f", %platform%: {PLATFORM}")}]',
        "'manifests.PLATFORM'",
    ),
    (
        index,
        f'"schemaVersion": 2, "manifests": [{descriptor("x", ", ~platform~: {~OS~: ~x~}")}]',
        "'manifests.platform.OS'",
    ),
    (config, f'{CONFIG}, "Rootfs": {{"type": "layers", "diff_ids": []}}', "'Rootfs' beside 'rootfs'"),
    (config, CONFIG.replace('"rootfs"', '"RootFS"'), "'RootFS', which some readers take for 'rootfs'"),
    (config, CONFIG.replace('"diff_ids"', '"Diff_IDs"'), "'rootfs.Diff_IDs'"),
    (config, f'{CONFIG}, "config": {{}}, "Config": {{"Cmd": ["x"]}}', "'Config' beside 'config'"),
    (config, f'{CONFIG}, "config": {{"Cmd": ["x"], "cmd": ["y"]}}', "'config.cmd' beside 'Cmd'"),
    (config, f'{CONFIG}, "config": {{"entrypoint": ["y"]}}', "'config.entrypoint', which some"),
    (config, f'{CONFIG}, "config": {{"Healthcheck": {{"test": ["y"]}}}}', "'config.Healthcheck.test'"),
    (config, f'{CONFIG}, "config": {{"Labels": {{"a": "1", "a": "2"}}}}', "'config.Labels.a' twice"),
    (config, f'{CONFIG}, "history": [{{"empty_layer": true, "Empty_layer": false}}]', "'history.Empty_layer' beside"),
    (config, f'{CONFIG}, "OS": "windows"', "'OS' beside 'os'"),
    (config, f'{CONFIG}, "container_config": {{"user": "0"}}', "'container_config.user'"),
    (config, f'{CONFIG}, "x": {{"y": [{{"z": 1, "z": 2}}]}}', "'x.y.z' twice"),
    (listing, '"Config": "c", "Layers": [], "layers": ["x"]', "'layers' beside 'Layers'"),
    (listing, '"config": "c", "Layers": []', "'config', which some readers take for 'Config'"),
    (listing, '"Config": "c", "RepoTags": [], "Repotags": ["x"], "Layers": []', "'Repotags' beside 'RepoTags'"),
]


@pytest.mark.parametrize(("reader", "text", "complaint"), TWICE)
def test_a_key_that_readers_take_for_another_is_refused(reader: Reader, text: str, complaint: str) -> None:
    """Go takes any case, and of several keys the last: docker would run another image than we show."""
    text = text.replace("%size%", '"SIZE"').replace("%mediatype%", '"MEDIATYPE"').replace("%platform%", '"PLATFORM"')
    with pytest.raises(FormatError, match=complaint) as caught:
        reader(text.replace("~", '"'))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("reader", "text", "key"),
    [
        (manifest, f'{MANIFEST}, "manifests": []', "manifests"),
        (manifest, f'{MANIFEST}, "Manifests": []', "Manifests"),
        (manifest, f'{MANIFEST}, "fsLayers": []', "fsLayers"),
        (manifest, f'{MANIFEST}, "history": []', "history"),
        (index, f'{INDEX}, "layers": []', "layers"),
        (index, f'{INDEX}, "config": {LAYER}', "config"),
        (index, f'{INDEX}, "layers": null', "layers"),
        (index, f'{INDEX}, "fsLayers": []', "fsLayers"),
    ],
)
def test_a_document_that_is_of_two_kinds_is_refused(reader: Reader, text: str, key: str) -> None:
    """CVE-2021-41190: who believes the media type of the answer reads another image than who looks inside."""
    with pytest.raises(FormatError, match=f"has the key '{key}'"):
        reader(text)


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (manifest, f'{MANIFEST}, "annotations": {{"a": "1", "A": "2", "layers": "3", "digest": "4"}}'),
        (manifest, f'{MANIFEST}, "x": {{"y": 1, "Y": 2}}'),
        (index, f'{INDEX}, "annotations": {{"config": "1", "Config": "2"}}'),
        (
            config,
            f'{CONFIG}, "config": {{"Labels": {{"cmd": "1", "Cmd": "2"}}, "Volumes": {{"/a": {{}}, "/A": {{}}}}}}',
        ),
        (config, f'{CONFIG}, "moby.buildkit.cache.v0": "x", "config": {{"Env": ["a=1", "A=2"]}}'),
    ],
)
def test_free_keys_may_be_any(reader: Reader, text: str) -> None:
    reader(text)


def test_a_list_of_nothing_may_be_null() -> None:
    """As Go writes a list that nobody has set."""
    assert manifest(f'"schemaVersion": 2, "config": {LAYER}, "layers": null').layers == ()
    assert index('"schemaVersion": 2, "manifests": null').manifests == ()
    assert config('"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": null}').diff_ids == ()


@pytest.mark.parametrize(
    "written", [DIGEST.upper(), DIGEST.replace("e", "E"), DIGEST[7:], f" {DIGEST}", f"{DIGEST}\n", "sha256:", ""]
)
def test_a_digest_has_one_form(written: str) -> None:
    """The grammar of image-spec/descriptor.md has small letters alone, and so have the engines."""
    reported = json.dumps(written)
    for reader, text in (
        (manifest, MANIFEST.replace(f'"{DIGEST}"', reported, 1)),
        (index, INDEX.replace(f'"{DIGEST}"', reported)),
        (config, CONFIG.replace(f'"{DIGEST}"', reported)),
    ):
        with pytest.raises(FormatError, match=r"^the document: .*is not a digest"):
            reader(text)
