"""Lists that a registry gives in parts, whatever it writes into them: tags, what refers to an image, a Link header."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError, RegistryError
from fromscratch.formats.oci import documents as oci
from fromscratch.host.registry.address import Place, reference_of
from fromscratch.host.registry.client import Client
from fromscratch.host.registry.referrers import referrers, tags
from tests.registry import faults
from tests.registry.pictures import Desk
from tests.registry.proxy import Action, Exchange, Proxy

pytestmark = [pytest.mark.slow, pytest.mark.engine]
fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=9), inner, max_size=4)),
    max_leaves=8,
)
_HEADER = st.one_of(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60),
    st.lists(
        st.sampled_from(
            ["<", ">", ";", ",", "=", '"', " ", "rel", "next", 'rel="next"', "/v2/x", "http://[", "//", "?", "%"]
        ),
        max_size=14,
    ).map("".join),
)


@pytest.fixture
def client(proxy: Proxy, desk: Desk) -> Iterator[Client]:
    with Client(Place.of(reference_of(f"{proxy.host}/hello")), desk.access()) as client:
        yield client


def answering(proxy: Proxy, data: bytes, content_type: str = "application/json", **headers: str) -> None:
    """This answer to every question, and no other."""
    proxy.rules.clear()
    proxy.rule(".*", "", faults.status(200, data, Content_Type=content_type, **headers), times=None)


@fuzzed
@given(
    document=st.one_of(
        _JSON, st.fixed_dictionaries({"tags": _JSON}), st.fixed_dictionaries({"tags": st.lists(st.text())})
    )
)
def test_a_list_of_tags_may_hold_anything(client: Client, proxy: Proxy, document: Any) -> None:
    answering(proxy, json.dumps(document).encode())
    with suppress(ImageError):
        found = tags(client)
        assert found == sorted(set(document.get("tags") or []))


@fuzzed
@given(data=st.binary(max_size=80))
def test_so_may_it_be_no_json(client: Client, proxy: Proxy, data: bytes) -> None:
    answering(proxy, data)
    with suppress(ImageError):
        tags(client)


@fuzzed
@given(
    document=st.one_of(
        _JSON,
        st.fixed_dictionaries(
            {
                "schemaVersion": st.sampled_from([2, 2, 1, "2"]),
                "mediaType": st.sampled_from([oci.INDEX, oci.MANIFEST, ""]),
                "manifests": st.lists(
                    st.one_of(
                        _JSON,
                        st.fixed_dictionaries(
                            {
                                "mediaType": st.sampled_from([oci.MANIFEST, "", "x"]),
                                "digest": st.sampled_from([str(Digest.of(b"x")), "sha256:x", "", "md5:" + "0" * 32]),
                                "size": st.integers(-5, 2**70),
                            },
                            optional={"artifactType": _JSON, "annotations": _JSON, "platform": _JSON},
                        ),
                    ),
                    max_size=3,
                ),
            }
        ),
    )
)
def test_a_list_of_what_refers_may_hold_anything(client: Client, proxy: Proxy, document: Any) -> None:
    answering(proxy, json.dumps(document).encode(), oci.INDEX)
    with suppress(ImageError):
        for entry in referrers(client, Digest.of(b"subject")):
            assert entry.size >= 0


@fuzzed
@given(link=_HEADER)
def test_a_link_may_say_anything(client: Client, proxy: Proxy, link: str) -> None:
    answering(proxy, b'{"tags": ["a"]}', Link=link)
    with suppress(ImageError):
        assert tags(client) == ["a"]


@pytest.mark.parametrize(
    "link",
    ['<http://[>; rel="next"', '<http://r.example:99999/>; rel="next"', '<ftp://x/>; rel="next"', "<\\>; rel=next"],
)
def test_a_link_that_leads_nowhere_is_told(client: Client, proxy: Proxy, link: str) -> None:
    answering(proxy, b'{"tags": ["a"]}', Link=link)
    proxy.rules[0].times = 1
    with pytest.raises(ImageError) as caught:
        tags(client)
    assert caught.value.hint


def test_a_link_elsewhere_is_not_followed(client: Client, proxy: Proxy) -> None:
    answering(proxy, b'{"tags": ["a"]}', Link='<http://127.0.0.1:1/v2/hello/tags/list>; rel="next"')
    with pytest.raises(FormatError, match="on another server"):
        tags(client)


def test_a_circle_of_links_ends(client: Client, proxy: Proxy) -> None:
    answering(proxy, b'{"tags": ["a"]}', Link='</v2/hello/tags/list?n=1>; rel="next"')
    assert tags(client) == ["a"]
    assert len(proxy.requests("GET")) == 2


def test_a_list_without_an_end_is_given_up(client: Client, proxy: Proxy) -> None:
    proxy.rule("GET", "", growing(), times=None)
    with pytest.raises(FormatError, match="without an end"):
        tags(client)


def test_so_is_one_that_outgrows_all_lists(client: Client, proxy: Proxy) -> None:
    proxy.rule("GET", "", growing(b'{"tags": ["%s"]}' % (b"a" * (oci.MAX_DOCUMENT - 64))), times=None)
    with pytest.raises(FormatError, match="without an end"):
        tags(client)
    assert len(proxy.requests("GET")) < 10


def growing(data: bytes = b'{"tags": ["a"]}') -> Action:
    """Each part names another one."""
    count = 0

    def act(exchange: Exchange) -> None:
        nonlocal count
        count += 1
        link = f'</v2/hello/tags/list?last={count}>; rel="next"'
        faults.status(200, data, Link=link)(exchange)

    return act


@pytest.mark.parametrize("length", [5000 * "9", "-1", "14.0", "²"])
def test_a_length_that_is_no_number_is_passed_over(client: Client, proxy: Proxy, length: str) -> None:
    answering(proxy, b'{"tags": ["a"]}', Content_Length=length, Connection="close")
    assert tags(client) == ["a"]


def test_a_list_that_is_not_given_is_told(client: Client, proxy: Proxy) -> None:
    with pytest.raises(RegistryError, match=r"NAME_UNKNOWN|not known"):
        tags(client)
