"""Where two images first differ: in their documents, in their layers entry by entry, in how those are compressed."""

import json
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from fromscratch.formats.oci.config import Documents, image_documents
from fromscratch.formats.packing.layer_blob import plain_stream
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Layer
from fromscratch.model.listing import quoted
from fromscratch.proof import entries
from fromscratch.proof.difference import Difference, Field, Kind, bytes_field, common
from fromscratch.proof.documents import first_field


def first_difference_of_all(
    left: Sequence[Image], right: Sequence[Image], limits: Limits = DEFAULT_LIMITS
) -> Difference | None:
    """The same as `first_difference`, of what was built for several platforms."""
    names = [", ".join(str(image.platform) for image in images) for images in (left, right)]
    if names[0] != names[1]:
        return Difference(kind="platforms", fields=(Field("the list of platforms", *names),))
    found = (first_difference(one, other, limits) for one, other in zip(left, right, strict=True))
    return next((difference for difference in found if difference is not None), None)


def first_difference(left: Image, right: Image, limits: Limits = DEFAULT_LIMITS) -> Difference | None:
    """The first place where two images differ; None if all their documents and blobs have the same bytes.

    What follows from something else is not named: a digest in the manifest follows from what it is the digest of.
    Layers are read, as streams, only where their diff_ids differ. Raises FormatError and IntegrityError for a layer
    that is damaged, TooLarge for one that expands to more than the limits allow.
    """
    documents = image_documents(left), image_documents(right)
    found = (
        _number_of_layers(left, right)
        or _first_field(*documents)
        or _first_layer(left.layers, right.layers, limits)
        or _first_compression(left.layers, right.layers)
        or _first_byte(*documents)
    )
    return replace(found, platform=str(left.platform)) if found else None


def _number_of_layers(left: Image, right: Image) -> Difference | None:
    counts = [str(len(image.layers)) for image in (left, right)]
    if counts[0] == counts[1]:
        return None
    return Difference(kind="layers", fields=(Field("the number of layers", *counts),))


def _first_field(left: Documents, right: Documents) -> Difference | None:
    for kind, one, other in _both(left, right):
        field = first_field(_independent(json.loads(one)), _independent(json.loads(other)))
        if field is not None:
            return Difference(kind=kind, fields=(field,))
    return None


def _independent(document: Any) -> Any:
    """A configuration or manifest without the digests and sizes of other parts of the image."""
    rest = {key: value for key, value in document.items() if key not in ("config", "layers", "rootfs")}
    if "layers" not in document and "config" in document:
        rest["config"] = document["config"]  # of a configuration; a manifest's is the descriptor of that
    return rest


def _first_layer(left: Sequence[Layer], right: Sequence[Layer], limits: Limits) -> Difference | None:
    for number, (one, other) in enumerate(zip(left, right, strict=True), 1):
        if one.diff_id != other.diff_id:
            return replace(_in_tars(one, other, limits), layer=number)
    return None


def _in_tars(left: Layer, right: Layer, limits: Limits) -> Difference:
    with plain_stream(left, limits) as one, plain_stream(right, limits) as other:
        found = entries.first_difference(one, other)
    return found or _in_form(left, right, limits)


def _in_form(left: Layer, right: Layer, limits: Limits) -> Difference:
    """Of two tars whose entries say the same: names of owners, padding, the dialect."""
    with plain_stream(left, limits) as one, plain_stream(right, limits) as other:
        found = entries.first_byte(one, other)
    if found is None:  # diff_ids of different algorithms
        fields = (Field("diff_id", str(left.diff_id), str(right.diff_id)),)
        return Difference(kind="form", fields=fields)
    offset, here, there = found
    with plain_stream(left, limits) as one:
        path = entries.entry_at(one, offset)
    where = f"the header of {quoted(path)}" if path else "what follows the last entry"
    return Difference(
        kind="form", path=path, fields=(bytes_field(f"{where}, from offset {offset} of the tar on,", here, there),)
    )


def _first_compression(left: Sequence[Layer], right: Sequence[Layer]) -> Difference | None:
    for number, (one, other) in enumerate(zip(left, right, strict=True), 1):
        values = (
            ("media type", one.media_type, other.media_type),
            ("size", str(one.size), str(other.size)),
            ("digest", str(one.digest), str(other.digest)),
        )
        fields = tuple(Field(name, here, there) for name, here, there in values if here != there)
        if fields:
            return Difference(kind="compression", layer=number, fields=fields)
    return None


def _first_byte(left: Documents, right: Documents) -> Difference | None:
    """Of documents that say the same: the order of keys, blanks."""
    for kind, one, other in _both(left, right):
        if one != other:
            offset = common(one, other)
            fields = (bytes_field(f"the text, from offset {offset} on,", one[offset:], other[offset:]),)
            return Difference(kind=kind, fields=fields)
    return None


def _both(left: Documents, right: Documents) -> tuple[tuple[Kind, bytes, bytes], ...]:
    return ("configuration", left.config, right.config), ("manifest", left.manifest, right.manifest)
