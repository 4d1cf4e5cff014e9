"""The layers of an image made plain: one tar, or the tree of the whole root.

What a layer takes away follows image-spec/layer.md, "Whiteouts".
"""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from fromscratch import digest as digests
from fromscratch import paths
from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import FormatError
from fromscratch.formats import oci, tar
from fromscratch.formats.codec import import_zstandard
from fromscratch.formats.verified import verified
from fromscratch.host.store import Store
from fromscratch.model.entry import Directory, Entry, Origin, is_implied
from fromscratch.model.image import Image, Layer
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


def plain_layer(layer: Layer, store: Store) -> Path:
    """The uncompressed tar of a layer, as a file of the store, where its diff_id is its digest.

    Raises IntegrityError when blob or tar are not what the image promises, FormatError for a damaged blob.
    """
    if store.has(layer.diff_id):
        return store.path(layer.diff_id)
    with store.temporary() as plain:
        with _plain_stream(layer) as stream, open(plain, "wb") as out:
            shutil.copyfileobj(stream, out, CHUNK)
        store.adopt(plain, layer.diff_id)
    return store.path(layer.diff_id)


def root_tree(image: Image, store: Store) -> Rootfs:
    """The tree that a container of the image sees: its layers laid over each other.

    The contents are slices of files of the store. Errors as for `plain_layer`.
    """
    tree = Rootfs()
    for number, layer in enumerate(image.layers):
        origin = Origin("image", "found in", f"layer {number + 1}" + (f" ({layer.comment})" if layer.comment else ""))
        tree = _laid(tree, tar.read_tree(plain_layer(layer, store), origin, title=f"the layer {layer.digest}"))
    return tree


@contextmanager
def root_tar(image: Image, store: Store) -> Iterator[BinaryIO]:
    """The uncompressed tar of the image's root, as a stream. A single layer passes through unchanged and verified."""
    if len(image.layers) == 1:
        with _plain_stream(image.layers[0]) as stream:
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


def _plain_stream(layer: Layer) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Plain(layer), CHUNK))


class _Plain(io.RawIOBase):
    """The tar of a layer while its blob is read. Its end is only reached if it has the right diff_id."""

    def __init__(self, layer: Layer) -> None:
        self._layer, self._hasher = layer, layer.diff_id.hasher()
        self._blob = verified(layer.open(), layer.digest, layer.size, f"the layer {layer.digest}")
        self._stream, self._failures = _decompressed(self._blob, layer.media_type)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count: int = self._stream.readinto(buffer)
        except self._failures as error:
            raise FormatError(
                f"the layer {self._layer.digest} is damaged: {error}", "build or fetch the image again"
            ) from error
        self._hasher.update(memoryview(buffer)[:count])
        if not count:
            while self._blob.read(CHUNK):
                pass  # the blob's own check comes at its end
            found = Digest(self._layer.diff_id.algorithm, self._hasher.hexdigest())
            digests.check(found, self._layer.diff_id, f"the uncompressed layer {self._layer.digest}")
        return count

    def close(self) -> None:
        self._blob.close()
        super().close()


def _decompressed(blob: BinaryIO, media_type: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """A stream of the plain bytes, and what it raises for damaged ones."""
    if media_type == oci.LAYER_GZIP:
        return _gunzipped(blob)
    if media_type == oci.LAYER_ZSTD:
        zstandard = import_zstandard()
        return zstandard.ZstdDecompressor().stream_reader(blob, read_across_frames=True), (zstandard.ZstdError,)
    return blob, ()


def _gunzipped(blob: BinaryIO) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import zlib_ng.gzip_ng as library
        from zlib_ng.zlib_ng import error as failure
    except ImportError:  # a system that zlib-ng was not built for
        import gzip
        import zlib

        return gzip.GzipFile(fileobj=blob), (EOFError, OSError, zlib.error)
    return cast(Any, library).GzipNGFile(fileobj=blob), (EOFError, OSError, cast(type[Exception], failure))


def _laid(lower: Rootfs, layer: Rootfs) -> Rootfs:
    """One layer over what lies below it. Deletions never touch what the layer itself brings."""
    marks = {path for path in layer if paths.name(path).startswith(_WHITEOUT)}
    upper = layer.without(marks)
    replaced = (path for path, entry in upper.items() if not isinstance(lower.get(path, entry), Directory))
    below = lower.without([path for path in replaced if _is_asked_for(upper[path])])
    gone = {place for mark in marks for place in _deleted(below, mark)}
    gone.update(below.locate(path) for path, entry in upper.items() if not isinstance(entry, Directory))
    return below.without(gone).merged(upper, replace=True)


def _is_asked_for(entry: Entry) -> bool:
    """Whether it is a directory that the layer lists, not one that it only passes through."""
    return isinstance(entry, Directory) and not is_implied(entry)


def _deleted(below: Rootfs, mark: TreePath) -> list[TreePath]:
    """What a whiteout takes away."""
    folder, name = paths.parent(below.locate(mark)), paths.name(mark)
    if name == _OPAQUE:
        return [paths.join(folder, child) for child in below.children(folder)]
    hidden = name.removeprefix(_WHITEOUT)
    # Names that go on with the prefix are records of old storage drivers.
    return [] if not hidden or hidden.startswith(_WHITEOUT) else [paths.join(folder, hidden)]
