"""The layers of an image, uncompressed: as one tar, or as the tree of the whole root.

Digest, size and diff_id of a layer are verified whenever it is read (`formats.packing.layer_blob`). The store has its
tar under the diff_id, and a record of every blob that is a compressed form of that tar. With both, the blob is not
unpacked again, but only its digest verified. So the store changes the time that it takes, and never the answer.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from msgspec.structs import replace

from fromscratch.digest import CHUNK
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.verified import read_out, verified
from fromscratch.formats.packing.layer_blob import Pieces, compression_of, plain_pieces, plain_stream
from fromscratch.formats.tar import tree as tar_tree
from fromscratch.formats.tar import writer as tar_writer
from fromscratch.host.storage import disk
from fromscratch.host.storage.blob_file import Located
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, Layer
from fromscratch.model.layers import LayerStack
from fromscratch.model.rootfs import Rootfs

_VERIFIED, _PACKED_HERE = "sound-layer", "own-layer"


def plain_layer(layer: Layer, store: Store, used: int = 0, limits: Limits = DEFAULT_LIMITS) -> Path:
    """The uncompressed tar of a layer, as a file of the store, where its diff_id is its digest.

    `used` is what other layers have expanded to. Raises IntegrityError when blob or tar are not what the image
    promises, FormatError for a blob that is damaged or of another kind, TooLarge when it expands to more than
    `limits` allow.
    """
    compression_of(layer)
    if is_verified(layer, store) and store.has(layer.diff_id):
        _verify_blob(layer, store)
        return store.path(layer.diff_id)
    with store.temporary() as plain:
        with open(plain, "wb") as out:
            out.writelines(plain_pieces(layer, limits.for_blob(layer.size, used)))
        store.adopt(plain, layer.diff_id)
    note_verified(layer, store)
    return store.path(layer.diff_id)


def without_zstd(image: Image, store: Store, limits: Limits = DEFAULT_LIMITS) -> Image:
    """The image with the plain tar of each layer that is packed with zstd, which `docker load` does not read.

    Its ID stays. Errors as for `plain_layer`.
    """
    layers = []
    for layer in image.layers:
        if layer.media_type.endswith("zstd"):
            path = plain_layer(layer, store, limits=limits)
            opened: partial[BinaryIO] = partial(open, path, "rb")
            layer = replace(
                layer, digest=layer.diff_id, size=path.stat().st_size, media_type=oci.LAYER_TAR, open=opened
            )
        layers.append(layer)
    return replace(image, layers=tuple(layers))


def root_tree(image: Image, store: Store, limits: Limits = DEFAULT_LIMITS, source: str = "image") -> Rootfs:
    """The tree that a container of the image sees: its layers laid over each other. Reasons name it as `source`.

    The contents are slices of files of the store. Errors as for `plain_layer`.
    """
    stack = LayerStack()
    used = 0
    for number, layer in enumerate(image.layers):
        comment = layer.comment or layer.created_by
        origin = Origin(source, "found in", f"layer {number + 1}" + (f" ({comment})" if comment else ""))
        plain = plain_layer(layer, store, used, limits)
        used += plain.stat().st_size
        title = f"the layer {layer.digest}"
        used += tar_tree.lay(stack, plain, origin, title=title, limits=limits, used=used)
    return stack.build()


@contextmanager
def root_tar(image: Image, store: Store, limits: Limits = DEFAULT_LIMITS) -> Iterator[BinaryIO]:
    """The uncompressed tar of the image's root, as a stream.

    A single layer that was packed here passes through unchanged and verified. Any other comes from elsewhere, and
    engines might unpack it in different ways: it is read, and its tree written as a new tar.
    """
    if passes_unread(image, store):
        with plain_stream(image.layers[0], limits) as stream:
            yield stream
    else:
        with cast(
            BinaryIO, io.BufferedReader(Pieces(tar_writer.blocks(root_tree(image, store, limits))), CHUNK)
        ) as stream:
            yield stream


def passes_unread(image: Image, store: Store) -> bool:
    """Whether the image has one layer only, which was packed here: such a tar can be used as it is."""
    return len(image.layers) == 1 and store.record(_PACKED_HERE, str(image.layers[0].diff_id)) is not None


def note_own(layer: Layer, store: Store) -> None:
    """Record that the layer was packed here. Raises ImageError."""
    if store.record(_PACKED_HERE, str(layer.diff_id)) is None:
        store.write_record(_PACKED_HERE, str(layer.diff_id), b"packed", durable=False)
    note_verified(layer, store)


def note_verified(layer: Layer, store: Store) -> None:
    """Record that a blob of this digest and size, by its media type, is the tar of this diff_id."""
    if not is_verified(layer, store):
        store.write_record(_VERIFIED, _description(layer), b"sound", durable=False)


def is_verified(layer: Layer, store: Store) -> bool:
    """Whether that has been recorded; it never changes, since a digest identifies the bytes."""
    return store.record(_VERIFIED, _description(layer)) is not None


def with_verified_layers(images: Sequence[Image], store: Store) -> list[Image]:
    """The images, with layers marked as verified that the store has recorded so: they need not be unpacked again."""
    return [
        replace(image, layers=tuple(replace(layer, verified=is_verified(layer, store)) for layer in image.layers))
        for image in images
    ]


def _description(layer: Layer) -> str:
    return f"{layer.digest} {layer.size} {layer.media_type} {layer.diff_id}"


def _verify_blob(layer: Layer, store: Store) -> None:
    """Verify digest and size of the blob, unless that was done since its last change."""
    if isinstance(layer.open, Located):
        path = layer.open.path
        with disk.readable(path):
            if path.stat().st_size == layer.size and store.matches(path, layer.digest):
                return
    # If that failed, this raises the error that says what is wrong.
    with verified(layer.open(), layer.digest, layer.size, f"the layer {layer.digest}") as blob:
        read_out(blob)
