"""A push through a network and a registry that fail: it succeeds when they allow it, and says why when they do not."""

import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import ImageError, IntegrityError, RegistryError
from fromscratch.formats.oci.graph import graph
from fromscratch.host.http.session import Timeouts
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.upload import Arrival
from fromscratch.model.image import Image
from tests.registry import faults
from tests.registry.authority import Pair
from tests.registry.pictures import HASTY, MB, Desk, contents, picture, weight
from tests.registry.proxy import Action, Exchange, Proxy
from tests.registry.registries import Registry

pytestmark = [pytest.mark.slow, pytest.mark.engine]

UPLOADS, MANIFESTS, BLOBS = "/blobs/uploads/", "/manifests/", "/blobs/sha256"
PASSING: dict[str, Action] = {
    "500": faults.status(500),
    "502": faults.status(502, b"<html>Bad Gateway</html>", Content_Type="text/html"),
    "503 at once": faults.unheard(503),
    "429": faults.error(429, "TOOMANYREQUESTS"),
    "408": faults.status(408),
    "cut at once": faults.refused,
    "cut": faults.cut_request(1000),
    "reset": faults.cut_request(1000, reset=True),
    "cut in the answer": faults.cut_in_the_status,
    "answer lost": faults.lost_answer,
}


def check(registry: Registry, image: Image, tag: str = "1") -> None:
    """The registry has the image whole."""
    whole = graph([image])
    data = contents(whole)
    assert registry.manifest("hello", tag)[0] == data[whole.top.digest]
    for blob in whole.blobs[:-1]:
        assert registry.blob("hello", blob.digest) == data[blob.digest]


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", UPLOADS), ("PUT|PATCH", UPLOADS), ("HEAD", BLOBS), ("PUT", MANIFESTS), ("HEAD", MANIFESTS)],
)
def test_what_passes_is_waited_for(
    desk: Desk, proxy: Proxy, registry: Registry, method: str, path: str, fault: str
) -> None:
    image = picture(MB, 100)
    rule = proxy.rule(method, path, PASSING[fault], times=2)
    pushed = desk.push(f"{proxy.host}/hello:1", image)
    assert rule.met == 2
    assert pushed.digest == graph([image]).top.digest
    check(registry, image)


@pytest.mark.parametrize("size", [300, 40 * MB])
def test_a_chunked_upload_survives_as_well(desk: Desk, proxy: Proxy, registry: Registry, size: int) -> None:
    image = picture(size)
    for place, fault in enumerate(PASSING.values()):
        proxy.rule("PATCH", UPLOADS, fault, after=place)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=2 * MB))
    assert max(seen.received for seen in proxy.requests("PATCH|PUT", UPLOADS)) <= 2 * MB
    check(registry, image)


@pytest.mark.parametrize(
    ("method", "path", "fault", "words"),
    [
        ("POST", UPLOADS, faults.status(500), "500"),
        ("PUT", UPLOADS, faults.status(503), "503"),
        ("PUT", UPLOADS, faults.cut_request(10), "connection"),
        ("PUT", MANIFESTS, faults.error(429, "TOOMANYREQUESTS"), "429"),
        ("HEAD", BLOBS, faults.refused, "connection"),
    ],
)
def test_what_does_not_pass_is_told_once(
    desk: Desk, proxy: Proxy, registry: Registry, method: str, path: str, fault: Action, words: str
) -> None:
    image = picture(100)
    proxy.rule(method, path, fault, times=None)
    with pytest.raises(RegistryError, match=words) as caught:
        desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1))
    assert caught.value.message.count("cannot push") == 1
    assert f"{proxy.host}/hello" in caught.value.message
    assert caught.value.hint
    assert len(proxy.requests(method, path)) == HASTY.attempts
    assert (registry.tags("hello"), registry.uploads()) == ([], [])


