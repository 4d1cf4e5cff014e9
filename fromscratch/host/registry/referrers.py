"""What a repository holds beside images: its tags, and what refers to an image, such as SBOMs and signatures.

distribution-spec, "Content Discovery", "Pushing Manifests with Subject", "Unavailable Referrers API".
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, RegistryError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.artifact import listed, referrers_index, referrers_tag
from fromscratch.formats.oci.graph import document
from fromscratch.host.registry.client import Answer, Client, decoded
from fromscratch.host.registry.manifests import ACCEPTED, put_manifest
from fromscratch.model.image import Blob

_TRIES = 5
_A_PART = 1000  # tags: more than that, registries refuse


def tags(client: Client) -> list[str]:
    """Every tag of the repository, sorted: registries give them in any order. Raises RegistryError, FormatError."""
    what = f"the list of tags of {client.place}"
    found: list[str] = []
    for answer in client.pages(f"list the tags of {client.place}", f"tags/list?n={_A_PART}"):
        names = decoded(answer, what).get("tags") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise FormatError(f"{what} does not hold names", "ask who runs the registry")
        found += names
    return sorted(set(found))


def referrers(client: Client, subject: Digest, artifact_type: str = "") -> list[oci.Descriptor]:
    """What refers to this manifest, by the registry's API or by the tag that stands for it.

    With `artifact_type`, what is of that type. Raises RegistryError, FormatError.
    """
    query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
    answers = client.pages(_doing(client, subject), f"referrers/{subject}{query}", expect=(200, 404, 405))
    if answers[0].status == 200 and _is_index(answers[0]):
        found = [entry for answer in answers for entry in _entries(answer.data, client, subject)]
    else:
        there = _by_tag(client, subject)
        found = list(_entries(there.data, client, subject)) if there else []
    wanted = [entry for entry in found if artifact_type in ("", entry.artifact_type)]
    return list({entry.digest: entry for entry in wanted}.values())


def put_referrer(client: Client, blob: Blob, data: bytes, subject: Digest) -> None:
    """A manifest that has a subject. Where the registry does not list it by itself, we do.

    It is sent even if it is there: only the answer tells which of both holds, and whoever sent it
    before may have been killed between the two.
    """
    answer = put_manifest(client, blob, str(blob.digest), always=True)
    if answer is not None and "OCI-Subject" in answer.headers:
        return
    parsed = (oci.parse_index if blob.media_type == oci.INDEX else oci.parse_manifest)(
        data, f"the manifest {blob.digest}"
    )
    entry = listed(oci.Descriptor(media_type=blob.media_type, digest=blob.digest, size=blob.size), parsed)
    _list(client, subject, [entry])


def _list(client: Client, subject: Digest, entries: Sequence[oci.Descriptor]) -> None:
    """Put these into the index under the tag for a subject. Another client may do the same: we look afterwards."""
    tag = referrers_tag(subject)
    for _ in range(_TRIES):
        there = _by_tag(client, subject)
        known = there.data if there else None
        if there and {entry.digest for entry in entries} <= {
            one.digest for one in _entries(there.data, client, subject)
        }:
            return
        put_manifest(client, document(referrers_index(known, entries), oci.INDEX), tag)
    raise RegistryError(
        f"cannot list what refers to {subject} under {tag} of {client.place}: others change that list all the time",
        "run it again",
    )


def _by_tag(client: Client, subject: Digest) -> Answer | None:
    """The index under the tag for a subject. Raises FormatError if something else has that tag."""
    tag = referrers_tag(subject)
    headers = {"Accept": ", ".join(ACCEPTED)}
    answer = client.ask(_doing(client, subject), "GET", f"manifests/{tag}", expect=(200, 404), headers=headers)
    if answer.status == 404:
        return None
    if not _is_index(answer):
        raise FormatError(f"{client.place}:{tag} is no index of what refers to {subject}", "remove that tag")
    return answer


def _is_index(answer: Answer) -> bool:
    said = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return oci.media_type(said) == oci.INDEX


def _entries(data: bytes, client: Client, subject: Digest) -> tuple[oci.Descriptor, ...]:
    return oci.parse_index(data, f"the list of what refers to {subject} in {client.place}").manifests


def _doing(client: Client, subject: Digest) -> str:
    return f"list what refers to {subject} in {client.place}"
