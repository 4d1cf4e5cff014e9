"""Documents of the OCI image specification v1.1: descriptor, manifest, image index, layout.

What is written is one form for one image: keys in the order of the specification, maps sorted, no
blanks, UTF-8. What is read may come from anyone: every fault is a FormatError that names the
document and the field. Docker's media types (image manifest version 2, schema 2) are read as well,
as the specification's own compatibility matrix pairs them. The configuration is in `oci.config`.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.formats.oci import keys as oci_keys
from fromscratch.formats.oci.json_schema import (
    KNOWN,
    RawDescriptor,
    RawIndex,
    RawKinds,
    RawLayout,
    RawManifest,
    RawPlatform,
    decode,
)
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.image import Layer, Platform

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
# Layers that come from their owner's address, and that registries need not hold
FOREIGN_TAR = "application/vnd.oci.image.layer.nondistributable.v1.tar"
FOREIGN_GZIP = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
FOREIGN_ZSTD = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
FOREIGN = (FOREIGN_TAR, FOREIGN_GZIP, FOREIGN_ZSTD)

# image-spec/media-types.md, "Compatibility Matrix"
_DOCKER = {
    "application/vnd.docker.container.image.v1+json": CONFIG,
    "application/vnd.docker.distribution.manifest.v2+json": MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json": INDEX,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER_TAR,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": LAYER_ZSTD,
    "application/vnd.docker.image.rootfs.foreign.diff.tar": FOREIGN_TAR,
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": FOREIGN_GZIP,
}

# image-spec/annotations.md, and the name that containerd and podman look for first
REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"
# The characters of image-spec/annotations.md for org.opencontainers.image.ref.name; docker's tags may also begin with _
_REF_NAME = lazy_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:@+/-]{0,254}")

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

# image-spec asks readers to take manifests of 4 MiB at least; nothing honest is larger than this.
MAX_DOCUMENT = 16 << 20

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Descriptor(Struct, frozen=True, kw_only=True):
    """image-spec/descriptor.md. `media_type` is always the OCI name of what it points to.

    `more` holds the fields that we have no use for, such as `urls`, as they were read.
    """

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    platform: Platform | None = None
    artifact_type: str = ""
    more: Mapping[str, Any] = field(default_factory=lambda: EMPTY)


class Manifest(Struct, frozen=True, kw_only=True):
    """image-spec/manifest.md: of a container image, or with an `artifact_type` or another `config` of an artifact."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    artifact_type: str = ""
    subject: Descriptor | None = None


class Index(Struct, frozen=True, kw_only=True):
    """image-spec/image-index.md."""

    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    artifact_type: str = ""
    subject: Descriptor | None = None


def media_type(name: str) -> str:
    """The OCI name for a media type of docker; any other name as it is."""
    return _DOCKER.get(name, name)


def canonical(document: Mapping[str, Any], what: str) -> bytes:
    """The one form of a JSON document. Raises UsageError for text that is not UTF-8.

    What others wrote may be nested more deeply than can be written again, though it could be read: FormatError.
    """
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{what} holds {error.object!r}, which is not UTF-8, and JSON holds nothing else",
            "write the value in UTF-8",
        ) from error
    except RecursionError as error:
        raise FormatError(f"{what} is nested too deeply to be written", "make or fetch the image again") from error


def describe(data: bytes, kind: str, **more: Any) -> Descriptor:
    """The descriptor of a document of this media type."""
    return Descriptor(media_type=kind, digest=Digest.of(data), size=len(data), **more)


def check_size(size: int, what: str) -> None:
    """Raises FormatError for more bytes than any document has."""
    if size > MAX_DOCUMENT:
        raise FormatError(f"{what} is too large for a document", "make the image again")


def layer_descriptor(layer: Layer) -> Descriptor:
    return Descriptor(media_type=layer.media_type, digest=layer.digest, size=layer.size)


def manifest_bytes(manifest: Manifest) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        **({"artifactType": manifest.artifact_type} if manifest.artifact_type else {}),
        "config": descriptor_fields(manifest.config),
        "layers": [descriptor_fields(layer) for layer in manifest.layers],
        **_end(manifest),
    }
    return canonical(document, "the manifest")


def index_bytes(index: Index) -> bytes:
    """For an image index, and for the index.json of a layout."""
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        **({"artifactType": index.artifact_type} if index.artifact_type else {}),
        "manifests": [descriptor_fields(entry) for entry in index.manifests],
        **_end(index),
    }
    return canonical(document, "the image index")


def joined_index(known: bytes, places: Collection[int], added: Sequence[Descriptor], what: str) -> bytes:
    """An index that was parsed, with its entries at these places only, field for field, and `added` behind them."""
    document = decode(known, dict[str, Any], what)
    stays = set(places)
    entries = [entry for place, entry in enumerate(document["manifests"] or []) if place in stays]
    fresh = [entry for entry in map(descriptor_fields, added) if entry not in entries]
    return canonical({**document, "schemaVersion": 2, "mediaType": INDEX, "manifests": [*entries, *fresh]}, what)


def check_tag(tag: str) -> str:
    """`tag`, if it can be the value of org.opencontainers.image.ref.name. Raises UsageError."""
    if not _REF_NAME.fullmatch(tag):
        raise UsageError(
            f"{tag!r} cannot name an image in an OCI layout", "use letters, digits and single . _ - between them"
        )
    return tag


