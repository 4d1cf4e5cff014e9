"""A pull through a network and a registry that fail or lie: nothing wrong is taken, and nothing half stays."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError, IntegrityError, RegistryError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.graph import graph
from fromscratch.host.http.session import Timeouts
from fromscratch.model.image import Image
from tests.host.http import site as sites
from tests.host.http.site import Site
from tests.registry import faults
from tests.registry.authority import Authority, Pair
from tests.registry.pictures import HASTY, MB, Desk, contents, picture, same, weight
from tests.registry.proxy import Action, Proxy
from tests.registry.registries import Registry

pytestmark = [pytest.mark.slow, pytest.mark.engine]

MANIFESTS, BLOBS = "/manifests/", "/blobs/sha256"
IMAGE = picture(2 * MB, 100)
LAYER, CONFIG = IMAGE.layers[0], graph([IMAGE]).blobs[2]
TOP = graph([IMAGE]).top
PASSING: dict[str, Action] = {
    "500": faults.status(500),
    "502": faults.status(502, b"<html>Bad Gateway</html>", Content_Type="text/html"),
    "429": faults.error(429, "TOOMANYREQUESTS"),
    "cut at once": faults.refused,
    "cut": faults.cut_response(100),
    "reset": faults.cut_response(100, reset=True),
    "cut in the answer": faults.cut_in_the_status,
}


@pytest.fixture
def name(desk: Desk, proxy: Proxy, registry: Registry) -> str:
    """What the image is called at the proxy; nothing of it is in the store."""
    desk.push(f"{registry.host}/hello:1", IMAGE)
    return f"{proxy.host}/hello:1"


def partial(desk: Desk) -> list[Path]:
    """What is left of transfers under way."""
    return [path for path in desk.store.root.glob("partial/*") if path.stat().st_size]


def stored_blobs(desk: Desk) -> dict[str, bytes]:
    """The blobs of the store by their names."""
    return {path.name: path.read_bytes() for path in desk.store.root.glob("blobs/sha256/*")}


def sound(desk: Desk) -> bool:
    """Whether everything that has a name is what it is named."""
    return all(Digest.of(data).hex == name for name, data in stored_blobs(desk).items())


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("path", [MANIFESTS, BLOBS, str(LAYER.digest)])
def test_what_passes_is_waited_for(desk: Desk, proxy: Proxy, name: str, path: str, fault: str) -> None:
    rule = proxy.rule("GET", path, PASSING[fault], times=2)
    digest, images = desk.pull(name)
    assert rule.met == 2
    assert (digest, same(graph(images), graph([IMAGE]))) == (TOP.digest, True)
    assert sound(desk)


def test_what_came_before_the_cut_is_not_asked_for_again(desk: Desk, proxy: Proxy, name: str) -> None:
    for place in (700_000, 500_000, 300_000):
        proxy.rule("GET", str(LAYER.digest), faults.cut_response(place))
    desk.pull(name)
    asked = [(seen.headers["Range"], seen.sent) for seen in proxy.requests("GET", str(LAYER.digest))]
    assert asked == [
        (None, 700_000),
        ("bytes=700000-", 500_000),
        ("bytes=1200000-", 300_000),
        ("bytes=1500000-", LAYER.size - 1_500_000),
    ]


def test_a_later_pull_goes_on_where_the_first_failed(desk: Desk, proxy: Proxy, name: str) -> None:
    proxy.rule("GET", str(LAYER.digest), faults.cut_response(1_000_000))
    proxy.rule("GET", str(LAYER.digest), faults.refused, times=None)
    with pytest.raises(ImageError) as caught:
        desk.pull(name)
    assert caught.value.hint
    assert LAYER.digest.hex not in stored_blobs(desk)
    proxy.rules.clear()
    proxy.forget()
    desk.pull(name)
    assert proxy.downloaded(str(LAYER.digest)) == LAYER.size - 1_000_000


def test_what_the_store_has_is_not_asked_for(desk: Desk, proxy: Proxy, name: str) -> None:
    desk.pull(name)
    proxy.forget()
    desk.pull(name)
    assert proxy.downloaded() == 0
    desk.store.path(LAYER.digest).write_bytes(b"damaged")
    proxy.forget()
    _digest, images = desk.pull(name)
    assert proxy.downloaded() == LAYER.size  # what is damaged counts as not there
    assert contents(graph(images))


@pytest.mark.parametrize(
    ("path", "fault", "words"),
    [
        (str(LAYER.digest), faults.with_corrupted_body, LAYER.digest.hex),
        (str(CONFIG.digest), faults.with_corrupted_body, CONFIG.digest.hex),
        (str(LAYER.digest), faults.with_swapped_body(b"other bytes"), LAYER.digest.hex),
        (str(LAYER.digest), faults.with_body(lambda data: data + b"x"), "larger"),
        (str(CONFIG.digest), faults.with_body(lambda data: data + b" "), CONFIG.digest.hex),
        (str(LAYER.digest), faults.with_body(lambda data: data[:-1]), LAYER.digest.hex),
        (MANIFESTS, faults.with_headers(Docker_Content_Digest=str(Digest.of(b"other"))), "registry gives"),
        (MANIFESTS, faults.with_corrupted_body, "manifest"),
    ],
)
def test_bytes_that_are_others_are_refused_and_not_kept(
    desk: Desk, proxy: Proxy, name: str, path: str, fault: Action, words: str
) -> None:
    proxy.rule("GET", path, fault, times=None)
    with pytest.raises(ImageError, match=words) as caught:
        desk.pull(name, access=desk.access(jobs=1))
    assert isinstance(caught.value, IntegrityError | FormatError)
    assert caught.value.hint
    assert sound(desk)
    assert partial(desk) == []
    proxy.rules.clear()
    assert same(graph(desk.pull(name)[1]), graph([IMAGE]))


@pytest.mark.parametrize("off", [-9, 9])
def test_a_length_that_is_wrong_gives_no_wrong_layer(desk: Desk, proxy: Proxy, name: str, off: int) -> None:
    proxy.rule("GET", str(LAYER.digest), faults.length_off_by(off))
    proxy.rule("GET", MANIFESTS, faults.length_off_by(off))
    for _ in range(3):
        try:
            digest, images = desk.pull(name)
        except ImageError as error:
            assert error.hint  # noqa: PT017  # it may say so, or ask again
        else:
            break
    assert (digest, same(graph(images), graph([IMAGE]))) == (TOP.digest, True)
    assert sound(desk)


def test_a_digest_is_held_to_what_it_names(desk: Desk, proxy: Proxy, name: str, registry: Registry) -> None:
    other = contents(graph([picture(9)]))[graph([picture(9)]).top.digest]
    proxy.rule("GET", MANIFESTS, faults.with_swapped_body(other), times=None)
    with pytest.raises(IntegrityError, match=TOP.digest.hex):
        desk.pull(f"{proxy.host}/hello@{TOP.digest}")
    assert stored_blobs(desk) == {}


@pytest.mark.parametrize(
    "said",
    ["application/vnd.docker.distribution.manifest.v1+prettyjws", "text/html", "image/png", oci.INDEX, oci.CONFIG],
)
def test_a_manifest_that_is_called_something_else_is_refused(desk: Desk, proxy: Proxy, name: str, said: str) -> None:
    proxy.rule("GET", MANIFESTS, faults.with_headers(Content_Type=said), times=None)
    with pytest.raises(FormatError) as caught:
        desk.pull(name)
    assert said.split("+")[0].split(".v1")[0] in caught.value.message or "schema 1" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "said", [None, "application/json", "application/octet-stream", oci.MANIFEST + "; charset=utf-8"]
)
def test_a_manifest_may_say_itself_what_it_is(desk: Desk, proxy: Proxy, name: str, said: str | None) -> None:
    proxy.rule("GET", MANIFESTS, faults.with_headers(Content_Type=said), times=None)
    assert desk.pull(name)[0] == TOP.digest


def test_a_page_of_a_portal_is_no_image(desk: Desk, proxy: Proxy, name: str) -> None:
    page = b"<!DOCTYPE html><title>Log in to the hotel's network</title>"
    proxy.rule("GET", MANIFESTS, faults.status(200, page, Content_Type="text/html"), times=None)
    with pytest.raises(FormatError, match="JSON"):
        desk.pull(name)


def test_a_manifest_without_an_end_is_given_up(desk: Desk, proxy: Proxy, name: str) -> None:
    proxy.rule("GET", MANIFESTS, faults.endless(oci.MANIFEST), times=None)
    with pytest.raises(FormatError, match="is too large") as caught:
        desk.pull(name)
    assert caught.value.hint
    [seen] = proxy.requests("GET", MANIFESTS)
    assert seen.sent < oci.MAX_DOCUMENT + 8 * MB


def test_an_error_without_an_end_is_given_up(desk: Desk, proxy: Proxy, name: str) -> None:
    proxy.rule("GET", MANIFESTS, faults.endless("application/json", 403), times=None)
    with pytest.raises(RegistryError, match="DENIED"):
        desk.pull(name)
    assert proxy.requests("GET")[-1].sent < oci.MAX_DOCUMENT + 8 * MB


@pytest.mark.parametrize("size", [10**18, -1, 0, LAYER.size + 1, LAYER.size - 1])
def test_a_manifest_may_lie_about_sizes(desk: Desk, proxy: Proxy, name: str, size: int) -> None:
    def lying(data: bytes) -> bytes:
        document = json.loads(data)
        document["layers"][0]["size"] = size
        return json.dumps(document).encode()

    proxy.rule("GET", MANIFESTS, faults.with_body(lying, Docker_Content_Digest=None), times=None)
    with pytest.raises(ImageError) as caught:
        desk.pull(name)
    assert caught.value.hint
    assert sound(desk)
    assert LAYER.digest.hex not in stored_blobs(desk)


@pytest.mark.parametrize(
    ("fault", "words", "hint"),
    [
        (faults.error(404, "MANIFEST_UNKNOWN", "manifest unknown"), "manifest unknown", "tag"),
        (faults.error(404, "NAME_UNKNOWN"), "NAME_UNKNOWN", "name"),
        (faults.error(401, "UNAUTHORIZED"), "UNAUTHORIZED", "docker login"),
        (faults.error(403, "DENIED"), "DENIED", "docker login"),
        (faults.status(404, b"not JSON"), "404", "name"),
        (faults.status(302), "302", "log"),
        (faults.status(204), "204", "log"),
    ],
)
def test_a_refusal_is_believed_at_once(
    desk: Desk, proxy: Proxy, name: str, fault: Action, words: str, hint: str
) -> None:
    proxy.rule("GET", MANIFESTS, fault, times=None)
    with pytest.raises(RegistryError, match=words) as caught:
        desk.pull(name)
    assert hint in caught.value.hint
    assert len(proxy.requests("GET", MANIFESTS)) == 1


def test_a_layer_that_the_registry_lost_is_named(desk: Desk, name: str, registry: Registry) -> None:
    registry.delete_blob("hello", LAYER.digest)
    with pytest.raises(ImageError) as caught:
        desk.pull(name)
    assert caught.value.hint
    assert "Traceback" not in caught.value.message


@pytest.mark.parametrize("path", [MANIFESTS, str(LAYER.digest)])
def test_what_does_not_pass_is_told_once(desk: Desk, proxy: Proxy, name: str, path: str) -> None:
    proxy.rule("GET", path, faults.status(503), times=None)
    with pytest.raises(ImageError, match="503") as caught:
        desk.pull(name)
    assert caught.value.hint
    assert len(proxy.requests("GET", path)) == HASTY.attempts
    assert LAYER.digest.hex not in stored_blobs(desk)


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    """Where blobs are redirected to, as registries do to a store of objects."""
    with sites.running() as site:
        yield site


@pytest.fixture
def locked(desk: Desk, locked_registry: Registry) -> Image:
    """The image is in the locked registry, whose password the user has."""
    desk.log_in(locked_registry.host, locked_registry.login)
    desk.push(f"{locked_registry.host}/hello:1", IMAGE)
    return IMAGE


def blob_of(image: Image, path: str) -> bytes:
    digest = Digest.parse(path.rpartition("/")[2])
    return contents(graph([image]))[digest]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_blobs_may_lie_elsewhere_where_no_password_is_shown(
    desk: Desk, locked: Image, locked_registry: Registry, proxy_of: Callable[..., Proxy], elsewhere: Site, code: int
) -> None:
    proxy = proxy_of(locked_registry)
    desk.log_in(proxy.host, locked_registry.login)
    for blob in graph([locked]).blobs[:-1]:
        elsewhere.serve(f"/v2/hello/blobs/{blob.digest}", blob_of(locked, str(blob.digest)), sites.cut(50))
    proxy.rule("GET", BLOBS, faults.redirect(elsewhere.url, code), times=None)
    _digest, images = desk.pull(f"{proxy.host}/hello:1")
    assert same(graph(images), graph([locked]))
    assert len(elsewhere.asked) >= 3
    assert not [asked for asked in elsewhere.asked if "authorization" in str(asked.headers).lower()]
    assert [seen for seen in proxy.requests("GET", BLOBS) if "Authorization" in seen.headers]


@pytest.mark.parametrize("path", [MANIFESTS, BLOBS, str(LAYER.digest)])
def test_nothing_is_followed_out_of_https(
    desk: Desk,
    locked: Image,
    locked_registry: Registry,
    proxy_of: Callable[..., Proxy],
    server_pair: Pair,
    authority: Authority,
    elsewhere: Site,
    path: str,
) -> None:
    proxy = proxy_of(locked_registry, tls=server_pair)
    desk.log_in(proxy.host, locked_registry.login)
    proxy.rule("GET", path, faults.redirect(elsewhere.url), times=None)
    access = replace(desk.access(), ca=authority.certificate)
    with pytest.raises(ImageError, match="not protected") as caught:
        desk.pull(f"{proxy.host}/hello:1", access=access)
    assert caught.value.hint
    assert elsewhere.asked == []


def test_a_circle_of_redirections_ends(desk: Desk, proxy: Proxy, name: str) -> None:
    proxy.rule("GET", BLOBS, faults.redirect(proxy.url), times=None)
    with pytest.raises(ImageError, match="redirects more than"):
        desk.pull(name)


def test_a_slow_registry_is_waited_for_and_a_silent_one_is_not(desk: Desk, proxy: Proxy, name: str) -> None:
    access = desk.access(patience=replace(HASTY, timeouts=Timeouts(connect=1.0, read=0.5)))
    proxy.rule("GET", str(LAYER.digest), faults.slow(300_000, 0.2))
    gate = proxy.gate()
    proxy.rule("GET", str(LAYER.digest), faults.held_answer(gate), times=None)
    assert desk.pull(name, access=access)[0] == TOP.digest
    desk.store.discard(LAYER.digest)
    with pytest.raises(ImageError, match="nothing more for too long") as caught:
        desk.pull(name, access=access)
    assert not gate.released.is_set()  # it opens by itself at last
    assert caught.value.hint
    gate.released.set()


def test_a_registry_that_ignores_ranges_is_understood(desk: Desk, proxy: Proxy, name: str) -> None:
    proxy.rule("GET", str(LAYER.digest), faults.cut_response(1_000_000))
    proxy.rule("GET", str(LAYER.digest), faults.without_range)
    assert same(graph(desk.pull(name)[1]), graph([IMAGE]))
    assert proxy.downloaded(str(LAYER.digest)) == 1_000_000 + LAYER.size


def test_a_registry_without_that_range_is_understood(desk: Desk, proxy: Proxy, name: str) -> None:
    proxy.rule("GET", str(LAYER.digest), faults.cut_response(1_000_000))
    proxy.rule("GET", str(LAYER.digest), faults.status(416, Content_Range="bytes */1000"))
    assert same(graph(desk.pull(name)[1]), graph([IMAGE]))


def test_only_what_is_needed_is_asked_for(desk: Desk, proxy: Proxy, name: str) -> None:
    desk.pull(name)
    assert proxy.downloaded() == weight(IMAGE)
    assert len(proxy.requests("GET", MANIFESTS)) == 1
    assert len({seen.path for seen in proxy.requests()}) == len(proxy.requests("GET|HEAD"))


def test_the_proxy_says_what_the_registry_says(proxy: Proxy, name: str, registry: Registry) -> None:
    """That these tests see the registry, and not something of the proxy's own."""
    shown = {"Accept": oci.MANIFEST}
    answers = [
        requests.get(f"{one}/v2/hello/manifests/1", headers=shown, timeout=9) for one in (proxy.url, registry.url)
    ]
    assert answers[0].content == answers[1].content
