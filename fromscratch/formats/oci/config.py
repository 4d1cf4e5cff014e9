"""The configuration of an image: image-spec/config.md v1.1. Its `config` object is in `oci.run_config`.

`image_documents` makes of an `Image` all that its descriptor leads to, layers aside.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci import keys as oci_keys
from fromscratch.formats.oci.history import LayerNote, Step, history, note_of, notes_of
from fromscratch.formats.oci.json_schema import decode
from fromscratch.formats.oci.run_config import RawRun, run_config, run_fields, unknown_fields
from fromscratch.lazy_regex import lazy_regex
from fromscratch.model.image import Image, Original, Platform, RunConfig

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = lazy_regex(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Documents(Struct, frozen=True):
    """The configuration and manifest of an image, with their descriptors. The digest of `config` is the image ID."""

    config: bytes
    manifest: bytes
    config_descriptor: oci.Descriptor
    descriptor: oci.Descriptor


class Config(Struct, frozen=True, kw_only=True):
    """A configuration that was read. `notes` are what its history says of each layer."""

    run: RunConfig
    platform: Platform
    diff_ids: tuple[Digest, ...]
    created: int
    author: str
    notes: tuple[LayerNote, ...]


def image_documents(image: Image) -> Documents:
    """Configuration and manifest; those that the image was read from, if they still say the same.

    Raises UsageError for a value that the format cannot hold.
    """
    original = image.original or Original(b"")
    config = _unchanged_config(image, original.config) or config_bytes(image)
    manifest = _manifest(image, original.manifest, oci.describe(config, oci.CONFIG))
    return Documents(
        config,
        manifest,
        oci.describe(config, oci.CONFIG),
        oci.describe(manifest, oci.MANIFEST, platform=image.platform),
    )


def _unchanged_config(image: Image, original: bytes) -> bytes | None:
    if not original:
        return None
    read = parse_config(original, "the configuration")
    layers = [(layer.diff_id, note_of(layer)) for layer in image.layers]
    ours = (image.config, os_fields(image.platform), image.created, image.author, *layers)
    known = zip(read.diff_ids, read.notes, strict=True)
    theirs = (read.run, os_fields(read.platform), read.created, read.author, *known)
    return original if ours == theirs else None


def _manifest(image: Image, original: bytes, config: oci.Descriptor) -> bytes:
    layers = tuple(oci.layer_descriptor(layer) for layer in image.layers)
    if not original:
        return oci.manifest_bytes(oci.Manifest(config=config, layers=layers, annotations=image.annotations))
    read = oci.parse_manifest(original, "the manifest")
    known = {_blob(entry): entry for entry in read.layers}
    ours = (config.digest, image.annotations, [_blob(entry) for entry in layers])
    if ours == (read.config.digest, read.annotations, list(map(_blob, read.layers))):
        return original
    # Other annotations of a layer still apply, such as the place of its table of contents.
    layers = tuple(known.get(_blob(entry), entry) for entry in layers)
    return oci.manifest_bytes(oci.Manifest(config=config, layers=layers, annotations=image.annotations))


def _blob(entry: oci.Descriptor) -> tuple[str, Digest, int]:
    """What two descriptors of the same blob have in common."""
    return entry.media_type, entry.digest, entry.size


def config_bytes(image: Image) -> bytes:
    created = timestamp(image.created)
    document = {
        "created": created,
        **({"author": image.author} if image.author else {}),
        **os_fields(image.platform),
        "config": run_fields(image.config),
        "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id) for layer in image.layers]},
        "history": history(image, created),
    }
    return oci.canonical(document, "the image configuration")


def left_out(image: Image) -> list[str]:
    """The fields of an image's original `config` object that one written by us would not have."""
    if image.original is None or not image.original.config:
        return []
    document = decode(image.original.config, dict[str, Any], "the configuration")
    return unknown_fields(document.get("config") or {})


def os_fields(platform: Platform) -> dict[str, Any]:
    """What a configuration says of the platform: all but the features that an index may ask for."""
    return oci.platform_fields(replace(platform, features=()))


def timestamp(seconds: int) -> str:
    """Seconds since 1970 in the form of RFC 3339, UTC."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError as error:
        raise UsageError(
            f"{seconds} seconds since 1970 is not a date that a configuration can hold", "fix the epoch"
        ) from error


def seconds(text: str, what: str) -> int:
    """Whole seconds since 1970 of an RFC 3339 time. Raises FormatError."""
    found = _RFC3339.fullmatch(text)
    try:
        if found is None:
            raise ValueError("not of the form of RFC 3339")
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3].upper()}")
        return (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{what}: {text!r} is not a time: {error}", "make the image again") from error


class _Layers(msgspec.Struct):
    diff_ids: list[str] | None
    type: str = "layers"


class _Config(msgspec.Struct):
    architecture: str
    os: str
    rootfs: _Layers
    variant: str | None = None
    os_version: str | None = msgspec.field(name="os.version", default=None)
    os_features: list[str] | None = msgspec.field(name="os.features", default=None)
    config: RawRun | None = None
    history: list[Step] | None = None
    created: str | None = None
    author: str | None = None


def parse_config(data: bytes, what: str) -> Config:
    """Untrusted JSON. Fields that are not in `RunConfig` are ignored. Raises FormatError."""
    raw = decode(data, _Config, what, keys=oci_keys.CONFIG)
    if raw.rootfs.type != "layers":
        raise FormatError(f"{what} has a rootfs of the type {raw.rootfs.type!r}", "only layers are read")
    for step in raw.history or ():
        if step.created is not None:
            seconds(step.created, what)
    diff_ids = raw.rootfs.diff_ids or []
    platform = oci.normal_platform(raw.os, raw.architecture, raw.variant or "")
    return Config(
        run=run_config(raw.config or RawRun(), what),
        platform=replace(platform, os_version=raw.os_version or "", os_features=tuple(raw.os_features or ())),
        diff_ids=tuple(oci.exact_digest(text, what) for text in diff_ids),
        created=0 if raw.created is None else seconds(raw.created, what),
        author=raw.author or "",
        notes=notes_of(raw.history or [], len(diff_ids)),
    )
