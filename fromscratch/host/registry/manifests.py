"""Manifests and indexes in a registry: distribution-spec, "Pushing Manifests"."""

from contextlib import suppress

from fromscratch.errors import FormatError, IntegrityError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.verified import verified
from fromscratch.host.registry.client import Answer, Client
from fromscratch.limits import json_value
from fromscratch.model.image import Blob

ACCEPTED = (
    oci.MANIFEST,
    oci.INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


def put_manifest(client: Client, blob: Blob, name: str, *, always: bool = False) -> Answer | None:
    """Put a manifest under a tag or its digest; None if it is there already, unless it is sent `always`.

    Raises RegistryError, and IntegrityError if the registry computes another digest.
    """
    doing = f"push the {'index' if blob.media_type == oci.INDEX else 'manifest'} {name} to {client.place}"
    accepted = {"Accept": ", ".join(ACCEPTED)}
    if not always:
        present = client.ask(doing, "HEAD", f"manifests/{name}", expect=(200, 404, 405), headers=accepted)
        if present.status == 200 and _same(present, blob, name):
            return None
    data = read_document(blob)
    headers = {"Content-Type": _media_type(data, blob)}
    answer = client.ask(doing, "PUT", f"manifests/{name}", expect=(201, 202), headers=headers, data=data)
    if answer.digest is not None and answer.digest.algorithm == blob.digest.algorithm and answer.digest != blob.digest:
        raise IntegrityError(
            f"{client.place} took {name} as {answer.digest}, and it is {blob.digest}", "ask who runs the registry"
        )
    return answer


def read_document(blob: Blob) -> bytes:
    """All of a small blob. Raises IntegrityError."""
    with verified(blob.open(), blob.digest, blob.size, f"the document {blob.digest}") as stream:
        return stream.read()


def _same(present: Answer, blob: Blob, name: str) -> bool:
    with suppress(FormatError):
        return present.digest == blob.digest or (present.digest is None and name == str(blob.digest))
    return False


def _media_type(data: bytes, blob: Blob) -> str:
    """The mediaType in the document, which may be docker's; else that of the blob."""
    with suppress(ValueError, AttributeError):
        declared = json_value(data).get("mediaType")
        if isinstance(declared, str) and declared:
            return declared
    return blob.media_type
