"""The blobs of images, as a layout, an archive and a registry store them.

A descriptor leads to documents, and they to layers (image-spec/descriptor.md). Documents that images
were read from are among the blobs byte for byte, as long as nobody has changed the images.
"""

import io
from collections.abc import Iterable, Sequence
from functools import partial
from typing import BinaryIO

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, ImageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import Documents, image_documents
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Blob, Image, Layer, OriginalIndex


class Graph(Struct, frozen=True):
    """`top` is the descriptor of a manifest or an image index, without annotations.

    `blobs` are all that it leads to and its own document, each once: what a document names stands before it.
    """

    top: oci.Descriptor
    blobs: tuple[Blob, ...]


def graph(images: Sequence[Image], limits: Limits = DEFAULT_LIMITS) -> Graph:
    """One image is its manifest; several, one for each platform, are under an image index.

    Reading a layer to its end verifies it completely; `limits` are what it may expand to meanwhile.
    Raises ImageError for no image, UsageError for a value that no document can hold, FormatError for two layers that
    say different things of one blob.
    """
    if not images:
        raise ImageError("an image index of no images says nothing", "build at least one platform")
    everything = [image_documents(image) for image in images]
    _check_agreed([layer for image in images for layer in image.layers])
    blobs = [
        blob
        for image, documents in zip(images, everything, strict=True)
        for blob in (*_layers(image, limits), document(documents.config, oci.CONFIG), _manifest(documents))
    ]
    original = _original_index(images, everything)
    if original is not None:
        top = oci.describe(original.data, oci.INDEX)
        blobs = [*blobs, *original.others, document(original.data, oci.INDEX)]
    elif len(everything) == 1:
        top = everything[0].descriptor
    else:
        entries = tuple(documents.descriptor for documents in everything)
        index = oci.index_bytes(oci.Index(manifests=entries, annotations=_common(images)))
        top = oci.describe(index, oci.INDEX)
        blobs.append(document(index, oci.INDEX))
    return Graph(top, tuple(_once(blobs)))


def _common(images: Sequence[Image]) -> dict[str, str]:
    """The annotations that all of them have: those of the index, which registries show of an image for several."""
    first, *rest = (image.annotations for image in images)
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in rest)}


def document(data: bytes, media_type: str) -> Blob:
    """A document as a blob."""
    return Blob(media_type, Digest.of(data), len(data), partial(io.BytesIO, data))


def is_manifest(media_type: str) -> bool:
    """Whether it is a document that leads to others: what a registry keeps under `manifests`."""
    return media_type in (oci.MANIFEST, oci.INDEX)


def _layers(image: Image, limits: Limits) -> Iterable[Blob]:
    for layer in image.layers:
        yield Blob(layer.media_type, layer.digest, layer.size, partial(_open_layer, layer, limits), not layer.verified)


def _open_layer(layer: Layer, limits: Limits) -> BinaryIO:
    from fromscratch.formats.packing.layer_blob import checked_stream  # most graphs are made for their digests only

    return checked_stream(layer, limits)


def _check_agreed(layers: Sequence[Layer]) -> None:
    """A blob is kept once, and only what is said of it first would be verified."""
    said: dict[Digest, tuple[Digest, int, str]] = {}
    for layer in layers:
        facts = (layer.diff_id, layer.size, layer.media_type)
        if said.setdefault(layer.digest, facts) != facts:
            raise FormatError(
                f"the layer {layer.digest} is there twice, with another size, media type or diff_id",
                "make or fetch the image again",
            )


def _manifest(documents: Documents) -> Blob:
    return document(documents.manifest, oci.MANIFEST)


def _original_index(images: Sequence[Image], everything: Sequence[Documents]) -> OriginalIndex | None:
    """The index that these images were read from, if they are all that it had, and as they were."""
    found = images[0].original.index if images[0].original else None
    same = found and found.manifests == tuple(documents.descriptor.digest for documents in everything)
    return found if same else None


def _once(blobs: Iterable[Blob]) -> Iterable[Blob]:
    first: dict[Digest, Blob] = {}
    for blob in blobs:
        first.setdefault(blob.digest, blob)
    return first.values()