@pytest.mark.parametrize(
    ("method", "path", "fault", "words", "hint"),
    [
        ("POST", UPLOADS, faults.error(403, "DENIED", "not yours"), "not yours", "log in"),
        ("POST", UPLOADS, faults.error(401, "UNAUTHORIZED"), "UNAUTHORIZED", "log in"),
        ("POST", UPLOADS, faults.error(404, "NAME_UNKNOWN"), "NAME_UNKNOWN", "made first"),
        ("POST", UPLOADS, faults.error(400, "NAME_INVALID"), "NAME_INVALID", "name"),
        ("POST", UPLOADS, faults.error(405, "UNSUPPORTED"), "UNSUPPORTED", "does not do that"),
        ("PUT", UPLOADS, faults.error(403, "DENIED", "over your quota"), "over your quota", "log in"),
        ("PUT", MANIFESTS, faults.error(400, "MANIFEST_INVALID", "no OCI here"), "no OCI here", "form"),
        ("PUT", MANIFESTS, faults.error(404, "MANIFEST_BLOB_UNKNOWN"), "MANIFEST_BLOB_UNKNOWN", "again"),
        ("PUT", MANIFESTS, faults.status(418, b"\xff\0short\x1b[31m"), "418", "log"),
        ("HEAD", BLOBS, faults.status(400), "400", "log"),
    ],
)
def test_a_refusal_is_believed_at_once(
    desk: Desk, proxy: Proxy, registry: Registry, method: str, path: str, fault: Action, words: str, hint: str
) -> None:
    proxy.rule(method, path, fault, times=None)
    with pytest.raises(RegistryError, match=words) as caught:
        desk.push(f"{proxy.host}/hello:1", picture(100), access=desk.access(jobs=1))
    assert hint in caught.value.hint
    assert caught.value.message.isprintable()
    assert len(proxy.requests(method, path)) == 1
    assert (registry.tags("hello"), registry.uploads()) == ([], [])


def test_a_registry_that_is_not_there_is_told(desk: Desk, proxy: Proxy) -> None:
    import socket

    with socket.socket() as accepted:
        accepted.bind(("127.0.0.1", 0))
        port = accepted.getsockname()[1]
        with pytest.raises(RegistryError, match=f"127.0.0.1:{port}") as caught:
            desk.push(f"127.0.0.1:{port}/hello:1", picture(9))
    assert "network" in caught.value.hint


@pytest.mark.parametrize("form", ["seconds", "date", "nonsense"])
def test_a_registry_says_how_long_to_wait(desk: Desk, proxy: Proxy, form: str) -> None:
    def later(exchange: Exchange) -> None:
        text = {"seconds": "2", "date": formatdate(time.time() + 3, usegmt=True), "nonsense": "soon"}[form]
        faults.error(429, "TOOMANYREQUESTS", Retry_After=text)(exchange)

    proxy.rule("PUT", MANIFESTS, later)
    patience = replace(HASTY, longest_wait=10.0)
    desk.push(f"{proxy.host}/hello:1", picture(9), access=desk.access(patience=patience))
    refused, accepted = proxy.requests("PUT", MANIFESTS)
    assert (accepted.at - refused.at > 1.5) == (form != "nonsense")


def test_what_arrived_before_the_cut_is_not_sent_again(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(20 * MB)
    size = image.layers[0].size
    proxy.rule("PUT|PATCH", UPLOADS, faults.accepted(7 * MB))
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1))
    check(registry, image)
    sent = [seen.received for seen in proxy.requests("PUT|PATCH", UPLOADS) if seen.received]
    assert sorted(sent)[-1] == size - 7 * MB
    assert proxy.uploaded() == weight(image)
    ranges = [seen.headers["Content-Range"] for seen in proxy.requests("PUT|PATCH", UPLOADS)]
    assert f"{7 * MB}-{size - 1}" in ranges


def test_what_arrived_of_a_chunk_is_not_sent_again(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(20 * MB)
    proxy.rule("PATCH", UPLOADS, faults.accepted(3 * MB), after=1)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=4 * MB))
    check(registry, image)
    assert proxy.uploaded() == weight(image)


def test_a_cut_that_the_registry_does_not_forgive_costs_the_blob_and_no_more(
    desk: Desk, proxy: Proxy, registry: Registry
) -> None:
    image = picture(20 * MB, 3 * MB)
    proxy.rule("PUT|PATCH", UPLOADS, faults.cut_at_the_registry(7 * MB))
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1))
    check(registry, image)
    assert proxy.uploaded() == weight(image) + 7 * MB


