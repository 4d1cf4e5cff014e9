"""Documents of the OCI image specification v1.1: descriptor, manifest, image index, layout.

What is written is one form for one image: keys in the order of the specification, maps sorted, no
blanks, UTF-8. What is read may come from anyone: every fault is a FormatError that names the
document and the field. Docker's media types (image manifest version 2, schema 2) are read as well,
as the specification's own compatibility matrix pairs them. The configuration is in `oci_config`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import msgspec

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.model.image import Layer, Platform

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"

# image-spec/media-types.md, "Compatibility Matrix"
_DOCKER = {
    "application/vnd.docker.container.image.v1+json": CONFIG,
    "application/vnd.docker.distribution.manifest.v2+json": MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json": INDEX,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER_TAR,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": LAYER_ZSTD,
}

# image-spec/annotations.md, and the name that containerd and podman look for first
REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"
# The characters of image-spec/annotations.md for org.opencontainers.image.ref.name; docker's tags may also begin with _
_REF_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+/-]{0,254}")

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

# image-spec asks readers to take manifests of 4 MiB at least; nothing honest is larger than this.
MAX_DOCUMENT = 16 << 20

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """image-spec/descriptor.md. `media_type` is always the OCI name of what it points to."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """image-spec/manifest.md, of a container image."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """image-spec/image-index.md."""

    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)


def media_type(name: str) -> str:
    """The OCI name for a media type of docker; any other name as it is."""
    return _DOCKER.get(name, name)


def canonical(document: Mapping[str, Any], what: str) -> bytes:
    """The one form of a JSON document. Raises UsageError for text that is not UTF-8."""
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{what} holds {error.object!r}, which is not UTF-8, and JSON holds nothing else",
            "write the value in UTF-8",
        ) from error


def describe(data: bytes, kind: str, **more: Any) -> Descriptor:
    """The descriptor of a document of this media type."""
    return Descriptor(media_type=kind, digest=Digest.of(data), size=len(data), **more)


def layer_descriptor(layer: Layer) -> Descriptor:
    return Descriptor(media_type=layer.media_type, digest=layer.digest, size=layer.size)


def manifest_bytes(manifest: Manifest) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(manifest.config),
        "layers": [_descriptor(layer) for layer in manifest.layers],
        **_annotations(manifest.annotations),
    }
    return canonical(document, "the manifest")


def index_bytes(index: Index) -> bytes:
    """For an image index, and for the index.json of a layout."""
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [_descriptor(entry) for entry in index.manifests],
        **_annotations(index.annotations),
    }
    return canonical(document, "the image index")


def check_tag(tag: str) -> str:
    """`tag`, if it can be the value of org.opencontainers.image.ref.name. Raises UsageError."""
    if not _REF_NAME.fullmatch(tag):
        raise UsageError(
            f"{tag!r} cannot name an image in an OCI layout", "use letters, digits and single . _ - between them"
        )
    return tag


def _descriptor(descriptor: Descriptor) -> dict[str, Any]:
    written: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        **_annotations(descriptor.annotations),
    }
    if descriptor.platform is not None:
        written["platform"] = platform_fields(descriptor.platform)
    return written


def _annotations(annotations: Mapping[str, str]) -> dict[str, Any]:
    return {"annotations": dict(sorted(annotations.items()))} if annotations else {}


def platform_fields(platform: Platform) -> dict[str, str]:
    """The three fields as the specification names them."""
    fields = {"architecture": platform.architecture, "os": platform.os}
    return {**fields, "variant": platform.variant} if platform.variant else fields


class _Platform(msgspec.Struct):
    architecture: str = ""
    os: str = ""
    variant: str = ""


class _Descriptor(msgspec.Struct, rename="camel"):
    media_type: str
    digest: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    annotations: dict[str, str] | None = None
    platform: _Platform | None = None


class _Manifest(msgspec.Struct, rename="camel"):
    schema_version: int
    config: _Descriptor
    layers: list[_Descriptor]
    annotations: dict[str, str] | None = None
    media_type: str = ""


class _Index(msgspec.Struct, rename="camel"):
    schema_version: int
    manifests: list[_Descriptor]
    annotations: dict[str, str] | None = None
    media_type: str = ""


class _Kind(msgspec.Struct, rename="camel"):
    media_type: str


class _Kinds(msgspec.Struct, rename="camel"):
    """The media types in a manifest or an index."""

    media_type: str = ""
    config: _Kind | None = None
    layers: list[_Kind] | None = None
    manifests: list[_Kind] | None = None


class _Layout(msgspec.Struct, rename="camel"):
    image_layout_version: str


Shape = TypeVar("Shape")


def decode(data: bytes, shape: type[Shape], what: str) -> Shape:
    """Untrusted JSON as `shape`. Raises FormatError, naming the document and the field."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FormatError(f"{what} does not follow its format: {error}", "make or fetch the image again") from error


def parse_manifest(data: bytes, what: str) -> Manifest:
    raw = decode(data, _Manifest, what)
    _check_kind(raw.schema_version, raw.media_type, MANIFEST, what)
    return Manifest(
        config=_parsed(raw.config, what),
        layers=tuple(_parsed(layer, what) for layer in raw.layers),
        annotations=raw.annotations or EMPTY,
    )


def parse_index(data: bytes, what: str) -> Index:
    raw = decode(data, _Index, what)
    _check_kind(raw.schema_version, raw.media_type, INDEX, what)
    return Index(manifests=tuple(_parsed(entry, what) for entry in raw.manifests), annotations=raw.annotations or EMPTY)


def is_own_form(document: bytes) -> bool:
    """Whether a manifest or index that was parsed is in the specification's own types, and not in docker's."""
    raw = msgspec.json.decode(document, type=_Kinds)
    entries = [*([raw.config] if raw.config else []), *(raw.layers or []), *(raw.manifests or [])]
    return raw.media_type not in _DOCKER and not any(entry.media_type in _DOCKER for entry in entries)


def check_layout(data: bytes, what: str) -> None:
    """Raises FormatError unless `data` is an oci-layout file of version 1."""
    version = decode(data, _Layout, what).image_layout_version
    if not version.startswith("1."):
        raise FormatError(f"{what} is of the layout version {version}", "this program reads version 1")


def normal_platform(os: str, architecture: str, variant: str) -> Platform:
    """The platform with the variant that `Platform.parse` would give it."""
    default = {("arm", ""): "v7", ("arm64", "v8"): ""}
    return Platform(os, architecture, default.get((architecture, variant), variant))


def _parsed(raw: _Descriptor, what: str) -> Descriptor:
    if ":" not in raw.digest:
        raise FormatError(f"{what}: {raw.digest!r} is no digest", "make or fetch the image again")
    named = raw.platform
    platform = normal_platform(named.os, named.architecture, named.variant) if named is not None else None
    return Descriptor(
        media_type=media_type(raw.media_type),
        digest=Digest.parse(raw.digest),
        size=raw.size,
        annotations=raw.annotations or EMPTY,
        platform=platform,
    )


def _check_kind(version: int, found: str, wanted: str, what: str) -> None:
    if version != 2:
        raise FormatError(
            f"{what} has the schema version {version}", "only version 2 is read; save the image again with a newer tool"
        )
    # The field is optional, but where it stands it must agree: image-spec/manifest.md, "mediaType".
    if found and media_type(found) != wanted:
        raise FormatError(f"{what} says that it is {found!r} where {wanted} is expected", "make the image again")
