"""Tags of a repository, and referrers of an image, such as SBOMs and signatures.

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
_PAGE_SIZE = 1000  # tags: registries refuse more


def tags(client: Client) -> list[str]:
    """Every tag of the repository, sorted: registries give them in any order. Raises RegistryError, FormatError."""
    what = f"the list of tags of {client.place}"
    found: list[str] = []
    for answer in client.pages(f"list the tags of {client.place}", f"tags/list?n={_PAGE_SIZE}"):
        names = decoded(answer, what).get("tags") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise FormatError(f"{what} does not hold names", "ask who runs the registry")
        found += names
    return sorted(set(found))


def referrers(client: Client, subject: Digest, artifact_type: str = "") -> list[oci.Descriptor]:
    """The manifests that refer to this one, by the registry's API or by its referrers tag.

    With `artifact_type`, those of that type. Raises RegistryError, FormatError.
    """
    query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
    answers = client.pages(_doing(client, subject), f"referrers/{subject}{query}", expect=(200, 404, 405))
    if answers[0].status == 200 and _is_index(answers[0]):
        found = [entry for answer in answers for entry in _entries(answer.data, client, subject)]
    else:
        index = _by_tag(client, subject)
        found = list(_entries(index.data, client, subject)) if index else []
    selected = [entry for entry in found if artifact_type in ("", entry.artifact_type)]
    return list({entry.digest: entry for entry in selected}.values())


def put_referrer(client: Client, blob: Blob, data: bytes, subject: Digest) -> None:
    """Put a manifest that has a subject, and list it under the referrers tag if the registry does not list it itself.

    It is sent even if it is there: only the answer shows whether the registry lists it, and an earlier push
    may have been killed before it did so.
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
    """Add these to the index under the referrers tag. Another client may do so too: check afterwards, and repeat."""
    tag = referrers_tag(subject)
    for _ in range(_TRIES):
        index = _by_tag(client, subject)
        known = index.data if index else None
        if index and {entry.digest for entry in entries} <= {
            one.digest for one in _entries(index.data, client, subject)
        }:
            return
        put_manifest(client, document(referrers_index(known, entries), oci.INDEX), tag)
    raise RegistryError(
        f"cannot list what refers to {subject} under {tag} of {client.place}: others change that list all the time",
        "run it again",
    )


def _by_tag(client: Client, subject: Digest) -> Answer | None:
    """The index under the referrers tag of a subject. Raises FormatError if something else has that tag."""
    tag = referrers_tag(subject)
    headers = {"Accept": ", ".join(ACCEPTED)}
    answer = client.ask(_doing(client, subject), "GET", f"manifests/{tag}", expect=(200, 404), headers=headers)
    if answer.status == 404:
        return None
    if not _is_index(answer):
        raise FormatError(f"{client.place}:{tag} is not an index of what refers to {subject}", "remove that tag")
    return answer


def _is_index(answer: Answer) -> bool:
    content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return oci.media_type(content_type) == oci.INDEX


def _entries(data: bytes, client: Client, subject: Digest) -> tuple[oci.Descriptor, ...]:
    return oci.parse_index(data, f"the list of what refers to {subject} in {client.place}").manifests


def _doing(client: Client, subject: Digest) -> str:
    return f"list what refers to {subject} in {client.place}"
