"""What is pushed is what is pulled, by us and by skopeo, in both directions and byte for byte."""

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.graph import graph
from fromscratch.host.images.layout import read_layout
from fromscratch.host.registry.upload import Arrival
from fromscratch.images.oci_layout import OciLayout
from tests.images.contract import IMAGE
from tests.made_images import AMD64, ARM64, ARMV7, at
from tests.registry.pictures import MB, Desk, contents, picture, same, weight
from tests.registry.proxy import Proxy
from tests.registry.registries import Registry
from tests.registry.skopeo import skopeo
from tests.registry.tokens import TokenServer

pytestmark = [pytest.mark.slow, pytest.mark.engine]
KINDS = ["registry", "locked_registry", "secure_registry", "token_registry"]


@pytest.fixture
def any_registry(request: pytest.FixtureRequest, desk: Desk) -> Registry:
    """Each kind of registry, the user logged in."""
    registry: Registry = request.getfixturevalue(request.param)
    if registry.login:
        desk.log_in(registry.host, registry.login)
    return registry


@pytest.mark.parametrize("any_registry", KINDS, indirect=True)
def test_skopeo_pulls_what_we_push(any_registry: Registry, desk: Desk, tmp_path: Path) -> None:
    image = picture(3 * MB, 100)
    name = f"{any_registry.host}/team/hello:1"
    pushed = desk.push(name, image, access=desk.access(any_registry), tags=("latest", "1.0"))
    assert (pushed.tags, pushed.arrivals[Arrival.SENT]) == (("1", "latest", "1.0"), 3)
    assert any_registry.tags("team/hello") == ["1", "1.0", "latest"]
    ours = graph([image])
    assert any_registry.manifest("team/hello", "1") == (contents(ours)[ours.top.digest], oci.MANIFEST)
    skopeo(tmp_path, any_registry, "copy", "docker://{}/team/hello:latest", f"oci:{tmp_path}/theirs:1")
    assert same(graph(read_layout(tmp_path / "theirs", "1", verify=True)), ours)
    assert any_registry.uploads() == []


@pytest.mark.parametrize("any_registry", KINDS, indirect=True)
@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_we_pull_what_skopeo_pushes_and_push_it_again_as_it_was(
    any_registry: Registry, desk: Desk, tmp_path: Path, form: str
) -> None:
    at(OciLayout, tmp_path / "oci").write([IMAGE], "1")
    skopeo(tmp_path, any_registry, "copy", f"--format={form}", f"oci:{tmp_path}/oci:1", "docker://{}/team/hello:1")
    raw, media_type = any_registry.manifest("team/hello", "1")
    access = desk.access(any_registry)
    digest, images = desk.pull(f"{any_registry.host}/team/hello:1", access=access)
    assert digest == Digest.of(raw)
    pulled = contents(graph(images))
    for part in [json.loads(raw)["config"], *json.loads(raw)["layers"]]:
        there = any_registry.blob("team/hello", part["digest"])
        assert pulled[Digest.parse(part["digest"])] == there
    again = desk.push(f"{any_registry.host}/other/name:2", *images, access=access)
    if form == "oci":
        assert again.digest == digest
        assert any_registry.manifest("other/name", "2") == (raw, media_type)
    else:  # what is in docker's form becomes one of the specification's own
        written, media_type = any_registry.manifest("other/name", "2")
        assert (again.digest, media_type) == (Digest.of(written), oci.MANIFEST)
        assert [json.loads(written)["config"]["digest"]] == [json.loads(raw)["config"]["digest"]]


def test_all_platforms_go_under_one_name_in_one_push(registry: Registry, desk: Desk, tmp_path: Path) -> None:
    images = [picture(MB, platform=AMD64), picture(MB, 50, platform=ARM64, seed=7), picture(9, platform=ARMV7, seed=9)]
    pushed = desk.push(f"{registry.host}/hello:1", *images)
    raw, media_type = registry.manifest("hello", "1")
    assert (pushed.digest, media_type) == (Digest.of(raw), oci.INDEX)
    assert [entry["platform"]["architecture"] for entry in json.loads(raw)["manifests"]] == ["amd64", "arm64", "arm"]
    skopeo(tmp_path, registry, "copy", "--all", "docker://{}/hello:1", f"oci:{tmp_path}/theirs:1")
    assert same(graph(read_layout(tmp_path / "theirs", "1", verify=True)), graph(images))
    reported = skopeo(tmp_path, registry, "inspect", "--override-arch=arm64", "docker://{}/hello:1")
    assert (json.loads(reported)["Architecture"], len(json.loads(reported)["Layers"])) == ("arm64", 2)


