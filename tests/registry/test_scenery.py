"""The registries, the token server and the proxy of these tests, seen by programs that are not ours."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from fromscratch.digest import Digest
from fromscratch.images.oci_layout import OciLayout
from tests.engines import need
from tests.images.contract import IMAGE
from tests.made_images import at
from tests.registry import faults
from tests.registry.authority import Authority, Pair
from tests.registry.proxy import Proxy
from tests.registry.registries import Registry
from tests.registry.skopeo import skopeo
from tests.registry.tokens import TokenServer

pytestmark = [pytest.mark.slow, pytest.mark.engine]
BLOB = bytes(range(256)) * 4096


@pytest.fixture
def session() -> "requests.Session":
    session = requests.Session()
    session.trust_env = False
    return session


@pytest.mark.parametrize("kind", ["registry", "locked_registry", "secure_registry", "token_registry"])
def test_skopeo_gets_from_each_registry_what_it_brought(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    registry: Registry = request.getfixturevalue(kind)
    receipt = at(OciLayout, tmp_path / "oci").write([IMAGE], "1")
    skopeo(tmp_path, registry, "copy", f"oci:{tmp_path}/oci:1", "docker://{}/team/hello:1")
    skopeo(tmp_path, registry, "copy", "docker://{}/team/hello:1", f"oci:{tmp_path}/back:1")
    assert json.loads(skopeo(tmp_path, registry, "inspect", "docker://{}/team/hello:1"))["Digest"] == str(
        receipt.digest
    )
    data, media_type = registry.manifest("team/hello", "1")
    assert (Digest.of(data), json.loads(data)["mediaType"]) == (receipt.digest, media_type)
    assert registry.blob("team/hello", IMAGE.layers[0].digest) == IMAGE.layers[0].open().read()
    assert registry.tags("team/hello") == ["1"]
    if registry.login:
        assert requests.get(f"{registry.url}/v2/", verify=str(registry.ca or True), timeout=10).status_code == 401


def test_a_proxy_passes_what_it_is_not_told_to_spoil(
    locked_registry: Registry, proxy_of: Callable[..., Proxy], tmp_path: Path
) -> None:
    proxy = proxy_of(locked_registry)
    at(OciLayout, tmp_path / "oci").write([IMAGE], "1")
    skopeo(tmp_path, locked_registry, "copy", f"oci:{tmp_path}/oci:1", "docker://{}/hello:1", host=proxy.host)
    layer = IMAGE.layers[0]
    config = json.loads(locked_registry.manifest("hello", "1")[0])["config"]
    assert proxy.uploaded() == layer.size + config["size"]
    proxy.forget()
    skopeo(tmp_path, locked_registry, "copy", "docker://{}/hello:1", f"dir:{tmp_path}/out", host=proxy.host)
    assert proxy.downloaded() == layer.size + config["size"]


def begin(session: requests.Session, proxy: Proxy) -> str:
    """The Location of a new upload."""
    answer = session.post(f"{proxy.url}/v2/x/blobs/uploads/", timeout=10)
    assert answer.status_code == 202
    assert answer.headers["Location"].startswith(proxy.url)
    return answer.headers["Location"]


def upload(session: requests.Session, proxy: Proxy) -> str:
    answer = session.put(begin(session, proxy), params={"digest": str(Digest.of(BLOB))}, data=BLOB, timeout=10)
    assert answer.status_code == 201
    return f"{proxy.url}/v2/x/blobs/{Digest.of(BLOB)}"


def test_a_token_is_taken_for_as_long_as_it_lasts(
    token_registry: Registry, tokens: TokenServer, session: requests.Session
) -> None:
    def asked(allowed: str = "") -> int:
        reported = session.get(
            tokens.url,
            params={"service": "registry.test", "scope": "repository:x:pull,push"},
            auth=(tokens.user, tokens.password) if allowed else None,
            timeout=10,
        ).json()
        shown = {"Authorization": f"Bearer {reported['token']}"}
        return session.get(f"{token_registry.url}/v2/x/tags/list", headers=shown, timeout=10).status_code

    assert asked("ada") == 404
    assert asked() == 401
    tokens.lasts = -1
    assert asked("ada") == 401
    tokens.lasts = 2
    token = tokens.token("ada", [{"type": "repository", "name": "x", "actions": ["pull"]}])
    shown = {"Authorization": f"Bearer {token}"}
    assert session.get(f"{token_registry.url}/v2/x/tags/list", headers=shown, timeout=10).status_code == 404
    time.sleep(2.1)
    assert session.get(f"{token_registry.url}/v2/x/tags/list", headers=shown, timeout=10).status_code == 401


def test_rules_are_used_up_one_by_one(proxy: Proxy, session: requests.Session) -> None:
    proxy.rule("GET", "/v2/$", faults.status(503, Retry_After="1"), times=2)
    proxy.rule("GET", "/v2/$", faults.error(429, "TOOMANYREQUESTS"), after=1)
    answers = [session.get(f"{proxy.url}/v2/", timeout=10) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [503, 503, 200, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert answers[3].json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert len(proxy.requests("GET", "/v2/$")) == 5


@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_may_end_early(proxy: Proxy, session: requests.Session, reset: bool) -> None:
    blob = upload(session, proxy)
    proxy.rule("GET", "/blobs/", faults.cut_response(300_000, reset=reset))
    proxy.rule("GET", "/blobs/", faults.length_off_by(5))
    proxy.rule("GET", "/blobs/", faults.refused)
    for _ in range(2):
        with pytest.raises(requests.RequestException):
            session.get(blob, timeout=10)
    with pytest.raises(requests.ConnectionError):
        session.get(blob, timeout=10)
    assert [seen.sent for seen in proxy.requests("GET", "/blobs/sha")] == [300_000, len(BLOB), 0]
    assert session.get(blob, timeout=10).content == BLOB


def test_an_answer_may_lie(proxy: Proxy, session: requests.Session) -> None:
    blob = upload(session, proxy)
    proxy.rule("GET", "/blobs/", faults.length_off_by(-7))
    assert session.get(blob, timeout=10).content == BLOB[:-7]
    proxy.rule("GET", "/blobs/", faults.with_corrupted_body)
    wrong = session.get(blob, timeout=10).content
    assert len(wrong) == len(BLOB)
    assert sum(ours != theirs for ours, theirs in zip(wrong, BLOB, strict=True)) == 1
    proxy.rule("GET", "/blobs/", faults.with_swapped_body(b"other"))
    answer = session.get(blob, timeout=10)
    assert answer.headers["Docker-Content-Digest"] == str(Digest.of(answer.content))
    proxy.rule("HEAD", "/blobs/", faults.with_headers(Docker_Content_Digest="sha256:none", ETag=None))
    answer = session.head(blob, timeout=10)
    assert (answer.headers["Docker-Content-Digest"], "ETag" in answer.headers) == ("sha256:none", False)
    proxy.rule("GET", "/blobs/", faults.redirect("http://127.0.0.1:1"))
    assert session.get(blob, timeout=10, allow_redirects=False).headers["Location"].startswith("http://127.0.0.1:1/v2")
    proxy.rule("GET", "/blobs/", faults.slow(400_000, 0.05))
    assert session.get(blob, timeout=10).content == BLOB
    proxy.rule("GET", "/blobs/", faults.endless("text/plain"))
    with session.get(blob, timeout=10, stream=True) as endless:
        assert sum(len(piece) for _, piece in zip(range(99), endless.iter_content(1 << 16), strict=False)) > 6_000_000


@pytest.mark.parametrize("fault", [faults.cut_request(100_000), faults.cut_request(100_000, reset=True)])
def test_a_request_may_be_cut_before_the_registry_hears_of_it(
    proxy: Proxy, session: requests.Session, fault: Callable[..., None]
) -> None:
    where = begin(session, proxy)
    proxy.rule("PATCH", "/uploads/", fault)
    with pytest.raises(requests.ConnectionError):
        session.patch(where, data=BLOB, timeout=10)
    assert proxy.uploaded() == 100_000
    assert session.get(where, timeout=10).headers["Range"] == "0-0"
    proxy.rule("PATCH", "/uploads/", faults.unheard(503, Retry_After="0"))
    assert session.patch(where, data=BLOB, timeout=10).status_code == 503


def test_a_registry_may_have_a_part_of_a_request(proxy: Proxy, session: requests.Session) -> None:
    where = begin(session, proxy)
    proxy.rule("PATCH", "/uploads/", faults.accepted(100_000))
    with pytest.raises(requests.ConnectionError):
        session.patch(where, data=BLOB, timeout=10)
    there = session.get(where, timeout=10)
    assert (there.status_code, there.headers["Range"]) == (204, "0-99999")
    on = {"Content-Range": f"100000-{len(BLOB) - 1}", "Content-Type": "application/octet-stream"}
    in_chunks = iter([BLOB[100_000:500_000], BLOB[500_000:]])
    rest = session.patch(there.headers["Location"], data=in_chunks, headers=on, timeout=10)
    assert rest.status_code == 202
    done = session.put(rest.headers["Location"], params={"digest": str(Digest.of(BLOB))}, timeout=10)
    assert done.status_code == 201
    # The registry itself gives an upload up that ends in the middle of a request.
    where = begin(session, proxy)
    proxy.rule("PATCH", "/uploads/", faults.cut_at_the_registry(100_000))
    with pytest.raises(requests.ConnectionError):
        session.patch(where, data=BLOB, timeout=10)
    assert session.get(where, timeout=10).status_code in (400, 404)


def test_an_answer_may_get_lost_after_the_deed(proxy: Proxy, session: requests.Session, registry: Registry) -> None:
    proxy.rule("PUT", "/uploads/", faults.lost_answer)
    with pytest.raises(requests.ConnectionError):
        upload(session, proxy)
    assert registry.blob("x", Digest.of(BLOB)) == BLOB


def test_a_request_may_be_held(proxy: Proxy, tmp_path: Path, registry: Registry) -> None:
    gate = proxy.gate()
    proxy.rule("PATCH", "/uploads/", faults.held(gate, 5))
    at(OciLayout, tmp_path / "oci").write([IMAGE], "1")
    words = ["copy", "-q", "--dest-tls-verify=false", f"oci:{tmp_path}/oci:1", f"docker://{proxy.host}/hello:1"]
    with subprocess.Popen([need("skopeo"), "--insecure-policy", *words]) as process:
        gate.await_arrival()
        assert process.poll() is None
        assert registry.tags("hello") == []
        gate.released.set()
        assert process.wait(60) == 0
    assert registry.tags("hello") == ["1"]


def test_a_connection_by_https_may_be_cut_as_well(
    locked_registry: Registry,
    proxy_of: Callable[..., Proxy],
    authority: Authority,
    server_pair: Pair,
    session: requests.Session,
) -> None:
    assert locked_registry.login
    proxy = proxy_of(locked_registry, tls=server_pair, shown=f"Basic {locked_registry.login.basic}")
    session.verify = str(authority.certificate)
    blob = upload(session, proxy)
    proxy.rule("GET", "/blobs/", faults.cut_response(1000))
    with pytest.raises(requests.RequestException):
        session.get(blob, timeout=10)
    assert session.get(blob, timeout=10).content == BLOB
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(blob, timeout=10, verify=True)
