"""Verified reading of a layer blob: its tar, or its own bytes.

A layer must be what its descriptor and the configuration say: the bytes by digest and size, the compression by
media type, the tar by diff_id. Engines guess the compression, while umoci and the
specification go by the media type and would fail, so a layer of another kind than its media type says is refused.
"""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO, cast

from msgspec.structs import replace

from fromscratch import digest as digests
from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import FormatError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.verified import Promised, read_out, verified
from fromscratch.formats.packing.decompress import MAGIC, Compression, DamagedData, kind_of, pieces
from fromscratch.limits import DEFAULT_LIMITS, Limits, SizeLimit
from fromscratch.model.image import Layer

_COMPRESSIONS: dict[str, Compression] = {
    oci.LAYER_TAR: "none",
    oci.LAYER_GZIP: "gzip",
    oci.LAYER_ZSTD: "zstd",
    # Layers that must not be pushed are layers like others where they are: image-spec/layer.md, "Non-Distributable".
    oci.FOREIGN_TAR: "none",
    oci.FOREIGN_GZIP: "gzip",
    oci.FOREIGN_ZSTD: "zstd",
}


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


def plain_stream(layer: Layer, limits: Limits = DEFAULT_LIMITS) -> BinaryIO:
    """The uncompressed tar of a layer, read once and verified on the way; errors as for `plain_pieces`."""
    compression_of(layer)
    return cast(BinaryIO, io.BufferedReader(Pieces(plain_pieces(layer, limits.for_blob(layer.size))), CHUNK))


def plain_pieces(layer: Layer, limit: SizeLimit) -> Iterator[bytes]:
    """The tar of a layer while its blob is read. Its end is only reached if it has the right diff_id.

    Raises IntegrityError when blob or tar are not what the image promises, FormatError for a blob that is damaged or
    of another kind, TooLarge when it expands to more than `limit`.
    """
    what = f"the layer {layer.digest}"
    compression = compression_of(layer)
    hasher = layer.diff_id.hasher()
    with cast(io.BufferedReader, verified(layer.open(), layer.digest, layer.size, what)) as blob:
        found = kind_of(blob.peek(MAGIC))
        if found != compression:
            read_out(cast(BinaryIO, blob))  # raises IntegrityError first, if the bytes are not the promised ones
            raise FormatError(
                f"{what} is of the type {layer.media_type}, but its bytes are {_title(found)}",
                "make or fetch the image again with a tool that gives layers the right media type",
            )
        try:
            # The programs of engines take zeros behind the last stream for damage.
            for piece in limit.bounded(pieces(cast(BinaryIO, blob), compression, padded=False), what):
                hasher.update(piece)
                yield piece
                del piece
        except DamagedData as error:
            read_out(cast(BinaryIO, blob))
            raise FormatError(f"{what} is damaged: {error}", "build or fetch the image again") from error
        read_out(cast(BinaryIO, blob))
    digests.check(Digest(layer.diff_id.algorithm, hasher.hexdigest()), layer.diff_id, f"the uncompressed {what[4:]}")


def checked_stream(layer: Layer, limits: Limits = DEFAULT_LIMITS) -> BinaryIO:
    """The bytes of a layer's blob, to be copied; their end is only reached if digest, size and diff_id are right.

    The tar is unpacked beside, and not kept. Errors as for `plain_pieces`. A layer of a type that we cannot read, or
    that is known to be verified, is only checked against its digest and size.
    """
    if layer.media_type not in _COMPRESSIONS or layer.verified:
        return verified(layer.open(), layer.digest, layer.size, f"the layer {layer.digest}")
    stream = layer.open()
    seen: list[bytes] = []
    beside = replace(layer, open=partial(_noted, stream, seen))
    checked = Pieces(_passed(plain_pieces(beside, limits.for_blob(layer.size)), seen))
    return cast(BinaryIO, _Closing(checked, (layer.digest, layer.size), stream))


def compression_of(layer: Layer) -> Compression:
    """How its media type says that it is compressed. Raises FormatError for a type that we do not read."""
    try:
        return _COMPRESSIONS[layer.media_type]
    except KeyError:
        raise FormatError(
            f"the layer {layer.digest} is of the type {layer.media_type}, which we do not read",
            "make the image again with layers that are plain tars, or packed with gzip or zstd",
        ) from None


class _Closing(Promised):
    """A stream that closes the one that it comes from, however far that was read."""

    def __init__(self, raw: io.RawIOBase, promise: tuple[Digest, int], source: BinaryIO) -> None:
        super().__init__(raw, promise)
        self._source = source

    def close(self) -> None:
        super().close()
        self._source.close()


class _Noted(io.RawIOBase):
    """What is read of a stream, noted piece by piece."""

    def __init__(self, stream: BinaryIO, seen: list[bytes]) -> None:
        self._stream, self._seen = stream, seen

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        piece = self._stream.read(len(view))
        if piece:
            self._seen.append(piece)
        view[: len(piece)] = piece
        return len(piece)


def _noted(stream: BinaryIO, seen: list[bytes]) -> BinaryIO:
    noted = _Noted(stream, seen)
    return cast(BinaryIO, Promised(noted, stream.promise) if isinstance(stream, Promised) else noted)


def _passed(plain: Iterator[bytes], seen: list[bytes]) -> Iterator[bytes]:
    """What was read of the blob, as far as its tar has been made of it."""
    for piece in plain:
        del piece
        yield from seen
        seen.clear()
    yield from seen


def _title(compression: Compression) -> str:
    return "no compressed ones" if compression == "none" else f"those of {compression}"
