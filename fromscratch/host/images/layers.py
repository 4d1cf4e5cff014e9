"""The layers of an image made plain: one tar, or the tree of the whole root.

What is said of a layer is verified whenever it is read (`formats.packing.layer_blob`). The store keeps its tar under
the diff_id, and a note of every blob that turned out to be that tar: who finds both need not unpack it again, but only
see that the blob is still those bytes. So what the store has seen changes how long it takes, and never the answer.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from msgspec.structs import replace

from fromscratch.digest import CHUNK
from fromscratch.formats.oci.verified import read_out, verified
from fromscratch.formats.packing.layer_blob import Pieces, compression_of, plain_pieces, plain_stream
from fromscratch.formats.tar import tree as tar_tree
from fromscratch.formats.tar import writer as tar_writer
from fromscratch.host.storage import disk
from fromscratch.host.storage.blob_file import Located
from fromscratch.host.storage.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, Layer
from fromscratch.model.layers import LayerStack
from fromscratch.model.rootfs import Rootfs

_SOUND, _OURS = "sound-layer", "own-layer"


def plain_layer(layer: Layer, store: Store, used: int = 0) -> Path:
    """The uncompressed tar of a layer, as a file of the store, where its diff_id is its digest.

    `used` is what other layers have expanded to. Raises IntegrityError when blob or tar are not what the image
    promises, FormatError for a blob that is damaged or of another kind, TooLarge when it expands to more than the
    store allows.
    """
    compression_of(layer)
    if is_sound(layer, store) and store.has(layer.diff_id):
        _see_through(layer, store)
        return store.path(layer.diff_id)
    with store.temporary() as plain:
        with open(plain, "wb") as out:
            out.writelines(plain_pieces(layer, store.limits.room(layer.size, used)))
        store.adopt(plain, layer.diff_id)
    note_sound(layer, store)
    return store.path(layer.diff_id)


def root_tree(image: Image, store: Store) -> Rootfs:
    """The tree that a container of the image sees: its layers laid over each other.

    The contents are slices of files of the store. Errors as for `plain_layer`.
    """
    stack = LayerStack()
    used = 0
    for number, layer in enumerate(image.layers):
        told = layer.comment or layer.created_by
        origin = Origin("image", "found in", f"layer {number + 1}" + (f" ({told})" if told else ""))
        plain = plain_layer(layer, store, used)
        used += plain.stat().st_size
        title = f"the layer {layer.digest}"
        used += tar_tree.lay(stack, plain, origin, title=title, limits=store.limits, used=used)
    return stack.build()


@contextmanager
def root_tar(image: Image, store: Store) -> Iterator[BinaryIO]:
    """The uncompressed tar of the image's root, as a stream.

    A single layer that was packed here passes through unchanged and verified. Any other is a tar of strangers, which
    engines would unpack in their own way: it is read, and its tree written anew.
    """
    if passes_unread(image, store):
        with plain_stream(image.layers[0], store.limits) as stream:
            yield stream
    else:
        with cast(BinaryIO, io.BufferedReader(Pieces(tar_writer.blocks(root_tree(image, store))), CHUNK)) as stream:
            yield stream


def passes_unread(image: Image, store: Store) -> bool:
    """Whether all that the image's root is, is one tar that was packed here: such a tar has no whiteouts, say."""
    return len(image.layers) == 1 and store.record(_OURS, str(image.layers[0].diff_id)) is not None


def note_own(layer: Layer, store: Store) -> None:
    """Note that we packed it ourselves. Raises ImageError."""
    if store.record(_OURS, str(layer.diff_id)) is None:
        store.write_record(_OURS, str(layer.diff_id), b"packed", durable=False)
    note_sound(layer, store)


def note_sound(layer: Layer, store: Store) -> None:
    """Note that a blob of this digest and size, read as its media type says, is the tar of this diff_id."""
    if not is_sound(layer, store):
        store.write_record(_SOUND, _said(layer), b"sound", durable=False)


def is_sound(layer: Layer, store: Store) -> bool:
    """Whether that has been noted: it is so for ever, for a digest stands for its bytes."""
    return store.record(_SOUND, _said(layer)) is not None


def with_what_is_known(images: Sequence[Image], store: Store) -> list[Image]:
    """The images, with the layers marked as sound of which the store knows it: nobody need look into them again."""
    return [
        replace(image, layers=tuple(replace(layer, sound=is_sound(layer, store)) for layer in image.layers))
        for image in images
    ]


def _said(layer: Layer) -> str:
    return f"{layer.digest} {layer.size} {layer.media_type} {layer.diff_id}"


def _see_through(layer: Layer, store: Store) -> None:
    """Verify that the blob has the digest and size that are said of it, unless that was seen since its last change."""
    if isinstance(layer.open, Located):
        path = layer.open.path
        with disk.readable(path):
            if path.stat().st_size == layer.size and store.vouches(path, layer.digest):
                return
    # Where that did not do, this says what is wrong.
    with verified(layer.open(), layer.digest, layer.size, f"the layer {layer.digest}") as blob:
        read_out(blob)
