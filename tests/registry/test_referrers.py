"""Tags, and what refers to an image: distribution-spec, "Content Discovery" and "Unavailable Referrers API"."""

import json

import pytest

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, RegistryError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.artifact import Artifact, artifact_graph, part, read_artifact, referrers_tag
from fromscratch.formats.oci.graph import Graph, graph
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import Place, reference_of
from fromscratch.host.registry.client import Client
from fromscratch.host.registry.pull import RegistryBlobs
from fromscratch.host.registry.push import push
from fromscratch.host.registry.referrers import referrers, tags
from tests.registry import faults
from tests.registry.pictures import Desk, picture
from tests.registry.proxy import Proxy
from tests.registry.registries import Registry

pytestmark = [pytest.mark.slow, pytest.mark.engine]
SBOM, SIGNATURE = "application/spdx+json", "application/vnd.example.signature"
IMAGE = graph([picture(1000)])


def artifact(kind: str, text: bytes, subject: oci.Descriptor = IMAGE.top) -> Graph:
    return artifact_graph(
        Artifact(artifact_type=kind, parts=(part(text, kind, "a file"),), subject=subject, annotations={"text": "yes"})
    )


def attached(desk: Desk, host: str, *artifacts: Graph) -> None:
    push(IMAGE, reference_of(f"{host}/team/hello:1"), desk.access(), artifacts=artifacts)


def asked(access: Access, host: str) -> Client:
    return Client(Place.of(reference_of(f"{host}/team/hello")), access)


def found(desk: Desk, host: str, kind: str = "", subject: Digest = IMAGE.top.digest) -> list[oci.Descriptor]:
    with asked(desk.access(), host) as client:
        return referrers(client, subject, kind)


def test_what_refers_to_an_image_is_listed_under_a_tag_where_there_is_no_api(desk: Desk, registry: Registry) -> None:
    sbom, signature = artifact(SBOM, b"{}"), artifact(SIGNATURE, b"signed")
    attached(desk, registry.host, sbom)
    attached(desk, registry.host, signature, sbom)
    assert found(desk, registry.host) == [sbom.top, signature.top]
    assert found(desk, registry.host, SIGNATURE) == [signature.top]
    assert found(desk, registry.host, subject=sbom.top.digest) == []
    assert registry.tags("team/hello") == ["1", referrers_tag(IMAGE.top.digest)]
    [listed, _] = json.loads(registry.manifest("team/hello", referrers_tag(IMAGE.top.digest))[0])["manifests"]
    assert (listed["artifactType"], listed["annotations"]) == (SBOM, {"text": "yes"})


def test_an_artifact_is_read_as_it_was_written(desk: Desk, registry: Registry) -> None:
    attached(desk, registry.host, artifact(SBOM, b'{"spdx": 1}'))
    with asked(desk.access(), registry.host) as client:
        [entry] = referrers(client, IMAGE.top.digest)
        read = read_artifact(RegistryBlobs(client, desk.store), entry)
        with read.parts[0].blob.open() as stream:
            assert stream.read() == b'{"spdx": 1}'
    assert (read.artifact_type, read.subject and read.subject.digest) == (SBOM, IMAGE.top.digest)


def test_what_others_have_listed_stays(desk: Desk, registry: Registry) -> None:
    ours = artifact(SBOM, b"{}")
    other = {"mediaType": oci.MANIFEST, "digest": str(IMAGE.top.digest), "size": IMAGE.top.size, "strange": [1]}
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": [other], "annotations": {"a": "b"}})
    data = index.encode()
    push(IMAGE, reference_of(f"{registry.host}/team/hello:1"), desk.access())
    tag = referrers_tag(IMAGE.top.digest)
    with asked(desk.access(), registry.host) as client:
        pushing = Client(client.place, desk.access(), pushing=True)
        pushing.ask("test", "PUT", f"manifests/{tag}", expect=(201,), headers={"Content-Type": oci.INDEX}, data=data)
    attached(desk, registry.host, ours)
    there = json.loads(registry.manifest("team/hello", tag)[0])
    assert [entry["digest"] for entry in there["manifests"]] == [str(IMAGE.top.digest), str(ours.top.digest)]
    assert (there["manifests"][0], there["annotations"]) == (other, {"a": "b"})


