"""What registries of the field do otherwise than the specification, as their issue trackers tell.

Each is a case of the registry behind the proxy that behaves as that one does: a push through it ends well, and costs
no more than it has to; or it is told in words that lead on.
"""

from collections.abc import Callable

import pytest

from fromscratch.errors import RegistryError
from fromscratch.formats.oci.graph import graph
from fromscratch.host.registry.upload import Arrival
from tests.registry import faults
from tests.registry.pictures import MB, Desk, contents, picture, weight
from tests.registry.proxy import Action, Proxy
from tests.registry.registries import Registry
from tests.registry.test_push_faults import BLOBS, MANIFESTS, UPLOADS, check
from tests.registry.tokens import TokenServer

pytestmark = [pytest.mark.slow, pytest.mark.engine]

MIB = 1 << 20
# wasmCloud/wash-archive#268, oras-project/rust-oci-client#35, ocx-sh/ocx#237
GHCR_LIMIT = faults.limited_chunks(
    4 * MIB,
    416,
    b'{"errors":[{"code":"REQUESTED_RANGE_NOT_SATISFIABLE","message":"the request body is too large and exceeds the '
    b'maximum permissible limit of 4.00MiB"}]}',
)


def test_ghcr_takes_no_more_than_4_mib_in_a_patch(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    """After a broken PUT the rest goes in chunks, which shrink until they are taken."""
    image = picture(40 * MB)
    proxy.rule("PUT", UPLOADS, faults.cut_request(MB), times=1)
    proxy.rule("PATCH", UPLOADS, GHCR_LIMIT, times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1))
    check(registry, image)
    chunks = [seen.received for seen in proxy.requests("PATCH", UPLOADS)]
    assert max(chunks[1:]) == 4 * MIB


def test_ghcr_takes_chunks_of_a_size_that_was_asked_for_too(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(20 * MB)
    proxy.rule("PATCH", UPLOADS, GHCR_LIMIT, times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=10 * MB))
    check(registry, image)


def test_a_registry_that_refuses_every_patch_by_416_gets_the_blob_whole(
    desk: Desk, proxy: Proxy, registry: Registry
) -> None:
    image = picture(20 * MB)
    proxy.rule("PUT", UPLOADS, faults.cut_request(MB), times=1)
    proxy.rule("PATCH", UPLOADS, faults.error(416, "RANGE_INVALID"), times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1))
    check(registry, image)
    assert max(seen.received for seen in proxy.requests("PUT", UPLOADS)) == image.layers[0].size


@pytest.mark.parametrize(
    ("registry_of_the_field", "said"),
    [
        ("ECR: the end of the first chunk for ever, aws/containers-roadmap#2831", lambda begin, length: "0-2097151"),
        ("zot, regclient#961; Aliyun, regclient#627: of each chunk alone", lambda begin, length: f"0-{length - 1}"),
        ("one byte too many, artifact-keeper#1349", lambda begin, length: f"0-{begin + length}"),
        ("with its unit, distribution#2363", lambda begin, length: f"bytes=0-{begin + length - 1}"),
        ("nothing at all, distribution-spec#580", lambda begin, length: None),
        ("nothing that has come, as before the first chunk", lambda begin, length: "0-0"),
    ],
)
def test_what_a_registry_says_that_it_has_is_not_believed_against_what_it_took(
    desk: Desk, proxy: Proxy, registry: Registry, registry_of_the_field: str, said: Callable[[int, int], str | None]
) -> None:
    image = picture(9 * MB)
    proxy.rule("PATCH", UPLOADS, faults.with_range(said), times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1, chunk_size=2 * MIB))
    check(registry, image)
    assert proxy.uploaded() == weight(image), registry_of_the_field


def test_a_registry_that_miscounts_and_breaks_gets_the_blob_whole(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    """What its status says is no use either, if what it said of the chunks was wrong."""
    image = picture(9 * MB)
    proxy.rule("PATCH", UPLOADS, faults.cut_request(1000), after=2, times=1)
    proxy.rule("PATCH|GET", UPLOADS, faults.with_headers(Range="0-2097151"), times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1, chunk_size=2 * MIB))
    check(registry, image)


