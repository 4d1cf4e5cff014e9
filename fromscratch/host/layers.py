"""The layers of an image made plain: one tar, or the tree of the whole root.

What a layer takes away follows image-spec/layer.md, "Whiteouts".
"""

import io
import shutil
from collections.abc import Callable, Iterator
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
from fromscratch.paths import ROOT, TreePath

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


def plain_layer(layer: Layer, store: Store) -> Path:
    """The uncompressed tar of a layer, as a file of the store, where its diff_id is its digest.

    Raises IntegrityError when blob or tar are not what the image promises, FormatError for a damaged blob.
    """
    if store.has(layer.diff_id):
        return store.path(layer.diff_id)
    with store.temporary() as plain:
        with plain_stream(layer) as stream, open(plain, "wb") as out:
            shutil.copyfileobj(stream, out, CHUNK)
        store.adopt(plain, layer.diff_id)
    return store.path(layer.diff_id)


def root_tree(image: Image, store: Store) -> Rootfs:
    """The tree that a container of the image sees: its layers laid over each other.

    The contents are slices of files of the store. Errors as for `plain_layer`.
    """
    tree = Rootfs()
    for number, layer in enumerate(image.layers):
        told = layer.comment or layer.created_by
        origin = Origin("image", "found in", f"layer {number + 1}" + (f" ({told})" if told else ""))
        plain = plain_layer(layer, store)
        upper = tar.read_tree(plain, origin, title=f"the layer {layer.digest}", below=tree)
        tree = _laid(tree, upper, origin)
    return tree


@contextmanager
def root_tar(image: Image, store: Store) -> Iterator[BinaryIO]:
    """The uncompressed tar of the image's root, as a stream. A single layer passes through unchanged and verified."""
    if len(image.layers) == 1:
        with plain_stream(image.layers[0]) as stream:
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


def plain_stream(layer: Layer) -> BinaryIO:
    """The uncompressed tar of a layer, read once and verified on the way. Errors as for `plain_layer`."""
    return cast(BinaryIO, io.BufferedReader(_Plain(layer), CHUNK))


class _Plain(io.RawIOBase):
    """The tar of a layer while its blob is read. Its end is only reached if it has the right diff_id."""

    def __init__(self, layer: Layer) -> None:
        self._layer, self._hasher = layer, layer.diff_id.hasher()
        decompressed = _decompressor(layer)
        self._blob = verified(layer.open(), layer.digest, layer.size, f"the layer {layer.digest}")
        self._stream, self._failures = decompressed(self._blob)

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


_Decompressor = Callable[[BinaryIO], tuple[Any, tuple[type[Exception], ...]]]
"""Gives a stream of the plain bytes of a blob, and what that raises for damaged ones."""


def _decompressor(layer: Layer) -> _Decompressor:
    match layer.media_type:
        case oci.LAYER_TAR:
            return lambda blob: (blob, ())
        case oci.LAYER_GZIP:
            return _gunzipped
        case oci.LAYER_ZSTD:
            library = import_zstandard()
            unpack = library.ZstdDecompressor().stream_reader
            return lambda blob: (unpack(blob, read_across_frames=True), (library.ZstdError,))
    raise FormatError(
        f"the layer {layer.digest} is of the type {layer.media_type}, which we do not read",
        "make the image again with layers that are plain tars, or packed with gzip or zstd",
    )


def _gunzipped(blob: BinaryIO) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import zlib_ng.gzip_ng as library
        from zlib_ng.zlib_ng import error as failure
    except ImportError:  # a system that zlib-ng was not built for
        import gzip
        import zlib

        return gzip.GzipFile(fileobj=blob), (EOFError, OSError, zlib.error)
    return cast(Any, library).GzipNGFile(fileobj=blob), (EOFError, OSError, cast(type[Exception], failure))


def _laid(lower: Rootfs, layer: Rootfs, origin: Origin) -> Rootfs:
    """One layer over what lies below it. Deletions never touch what the layer itself brings, which has this origin."""
    marks = {path for path in layer if paths.name(path).startswith(_WHITEOUT)}
    places = _places(lower, layer)
    gone = {hidden for mark in marks for hidden in _deleted(lower, places[paths.parent(mark)], paths.name(mark))}
    upper = layer.without(marks | {path for path in gone & layer.keys() if _is_borrowed(layer[path], origin)})
    gone.update(places[path] for path, entry in upper.items() if _takes(places[path], entry, lower))
    return lower.without(gone).merged(upper, replace=True)


def _places(lower: Rootfs, upper: Rootfs) -> dict[TreePath, TreePath]:
    """Where each path of the layer lands. One that it only passes through may be a symlink to a directory below."""
    places: dict[TreePath, TreePath] = {ROOT: ROOT}
    for path, entry in upper.items():
        if path != ROOT:
            place = paths.join(places[paths.parent(path)], paths.name(path))
            passed = is_implied(entry) and isinstance(lower.find(place), Directory)
            places[path] = lower.resolve(place) if passed else place
    return places


def _is_borrowed(entry: Entry, origin: Origin) -> bool:
    """Whether it is only there because a hard link of the layer names a file of the lower ones."""
    return not isinstance(entry, Directory) and origin not in entry.origins


def _takes(place: TreePath, entry: Entry, lower: Rootfs) -> bool:
    """Whether what is at the place goes, with all below it, before the layer's entry comes there."""
    return not isinstance(entry, Directory) or not (is_implied(entry) or isinstance(lower.get(place), Directory))


def _deleted(lower: Rootfs, folder: TreePath, name: str) -> list[TreePath]:
    """What a whiteout in this folder takes away."""
    if name == _OPAQUE:
        return [paths.join(folder, child) for child in lower.children(folder)]
    hidden = name.removeprefix(_WHITEOUT)
    # Names that go on with the prefix are records of old storage drivers.
    return [] if not hidden or hidden.startswith(_WHITEOUT) else [paths.join(folder, hidden)]