def test_documents_that_others_wrote_stay_as_they_are(registry: Registry, desk: Desk) -> None:
    """Blanks, fields that we do not know, annotations, and an entry for no platform: a build's own statement."""
    for place, image in enumerate((picture(9), picture(9, platform=ARM64, seed=3))):
        desk.push(f"{registry.host}/hello:{place}", image)
    entries = []
    for place in range(2):
        document = json.loads(registry.manifest("hello", str(place))[0])
        document["annotations"] = {"org.example.z": "é", "a": ""}
        document["org.example.more"] = [1.5, None]
        entries.append(put(registry, "hello", document, oci.MANIFEST))
        entries[-1]["platform"] = {"os": "linux", "architecture": ["amd64", "arm64"][place], "os.features": ["x"]}
    statement = {
        "schemaVersion": 2,
        "mediaType": oci.MANIFEST,
        "config": json.loads(registry.manifest("hello", "0")[0])["config"],
        "layers": [
            {**json.loads(registry.manifest("hello", "0")[0])["config"], "mediaType": "application/vnd.in-toto+json"}
        ],
    }
    entries.append(put(registry, "hello", statement, oci.MANIFEST))
    entries[-1]["platform"] = {"os": "unknown", "architecture": "unknown"}
    entries[-1]["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    index = {"manifests": entries, "schemaVersion": 2, "mediaType": oci.INDEX, "more": {"b": 1, "a": 2}}
    put(registry, "hello", index, oci.INDEX, "all")
    raw, _ = registry.manifest("hello", "all")
    digest, images = desk.pull(f"{registry.host}/hello:all")
    assert (digest, [image.platform for image in images]) == (Digest.of(raw), [AMD64, ARM64])
    assert desk.push(f"{registry.host}/copy:1", *images).digest == digest
    assert registry.manifest("copy", "1") == (raw, oci.INDEX)
    for entry in entries:
        assert registry.manifest("copy", entry["digest"]) == registry.manifest("hello", entry["digest"])


def put(registry: Registry, name: str, document: object, media_type: str, tag: str = "") -> dict[str, Any]:
    """Its descriptor, when the registry has it, written with blanks that none of our writers would write."""
    data = json.dumps(document, indent=3, ensure_ascii=True).encode() + b"\n"
    place = f"{registry.url}/v2/{name}/manifests/{tag or Digest.of(data)}"
    answer = requests.put(place, data=data, headers={"Content-Type": media_type}, timeout=10)
    assert answer.status_code == 201, answer.text
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


def test_one_platform_is_pulled_without_the_others(registry: Registry, desk: Desk, proxy: Proxy) -> None:
    images = [picture(MB, platform=AMD64), picture(MB, platform=ARM64, seed=7)]
    desk.push(f"{proxy.host}/hello:1", *images)
    _digest, found = desk.pull(f"{proxy.host}/hello:1", platforms=[ARM64])
    assert [image.platform for image in found] == [ARM64]
    assert same(graph(found), graph([images[1]]))
    assert not proxy.requests("GET", str(images[0].layers[0].digest))
    assert proxy.downloaded() == weight(images[1])


def test_a_digest_names_an_image_as_well(registry: Registry, desk: Desk) -> None:
    image = picture(100)
    digest = graph([image]).top.digest
    pushed = desk.push(f"{registry.host}/hello@{digest}", image)
    assert (pushed.tags, registry.tags("hello")) == ((), [])
    assert desk.pull(f"{registry.host}/hello@{digest}")[0] == digest
    with pytest.raises(UsageError, match="names another"):
        desk.push(f"{registry.host}/hello@{digest}", picture(101))


def test_a_wrong_tag_is_refused_before_anything_is_sent(registry: Registry, desk: Desk, proxy: Proxy) -> None:
    for tag in ("", "a/b", "-x", "a b", "ü", "x" * 129, "host/name:1"):
        with pytest.raises(UsageError, match="is not a tag"):
            desk.push(f"{proxy.host}/hello:1", picture(9), tags=[tag])
    assert proxy.requests() == []


def test_what_the_registry_has_is_not_sent_again(desk: Desk, proxy: Proxy) -> None:
    image = picture(MB, 100)
    assert desk.push(f"{proxy.host}/hello:1", image).sent == proxy.uploaded() == weight(image)
    proxy.forget()
    again = desk.push(f"{proxy.host}/hello:1", image)
    assert (again.sent, again.arrivals[Arrival.PRESENT]) == (0, 3)
    assert proxy.requests("POST|PUT|PATCH") == []
    proxy.forget()
    more = picture(MB, 100, 200)
    assert desk.push(f"{proxy.host}/hello:2", more).arrivals == {Arrival.PRESENT: 2, Arrival.SENT: 2}
    assert proxy.uploaded() == weight(more) - image.layers[0].size - image.layers[1].size


def test_what_the_registry_lost_is_sent_again(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(MB, 100)
    desk.push(f"{proxy.host}/hello:1", image, remember=True)
    registry.delete_blob("hello", image.layers[0].digest)
    proxy.forget()
    assert desk.push(f"{proxy.host}/hello:1", image, remember=True).sent == proxy.uploaded() == image.layers[0].size
    assert registry.blob("hello", image.layers[0].digest)


def test_blobs_of_another_repository_are_mounted(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(MB, 100)
    desk.push(f"{proxy.host}/base:1", image)
    proxy.forget()
    pushed = desk.push(f"{proxy.host}/team/hello:1", image, mount_from=["nothing/there", "base"])
    assert (pushed.arrivals[Arrival.MOUNTED], pushed.sent, proxy.uploaded()) == (3, 0, 0)
    assert registry.blob("team/hello", image.layers[0].digest)
    assert registry.uploads() == []


def test_where_blobs_went_before_is_remembered(desk: Desk, proxy: Proxy) -> None:
    image = picture(MB, 100)
    desk.push(f"{proxy.host}/base:1", image, remember=True)
    proxy.forget()
    assert desk.push(f"{proxy.host}/team/hello:1", image, remember=True).arrivals == {Arrival.MOUNTED: 3}
    assert proxy.uploaded() == 0


def test_what_was_pulled_is_mounted(desk: Desk, proxy: Proxy) -> None:
    desk.push(f"{proxy.host}/base:1", picture(MB, 100))
    _digest, images = desk.pull(f"{proxy.host}/base:1")
    proxy.forget()
    pushed = desk.push(f"{proxy.host}/team/hello:1", *images, remember=True)
    assert pushed.arrivals[Arrival.MOUNTED] >= 2
    assert proxy.uploaded() <= graph(images).blobs[-2].size


def test_a_blob_that_is_not_where_it_was_is_sent(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(MB)
    desk.push(f"{proxy.host}/base:1", image, remember=True)
    registry.delete_blob("base", image.layers[0].digest)
    proxy.forget()
    pushed = desk.push(f"{proxy.host}/team/hello:1", image, remember=True)
    assert pushed.arrivals == {Arrival.MOUNTED: 1, Arrival.SENT: 1}
    assert proxy.uploaded() == image.layers[0].size


def test_a_repository_that_may_not_be_read_is_none_to_mount_from(
    token_registry: Registry, tokens: TokenServer, proxy_of: Callable[..., Proxy], desk: Desk
) -> None:
    proxy = proxy_of(token_registry)
    desk.log_in(proxy.host, token_registry.login)
    image = picture(MB)
    desk.push(f"{proxy.host}/base:1", image, remember=True)
    assert desk.push(f"{proxy.host}/team/one:1", image, remember=True).arrivals == {Arrival.MOUNTED: 2}
    tokens.allows = lambda name, actions: actions if name == "team/two" else []
    proxy.forget()
    assert desk.push(f"{proxy.host}/team/two:1", image, remember=True).arrivals == {Arrival.SENT: 2}
    assert proxy.uploaded() == weight(image)


def test_a_layer_that_is_not_what_it_says_never_arrives(desk: Desk, registry: Registry) -> None:
    good = picture(MB)
    for wrong in (b"short", good.layers[0].open().read()[:-1] + b"x", good.layers[0].open().read() + b"x"):
        layer = replace(good.layers[0], open=partial(io.BytesIO, wrong))
        with pytest.raises(ImageError) as caught:
            desk.push(f"{registry.host}/hello:1", replace(good, layers=(layer,)))
        assert str(layer.digest) in caught.value.message
        assert registry.blob("hello", layer.digest) is None
        assert registry.tags("hello") == []
