"""Artifacts, which have a manifest of their own beside an image, such as an SBOM or a signature.

image-spec/manifest.md, "Guidelines for Artifact Usage"; which of them refer to an image, and how a registry
without an API for that lists them, is in the distribution specification, "Listing Referrers".
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, MissingBlob, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.graph import Graph, document
from fromscratch.formats.oci.reader import Blobs, reachable
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.image import Blob

EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY_JSON = b"{}"
TITLE = "org.opencontainers.image.title"
# RFC 6838, section 4.2
_MEDIA_TYPE = lazy_regex(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


class Part(Struct, frozen=True):
    """One blob of an artifact. The title among its annotations is the name of the file that it was."""

    blob: Blob
    annotations: Mapping[str, str] = field(default_factory=lambda: oci.EMPTY)


class Artifact(Struct, frozen=True, kw_only=True):
    """`subject` is the manifest, or the image index, that it is about; `config` is mostly left out."""

    artifact_type: str
    parts: tuple[Part, ...]
    subject: oci.Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=lambda: oci.EMPTY)
    config: Blob | None = None


def part(data: bytes, media_type: str, title: str = "") -> Part:
    """These bytes as a part."""
    blob = Blob(media_type, Digest.of(data), len(data), partial(io.BytesIO, data))
    return Part(blob, {TITLE: title} if title else oci.EMPTY)


def artifact_graph(artifact: Artifact) -> Graph:
    """The artifact as blobs; the topmost descriptor is the one to list it by. Raises UsageError."""
    for name in (artifact.artifact_type, *(each.blob.media_type for each in artifact.parts)):
        if not _MEDIA_TYPE.fullmatch(name):
            raise UsageError(f"{name!r} is not a media type", "write it as in application/spdx+json")
    empty = document(EMPTY_JSON, EMPTY_TYPE)
    config, parts = artifact.config or empty, artifact.parts or (Part(empty),)
    manifest = oci.Manifest(
        artifact_type=artifact.artifact_type,
        config=_descriptor(config),
        layers=tuple(replace(_descriptor(each.blob), annotations=each.annotations) for each in parts),
        # What lists the subject may have said more of it, which the artifact does not depend on.
        subject=artifact.subject and _plain(artifact.subject),
        annotations=artifact.annotations,
    )
    data = oci.manifest_bytes(manifest)
    blobs = {blob.digest: blob for blob in (config, *(each.blob for each in parts))}
    return Graph(listed(oci.describe(data, oci.MANIFEST), manifest), (*blobs.values(), document(data, oci.MANIFEST)))


def listed(descriptor: oci.Descriptor, of: oci.Manifest | oci.Index) -> oci.Descriptor:
    """The descriptor of an artifact as lists of referrers have it, with its type and its annotations."""
    kind = of.artifact_type or (of.config.media_type if isinstance(of, oci.Manifest) else "")
    return replace(_plain(descriptor), artifact_type=kind, annotations=of.annotations)


def referrers(blobs: Blobs, descriptors: Iterable[oci.Descriptor], subject: Digest) -> list[oci.Descriptor]:
    """Everything at or below these descriptors that refers to this manifest, as `listed` has it, each once."""
    found = {
        entry.digest: listed(entry, manifest)
        for entry, manifest in _documents(blobs, descriptors)
        if manifest.subject is not None and manifest.subject.digest == subject
    }
    return list(found.values())


def subject_of(blobs: Blobs, entry: oci.Descriptor) -> Digest | None:
    """The digest of what this manifest or index refers to."""
    for _entry, found in _documents(blobs, [entry]):
        return found.subject.digest if found.subject else None
    return None


def read_artifact(blobs: Blobs, descriptor: oci.Descriptor) -> Artifact:
    """The artifact of a manifest; its parts are verified as they are read. Raises FormatError, IntegrityError."""
    what = f"the manifest {descriptor.digest} of {blobs.label}"
    manifest = oci.parse_manifest(blobs.document(descriptor), what)
    if manifest.config.media_type == oci.CONFIG and not manifest.artifact_type:
        raise FormatError(f"{what} is of a container image, not of an artifact", "name an artifact")
    parts = (Part(_blob(blobs, entry), entry.annotations) for entry in manifest.layers)
    return Artifact(
        artifact_type=listed(descriptor, manifest).artifact_type,
        parts=tuple(each for each in parts if each.blob.media_type != EMPTY_TYPE),
        subject=manifest.subject,
        annotations=manifest.annotations,
        config=None if manifest.config.media_type == EMPTY_TYPE else _blob(blobs, manifest.config),
    )


def referrers_tag(subject: Digest) -> str:
    """The tag under which a registry without the API keeps the index of what refers to this manifest."""
    return f"{subject.algorithm[:32]}-{subject.hex[:64]}"


def referrers_index(known: bytes | None, added: Sequence[oci.Descriptor]) -> bytes:
    """The index for that tag: what the one that is there lists, as it is, and these. Raises FormatError."""
    if known is None:
        return oci.index_bytes(oci.Index(manifests=tuple(added)))
    what = "the index of referrers"
    there = [entry.digest for entry in oci.parse_index(known, what).manifests]
    return oci.joined_index(known, range(len(there)), [entry for entry in added if entry.digest not in there], what)


def _documents(
    blobs: Blobs, descriptors: Iterable[oci.Descriptor]
) -> Iterator[tuple[oci.Descriptor, oci.Manifest | oci.Index]]:
    """The manifests and indexes at or below these that are there."""
    for top in descriptors:
        for entry in reachable(blobs, top, sparse=True):
            what = f"the manifest {entry.digest} of {blobs.label}"
            try:
                if entry.media_type == oci.MANIFEST:
                    yield entry, oci.parse_manifest(blobs.document(entry), what)
                elif entry.media_type == oci.INDEX:
                    yield entry, oci.parse_index(blobs.document(entry), what)
            except MissingBlob:
                continue


def _plain(descriptor: oci.Descriptor) -> oci.Descriptor:
    return oci.Descriptor(media_type=descriptor.media_type, digest=descriptor.digest, size=descriptor.size)


def _descriptor(blob: Blob) -> oci.Descriptor:
    return oci.Descriptor(media_type=blob.media_type, digest=blob.digest, size=blob.size)


def _blob(blobs: Blobs, entry: oci.Descriptor) -> Blob:
    return Blob(entry.media_type, entry.digest, entry.size, blobs.layer(entry))