def descriptor_fields(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as JSON has it."""
    written: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        **descriptor.more,
        **_annotations(descriptor.annotations),
    }
    if descriptor.artifact_type:
        written["artifactType"] = descriptor.artifact_type
    if descriptor.platform is not None:
        written["platform"] = platform_fields(descriptor.platform)
    return written


def _annotations(annotations: Mapping[str, str]) -> dict[str, Any]:
    return {"annotations": dict(sorted(annotations.items()))} if annotations else {}


def _end(of: Manifest | Index) -> dict[str, Any]:
    subject = {"subject": descriptor_fields(of.subject)} if of.subject else {}
    return {**subject, **_annotations(of.annotations)}


def platform_fields(platform: Platform) -> dict[str, Any]:
    """The fields as the specification names them; one with nothing in it is left out."""
    fields = {
        "architecture": platform.architecture,
        "os": platform.os,
        "os.version": platform.os_version,
        "os.features": list(platform.os_features),
        "variant": platform.variant,
        "features": list(platform.features),
    }
    return {name: value for name, value in fields.items() if value or name in ("architecture", "os")}


def parse_manifest(data: bytes, what: str) -> Manifest:
    raw = decode(data, RawManifest, what, keys=oci_keys.MANIFEST)
    document = decode(data, dict[str, Any], what)
    _check_kind(raw.schema_version, raw.media_type, MANIFEST, what)
    return Manifest(
        config=_parsed(raw.config, document["config"], what),
        layers=_all_parsed(raw.layers, document["layers"], what),
        annotations=raw.annotations or EMPTY,
        artifact_type=raw.artifact_type or "",
        subject=_parsed(raw.subject, document["subject"], what) if raw.subject else None,
    )


def parse_index(data: bytes, what: str) -> Index:
    raw = decode(data, RawIndex, what, keys=oci_keys.INDEX)
    document = decode(data, dict[str, Any], what)
    _check_kind(raw.schema_version, raw.media_type, INDEX, what)
    return Index(
        manifests=_all_parsed(raw.manifests, document["manifests"], what),
        annotations=raw.annotations or EMPTY,
        artifact_type=raw.artifact_type or "",
        subject=_parsed(raw.subject, document["subject"], what) if raw.subject else None,
    )


def is_own_form(document: bytes) -> bool:
    """Whether a manifest or index that was parsed is in the specification's own types, and not in docker's."""
    raw = decode(document, RawKinds, "the document")
    entries = [*([raw.config] if raw.config else []), *(raw.layers or []), *(raw.manifests or [])]
    return raw.media_type not in _DOCKER and not any(entry.media_type in _DOCKER for entry in entries)


def exact_digest(text: str, what: str) -> Digest:
    """A digest as documents have it: with its algorithm, in small letters. Raises FormatError, naming `what`."""
    try:
        return Digest.exact(text)
    except FormatError as error:
        raise FormatError(f"{what}: {error.message}", "make or fetch the image again") from error


def check_layout(data: bytes, what: str) -> None:
    """Raises FormatError unless `data` is an oci-layout file of version 1."""
    version = decode(data, RawLayout, what, keys=oci_keys.LAYOUT).image_layout_version
    if not version.startswith("1."):
        raise FormatError(f"{what} is of the layout version {version}", "this program reads version 1")


def normal_platform(os: str, architecture: str, variant: str) -> Platform:
    """The platform with the variant that `Platform.parse` would give it."""
    default = {("arm", ""): "v7", ("arm64", "v8"): ""}
    return Platform(os, architecture, default.get((architecture, variant), variant))


def _all_parsed(
    raw: Sequence[RawDescriptor] | None, documents: Sequence[Mapping[str, Any]] | None, what: str
) -> tuple[Descriptor, ...]:
    """The descriptors of a list; Go's writers have null for an empty one."""
    return tuple(_parsed(*pair, what) for pair in zip(raw or (), documents or (), strict=True))


def _parsed(raw: RawDescriptor, document: Mapping[str, Any], what: str) -> Descriptor:
    return Descriptor(
        media_type=media_type(raw.media_type or ""),
        digest=exact_digest(raw.digest, what),
        size=raw.size,
        annotations=raw.annotations or EMPTY,
        platform=_platform(raw.platform) if raw.platform else None,
        artifact_type=raw.artifact_type or "",
        more={name: value for name, value in document.items() if name not in KNOWN},
    )


def _platform(raw: RawPlatform) -> Platform:
    return replace(
        normal_platform(raw.os, raw.architecture, raw.variant or ""),
        os_version=raw.os_version or "",
        os_features=tuple(raw.os_features or ()),
        features=tuple(raw.features or ()),
    )


def _check_kind(version: int, found: str | None, expected: str, what: str) -> None:
    if version != 2:
        raise FormatError(
            f"{what} has the schema version {version}", "only version 2 is read; save the image again with a newer tool"
        )
    # The field is optional, but where it stands it must agree: image-spec/manifest.md, "mediaType".
    if found and media_type(found) != expected:
        raise FormatError(f"{what} says that it is {found!r} where {expected} is expected", "make the image again")