def test_an_upload_that_is_lost_is_begun_anew(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(10 * MB)
    proxy.rule("PATCH", UPLOADS, faults.error(404, "BLOB_UPLOAD_UNKNOWN"), after=2)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=2 * MB))
    assert [Digest.of(registry.manifest("hello", "1")[0])] == [graph([image]).top.digest]
    assert registry.blob("hello", image.layers[0].digest)


def test_a_registry_that_is_out_of_step_is_asked_where_it_is(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(10 * MB)
    proxy.rule("PATCH", UPLOADS, faults.status(416, Range="0-99"), after=2)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=2 * MB))
    check(registry, image)


@pytest.mark.parametrize("fault", [faults.error(405, "UNSUPPORTED"), faults.status(404), faults.status(501)])
def test_a_registry_that_takes_no_chunks_gets_the_blob_whole(
    desk: Desk, proxy: Proxy, registry: Registry, fault: Action
) -> None:
    image = picture(10 * MB)
    proxy.rule("PATCH", UPLOADS, fault, times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=2 * MB))
    assert registry.blob("hello", image.layers[0].digest)
    assert registry.tags("hello") == ["1"]


def test_a_limit_of_what_is_taken_at_once_is_found(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(20 * MB)

    def limited(exchange: Exchange) -> None:
        if int(exchange.seen.headers["Content-Length"] or 0) > 3 * MB:
            faults.unheard(413)(exchange)
            return
        with exchange.asked() as response:
            exchange.relay(response)

    proxy.rule("PUT|PATCH", UPLOADS, limited, times=None)
    desk.push(f"{proxy.host}/hello:1", image)
    check(registry, image)


def test_a_place_for_uploads_may_be_told_relatively(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(5 * MB)
    proxy.rule(".*", UPLOADS, faults.with_location(lambda place: "/" + place.split("/", 3)[3]), times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=2 * MB))
    check(registry, image)


def test_a_place_for_uploads_may_be_elsewhere_and_is_shown_no_password(
    desk: Desk, locked_registry: Registry, proxy_of: Callable[..., Proxy]
) -> None:
    assert locked_registry.login
    proxy = proxy_of(locked_registry)
    elsewhere = proxy_of(locked_registry, shown=f"Basic {locked_registry.login.basic}")
    image = picture(5 * MB)
    desk.log_in(proxy.host, locked_registry.login)
    proxy.rule(".*", UPLOADS, faults.with_location(lambda place: place.replace(proxy.host, elsewhere.host)), times=None)
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=2 * MB))
    check(locked_registry, image)
    assert elsewhere.uploaded() == weight(image)
    assert proxy.uploaded() == 0
    assert not [seen for seen in elsewhere.seen if "Authorization" in seen.headers]
    assert [seen for seen in proxy.seen if "Authorization" in seen.headers]


@pytest.mark.parametrize("target", ["http://{}", "ftp://{}", "file:///etc", "http://[", "https://user:pass@[::1"])
def test_a_place_for_uploads_that_is_no_safe_one_is_never_asked(
    desk: Desk,
    locked_registry: Registry,
    proxy_of: Callable[..., Proxy],
    server_pair: Pair,
    authority: object,
    target: str,
) -> None:
    proxy = proxy_of(locked_registry, tls=server_pair)
    elsewhere = proxy_of(locked_registry)
    desk.log_in(proxy.host, locked_registry.login)
    proxy.rule("POST", UPLOADS, faults.with_location(lambda place: target.format(elsewhere.host)), times=None)
    access = replace(desk.access(), ca=server_pair.certificate.parent / "ca.pem")
    with pytest.raises(ImageError, match="cannot push") as caught:
        desk.push(f"{proxy.host}/hello:1", picture(9), access=access)
    assert caught.value.hint
    assert elsewhere.seen == []