def test_a_tag_of_something_else_is_not_overwritten(desk: Desk, registry: Registry) -> None:
    tag = referrers_tag(IMAGE.top.digest)
    push(IMAGE, reference_of(f"{registry.host}/team/hello:{tag}"), desk.access())
    with pytest.raises(FormatError, match="is not an index of what refers to"):
        attached(desk, registry.host, artifact(SBOM, b"{}"))
    assert registry.manifest("team/hello", tag)[1] == oci.MANIFEST


def test_a_registry_with_the_api_lists_them_itself(desk: Desk, registry: Registry, proxy: Proxy) -> None:
    sbom, signature = artifact(SBOM, b"{}"), artifact(SIGNATURE, b"signed")
    digest = IMAGE.top.digest
    proxy.rule("PUT", "/manifests/", faults.with_headers(OCI_Subject=str(digest)), times=None)
    attached(desk, proxy.host, sbom, signature)
    assert registry.tags("team/hello") == ["1"]
    pages = [oci.index_bytes(oci.Index(manifests=(one.top,))) for one in (sbom, signature)]
    first = {"Content_Type": oci.INDEX, "Link": f'</v2/team/hello/referrers/{digest}?after=1>; rel="next"'}
    proxy.rule("GET", "/referrers/.*after=1", faults.status(200, pages[1], Content_Type=oci.INDEX), times=None)
    proxy.rule("GET", "/referrers/", faults.status(200, pages[0], **first), times=None)
    assert found(desk, proxy.host) == [sbom.top, signature.top]
    assert found(desk, proxy.host, SIGNATURE) == [signature.top]
    assert [seen.path.partition("?")[2] for seen in proxy.requests("GET", "artifactType")] == [
        f"artifactType={SIGNATURE.replace('/', '%2F')}"
    ]


def test_a_list_that_others_change_all_the_time_is_told(desk: Desk, proxy: Proxy) -> None:
    empty = faults.status(200, oci.index_bytes(oci.Index(manifests=())), Content_Type=oci.INDEX)
    proxy.rule("GET", "/manifests/sha256-", empty, times=None)
    with pytest.raises(RegistryError, match="others change that list"):
        attached(desk, proxy.host, artifact(SBOM, b"{}"))


def test_tags_come_in_pages(desk: Desk, registry: Registry, proxy: Proxy) -> None:
    names = tuple(f"v{number}" for number in range(5))
    push(IMAGE, reference_of(f"{registry.host}/team/hello:v0"), desk.access(), tags=names)
    with asked(desk.access(), registry.host) as client:
        assert tags(client) == list(names)
    first = faults.status(200, b'{"tags":["v0","v1"]}', Link='</v2/team/hello/tags/list?last=v1>; rel="next"')
    proxy.rule("GET", "/tags/list\\?n=", first, times=None)
    proxy.rule("GET", "/tags/list.*last=v1", faults.status(200, b'{"tags":["v2"]}'), times=None)
    with asked(desk.access(), proxy.host) as client:
        assert tags(client) == ["v0", "v1", "v2"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"tags":[1]}', b'{"tags":"v1"}'])
def test_a_list_of_tags_that_is_none_is_told(desk: Desk, proxy: Proxy, body: bytes) -> None:
    proxy.rule("GET", "/tags/list", faults.status(200, body))
    with asked(desk.access(), proxy.host) as client, pytest.raises(FormatError, match="list of tags"):
        tags(client)


def test_a_list_that_goes_on_elsewhere_is_not_followed(desk: Desk, proxy: Proxy) -> None:
    link = '<http://127.0.0.1:1/v2/x/tags/list>; rel="next"'
    proxy.rule("GET", "/tags/list", faults.status(200, b'{"tags":[]}', Link=link))
    with asked(desk.access(), proxy.host) as client, pytest.raises(FormatError, match="list on another server"):
        tags(client)


def test_a_repository_that_is_not_there_is_told(desk: Desk, registry: Registry) -> None:
    with asked(desk.access(), registry.host) as client, pytest.raises(RegistryError, match="NAME_UNKNOWN") as caught:
        tags(client)
    assert "see whether the repository's name is right" in caught.value.hint
    with pytest.raises(UsageError, match="names no registry"):
        reference_of("team/hello")
