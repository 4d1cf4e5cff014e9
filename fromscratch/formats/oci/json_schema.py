"""The documents of the image specification in the types of their JSON."""

from typing import Annotated, TypeVar

import msgspec

from fromscratch.errors import FormatError
from fromscratch.formats.oci.keys import Keys, check_keys
from fromscratch.limits import check_json


class RawPlatform(msgspec.Struct):
    architecture: str = ""
    os: str = ""
    variant: str | None = None
    os_version: str | None = msgspec.field(name="os.version", default=None)
    os_features: list[str] | None = msgspec.field(name="os.features", default=None)
    features: list[str] | None = None


class RawDescriptor(msgspec.Struct, rename="camel"):
    media_type: str | None
    digest: str
    size: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    annotations: dict[str, str] | None = None
    platform: RawPlatform | None = None
    artifact_type: str | None = None


KNOWN = frozenset(RawDescriptor.__struct_encode_fields__)
"""The fields of a descriptor that `RawDescriptor` has; what else there is must be looked for in the document."""


class RawManifest(msgspec.Struct, rename="camel"):
    schema_version: int
    config: RawDescriptor
    layers: list[RawDescriptor] | None
    annotations: dict[str, str] | None = None
    media_type: str | None = None
    artifact_type: str | None = None
    subject: RawDescriptor | None = None


class RawIndex(msgspec.Struct, rename="camel"):
    schema_version: int
    manifests: list[RawDescriptor] | None
    annotations: dict[str, str] | None = None
    media_type: str | None = None
    artifact_type: str | None = None
    subject: RawDescriptor | None = None


class RawKind(msgspec.Struct, rename="camel"):
    media_type: str | None


class RawKinds(msgspec.Struct, rename="camel"):
    """The media types in a manifest or an index."""

    media_type: str | None = None
    config: RawKind | None = None
    layers: list[RawKind] | None = None
    manifests: list[RawKind] | None = None


class RawLayout(msgspec.Struct, rename="camel"):
    image_layout_version: str


Shape = TypeVar("Shape")


def decode(data: bytes, shape: type[Shape], what: str, *, keys: Keys | None = None) -> Shape:
    """Untrusted JSON as `shape`, its keys held to `keys`. Raises FormatError, naming the document and the field."""
    try:
        check_json(data)
        found = msgspec.json.decode(data, type=shape)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        if keys is not None and isinstance(error, msgspec.ValidationError):
            check_keys(data, keys, what)  # a field that is lacking may be there in another case
        raise FormatError(f"{what} does not follow its format: {error}", "make or fetch the image again") from error
    if keys is not None:
        check_keys(data, keys, what)
    return found