def test_a_redirected_upload_is_shown_no_password(
    desk: Desk, locked_registry: Registry, proxy_of: Callable[..., Proxy]
) -> None:
    assert locked_registry.login
    proxy = proxy_of(locked_registry)
    elsewhere = proxy_of(locked_registry, shown=f"Basic {locked_registry.login.basic}")
    image = picture(MB)
    desk.log_in(proxy.host, locked_registry.login)
    proxy.rule("PUT|PATCH", UPLOADS, faults.redirect(f"http://{elsewhere.host}"), times=None)
    desk.push(f"{proxy.host}/hello:1", image)
    check(locked_registry, image)
    assert elsewhere.uploaded() == weight(image)
    assert not [seen for seen in elsewhere.seen if "Authorization" in seen.headers]


def test_a_manifest_that_arrived_as_another_is_no_success(desk: Desk, proxy: Proxy) -> None:
    other = str(Digest.of(b"other"))
    proxy.rule("PUT", MANIFESTS, faults.with_headers(Docker_Content_Digest=other), times=None)
    with pytest.raises(IntegrityError, match="took 1 as") as caught:
        desk.push(f"{proxy.host}/hello:1", picture(9))
    assert other in caught.value.message


@pytest.mark.parametrize("lie", ["nonsense", "sha256:12", "", "md5:" + "0" * 32])
def test_a_digest_that_is_none_is_no_traceback(desk: Desk, proxy: Proxy, registry: Registry, lie: str) -> None:
    image = picture(9)
    proxy.rule("PUT|HEAD", MANIFESTS, faults.with_headers(Docker_Content_Digest=lie), times=None)
    try:
        desk.push(f"{proxy.host}/hello:1", image)
    except ImageError as error:
        assert error.hint  # noqa: PT017  # either answer will do
    else:
        check(registry, image)


@pytest.mark.parametrize("said", ["0-99999999999", "5-9", "bytes=0-10", "9-0", "-", "0-x", "0-99"])
def test_a_registry_that_counts_wrongly_does_not_get_a_wrong_blob(
    desk: Desk, proxy: Proxy, registry: Registry, said: str
) -> None:
    image = picture(6 * MB)
    proxy.rule("PATCH", UPLOADS, faults.with_headers(Range=said))
    desk.push(f"{proxy.host}/hello:1", image, access=desk.access(chunk_size=2 * MB))
    assert registry.blob("hello", image.layers[0].digest) == contents(graph([image]))[image.layers[0].digest]
    assert registry.tags("hello") == ["1"]


def test_what_comes_to_a_stop_is_given_up(desk: Desk, proxy: Proxy) -> None:
    gate = proxy.gate()
    proxy.rule("PUT", MANIFESTS, faults.held_answer(gate))
    patience = replace(HASTY, timeouts=Timeouts(connect=1.0, read=1.0))
    pushed = desk.push(f"{proxy.host}/hello:1", picture(9), access=desk.access(patience=patience))
    assert pushed.digest
    gate.released.set()


def test_the_failure_of_one_blob_ends_the_others(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(30 * MB, 30 * MB, 100)
    gate = proxy.gate()
    proxy.rule("PUT|PATCH", UPLOADS, faults.held(gate, 1000), after=2)
    proxy.rule("PUT", UPLOADS, faults.error(403, "DENIED"), times=1)
    with pytest.raises(RegistryError, match="DENIED"):
        desk.push(f"{proxy.host}/hello:1", image)
    assert not gate.released.is_set()  # it opens by itself at last
    gate.released.set()
    assert registry.tags("hello") == []


def test_a_second_push_goes_on_where_the_first_failed(desk: Desk, proxy: Proxy, registry: Registry) -> None:
    image = picture(5 * MB, 4 * MB, 3 * MB)
    proxy.rule("PUT", UPLOADS, faults.error(403, "DENIED"), after=2, times=None)
    with pytest.raises(RegistryError):
        desk.push(f"{proxy.host}/hello:1", image, access=desk.access(jobs=1))
    proxy.rules.clear()
    there = sum(blob.size for blob in graph([image]).blobs if registry.blob("hello", blob.digest))
    assert there > 8 * MB
    proxy.forget()
    pushed = desk.push(f"{proxy.host}/hello:1", image)
    assert pushed.arrivals[Arrival.PRESENT] == 2
    assert proxy.uploaded() == weight(image) - there
    check(registry, image)


def test_the_defaults_are_patient() -> None:
    patience = Access().patience
    assert patience.attempts >= 4
    assert patience.longest_wait >= 10