def test_ghcr_names_the_place_of_an_upload_without_its_host(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    """apple/swift-container-plugin#44"""
    image = picture(MB)
    proxy.rule("POST", UPLOADS, faults.with_location(lambda place: "/" + place.split("/", 3)[3]), times=None)
    desk.push(f"{proxy.host}/hello:1", image)
    check(registry, image)


def test_a_relative_place_behind_a_redirect_is_that_of_who_answered(
    desk: Desk, registry: Registry, proxy_of: Callable[..., Proxy]
) -> None:
    """containerd/containerd#11949: the upload was begun at one host and sent to another."""
    first, behind = proxy_of(registry), proxy_of(registry)
    first.rule("POST", UPLOADS, faults.redirect(f"http://{behind.host}"), times=None)
    behind.rule("POST", UPLOADS, faults.with_location(lambda place: "/" + place.split("/", 3)[3]), times=None)
    image = picture(MB)
    desk.push(f"{first.host}/hello:1", image)
    check(registry, image)
    assert first.uploaded() == 0


def test_ghcr_forgets_an_upload_before_it_is_closed(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    """GoogleContainerTools/jib#4301"""
    image = picture(MB)
    proxy.rule("PUT", UPLOADS, faults.error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"), times=2)
    desk.push(f"{proxy.host}/hello:1", image)
    check(registry, image)


@pytest.mark.parametrize(
    "answer",
    [
        faults.error(401, "UNAUTHORIZED", "project examplegroup not found"),  # goharbor/harbor#17097
        faults.error(403, "DENIED", "requested access to the resource is denied"),
        faults.error(404, "NAME_UNKNOWN"),
        faults.error(405, "UNSUPPORTED"),
        faults.status(500),
    ],
)
def test_harbor_refuses_to_mount_from_what_is_not_there(
    desk: Desk, proxy: Proxy, registry: Registry, answer: Action
) -> None:
    image = picture(MB)
    proxy.rule("POST", r"uploads/\?mount=", answer, times=None)
    pushed = desk.push(f"{proxy.host}/hello:1", image, mount_from=("gone/hello",))
    check(registry, image)
    assert pushed.arrivals[Arrival.SENT] == 2


@pytest.mark.parametrize("granted", [0, -1], ids=["first", "last"])
def test_gitlab_gives_a_token_for_one_scope_of_several(
    desk: Desk, token_registry: Registry, tokens: TokenServer, proxy_of: Callable[..., Proxy], granted: int
) -> None:
    """estesp/manifest-tool#53, goharbor/harbor#2411, cesanta/docker_auth#67: mounting asks for two."""
    proxy = proxy_of(token_registry)
    desk.log_in(proxy.host, token_registry.login)
    image = picture(MB)
    desk.push(f"{proxy.host}/base:1", image, remember=True)
    tokens.narrows = lambda scopes: [scopes[granted]]
    pushed = desk.push(f"{proxy.host}/team/hello:1", image, remember=True)
    assert sum(pushed.arrivals.values()) == 2
    assert token_registry.tags("team/hello") == ["1"]


def test_gitlab_knows_nothing_of_a_repository_when_it_is_first_asked_for_a_token(
    desk: Desk, token_registry: Registry, tokens: TokenServer, proxy_of: Callable[..., Proxy]
) -> None:
    """podman-container-tools/podman#16065: 404, and then a token for the same question."""
    proxy = proxy_of(token_registry)
    desk.log_in(proxy.host, token_registry.login)
    tokens.instead.append((404, b"{}"))
    desk.push(f"{proxy.host}/team/hello:1", picture(100))
    assert token_registry.tags("team/hello") == ["1"]


@pytest.mark.parametrize(
    ("answer", "words", "hint"),
    [
        (  # ECR
            faults.error(400, "TAG_INVALID", "The image tag '1' already exists and the repository is immutable"),
            "immutable",
            "push under another one",
        ),
        (  # Harbor
            faults.error(412, "PRECONDITION", "Failed to process request due to 'hello:1' configured as immutable"),
            "immutable",
            "push under another one",
        ),
        (faults.error(404, "NAME_UNKNOWN", "The repository with name 'hello' does not exist"), "exist", "made first"),
        (faults.error(405, "UNSUPPORTED", "Invalid parameter at 'ImageManifest'"), "ImageManifest", "does not do that"),
        (faults.status(415, b""), "415", "form"),  # Artifactory, of a media type that it does not know
    ],
)
def test_a_manifest_that_is_not_taken_is_told_with_what_to_do(
    desk: Desk, proxy: Proxy, answer: Action, words: str, hint: str
) -> None:
    proxy.rule("PUT", MANIFESTS, answer, times=None)
    with pytest.raises(RegistryError, match=words) as caught:
        desk.push(f"{proxy.host}/hello:1", picture(100))
    assert hint in caught.value.hint


def test_a_registry_that_answers_head_with_405_is_sent_everything(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    """Some proxies in front of Artifactory and Nexus let no HEAD through."""
    image = picture(MB)
    proxy.rule("HEAD", BLOBS, faults.status(405), times=None)
    desk.push(f"{proxy.host}/hello:1", image)
    data = contents(graph([image]))
    assert registry.blob("hello", image.layers[0].digest) == data[image.layers[0].digest]
