"""The layers of an image made plain: one tar, or the tree of the whole root.

A layer must be what its descriptor and the configuration say: the bytes by digest and size, the compression by
media type, the tar by diff_id. Engines guess the compression; who takes it by the media type, as umoci and the
specification do, would fail where they succeed, so a layer of another kind than it says is refused.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from fromscratch import digest as digests
from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import FormatError
from fromscratch.formats import oci, tar, tar_tree
from fromscratch.formats.compression import MAGIC, Compression, Unsound, kind_of, pieces
from fromscratch.formats.limits import Limits, Room
from fromscratch.formats.verified import verified
from fromscratch.host.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, Layer
from fromscratch.model.layers import LayerStack
from fromscratch.model.rootfs import Rootfs

_COMPRESSIONS: dict[str, Compression] = {
    oci.LAYER_TAR: "none",
    oci.LAYER_GZIP: "gzip",
    oci.LAYER_ZSTD: "zstd",
    # Layers that must not be pushed are layers like others where they are: image-spec/layer.md, "Non-Distributable".
    oci.FOREIGN_TAR: "none",
    oci.FOREIGN_GZIP: "gzip",
    oci.FOREIGN_ZSTD: "zstd",
}
_DEFAULT = Limits()


def plain_layer(layer: Layer, store: Store, used: int = 0) -> Path:
    """The uncompressed tar of a layer, as a file of the store, where its diff_id is its digest.

    `used` is what other layers have expanded to. Raises IntegrityError when blob or tar are not what the image
    promises, FormatError for a blob that is damaged or of another kind, TooLarge when it expands to more than the
    store allows.
    """
    if store.has(layer.diff_id):
        return store.path(layer.diff_id)
    with store.temporary() as plain:
        with open(plain, "wb") as out:
            out.writelines(_plain_pieces(layer, store.limits.room(layer.size, used)))
        store.adopt(plain, layer.diff_id)
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
    """The uncompressed tar of the image's root, as a stream. A single layer passes through unchanged and verified."""
    if len(image.layers) == 1:
        with plain_stream(image.layers[0], store.limits) as stream:
            yield stream
    else:
        with cast(BinaryIO, io.BufferedReader(Pieces(tar.blocks(root_tree(image, store))), CHUNK)) as stream:
            yield stream


class Pieces(io.RawIOBase):
    """A stream of pieces that come one after the other. An error of their making is the reader's."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def plain_stream(layer: Layer, limits: Limits = _DEFAULT) -> BinaryIO:
    """The uncompressed tar of a layer, read once and verified on the way. Errors as for `plain_layer`."""
    _compression(layer)
    return cast(BinaryIO, io.BufferedReader(Pieces(_plain_pieces(layer, limits.room(layer.size))), CHUNK))


def _plain_pieces(layer: Layer, room: Room) -> Iterator[bytes]:
    """The tar of a layer while its blob is read. Its end is only reached if it has the right diff_id."""
    what = f"the layer {layer.digest}"
    compression = _compression(layer)
    hasher = layer.diff_id.hasher()
    with cast(io.BufferedReader, verified(layer.open(), layer.digest, layer.size, what)) as blob:
        found = kind_of(blob.peek(MAGIC))
        if found != compression:
            _finish(cast(BinaryIO, blob))  # other bytes than promised are the greater lie
            raise FormatError(
                f"{what} is of the type {layer.media_type}, but its bytes are {_named(found)}",
                "make or fetch the image again with a tool that tells its layers rightly",
            )
        try:
            for piece in room.bounded(pieces(cast(BinaryIO, blob), compression), what):
                hasher.update(piece)
                yield piece
                del piece
        except Unsound as error:
            _finish(cast(BinaryIO, blob))
            raise FormatError(f"{what} is damaged: {error}", "build or fetch the image again") from error
        _finish(cast(BinaryIO, blob))
    digests.check(Digest(layer.diff_id.algorithm, hasher.hexdigest()), layer.diff_id, f"the uncompressed {what[4:]}")


def _finish(blob: BinaryIO) -> None:
    """Read what is left: the check of a blob is at its end."""
    while blob.read(CHUNK):
        pass


def _named(compression: Compression) -> str:
    return "no compressed ones" if compression == "none" else f"those of {compression}"


def _compression(layer: Layer) -> Compression:
    try:
        return _COMPRESSIONS[layer.media_type]
    except KeyError:
        raise FormatError(
            f"the layer {layer.digest} is of the type {layer.media_type}, which we do not read",
            "make the image again with layers that are plain tars, or packed with gzip or zstd",
        ) from None
