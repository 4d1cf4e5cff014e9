"""Trees as image layers: read once, hashed, compressed and written at the same time.

A layer is a tar archive (OCI image specification, layer.md) whose uncompressed bytes have the
digest `diff_id`. Reading and writing happen in the calling thread, hashing in one more, and
compressing in as many as are asked for; the bytes do not depend on their number.
"""

import hashlib
from collections import deque
from contextlib import ExitStack
from typing import BinaryIO

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.formats.packing import codec as codecs
from fromscratch.formats.packing.codec import Bytes, Codec, CodecName, Plain
from fromscratch.formats.packing.workers import Job, Workers
from fromscratch.formats.tar import writer as tar
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.whiteouts import PREFIX, has_whiteout_name
from fromscratch.progress import Task

__all__ = ["CodecName", "Packed", "codec_of", "pack", "pack_tar"]

_SMALL = 1 << 20
_SMALL_LEVELS: dict[CodecName, int] = {"gzip": 9, "zstd": 19}
_AHEAD = 6 << 20  # bytes that may wait for a thread, beside the blocks that are compressed


class Packed(Struct, frozen=True):
    """What was written: `digest` and `size` of the blob, `diff_id` and `uncompressed_size` of its tar.

    `codec` names library, version and level, such as `gzip zlib-ng 2.3.3 level 5`: another version may
    give another blob of the same `diff_id`.
    """

    diff_id: Digest
    digest: Digest
    size: int
    media_type: str
    uncompressed_size: int
    codec: str


def pack(
    tree: Rootfs,
    out: BinaryIO,
    *,
    codec: CodecName = "gzip",
    level: int | None = None,
    threads: int = 2,
    progress_task: Task | None = None,
) -> Packed:
    """Write the layer of a tree to `out`, in bounded memory.

    `threads` compress at once; `level` is the codec's own (default: zstd 3 and gzip 5, but 19 and 9 for a
    tar of one block: images of one small program, whose size is why they are made). The bytes are the same for any
    number of threads and on any CPU, but for those of the codec `fast`. The task advances by bytes of
    the tar. Whatever fails, in any thread, stops the work and is raised here: IntegrityError for a file
    that changes meanwhile, ImageError for one that cannot be read or whose name a layer cannot hold,
    OSError of `out`.
    """
    _refuse_whiteouts(tree)
    chosen = codec_of(tree, codec, level)
    with ExitStack() as stack:
        pipeline = _Pipeline(chosen, out, max(1, threads), progress_task, stack)
        if progress_task is not None:
            progress_task.expect(tar.estimated_size(tree))
        for block in tar.blocks(tree, pipeline.buffer):
            pipeline.put(block)
        return pipeline.finish()


def pack_tar(archive: BinaryIO, out: BinaryIO, *, codec: CodecName = "gzip", threads: int = 2) -> Packed:
    """Write the bytes of a tar that is there already to `out` as a layer; they are not looked at."""
    with ExitStack() as stack:
        pipeline = _Pipeline(codecs.codec(codec), out, max(1, threads), None, stack)
        while True:
            buffer = pipeline.buffer()
            size = _filled(archive, buffer)
            if size:
                pipeline.put(memoryview(buffer)[:size])
            if size < len(buffer):
                return pipeline.finish()


def _filled(stream: BinaryIO, buffer: bytearray) -> int:
    """Fill a buffer from a stream as far as that goes; the answer is how far it went."""
    view, size = memoryview(buffer), 0
    while size < len(buffer):
        piece = stream.read(len(buffer) - size)
        if not piece:
            break
        view[size : size + len(piece)] = piece
        size += len(piece)
    return size


def codec_of(tree: Rootfs, codec: CodecName = "gzip", level: int | None = None) -> Codec:
    """The codec that `pack` uses for this tree, for callers that need its name before."""
    if level is None and tree.size <= _SMALL and tar.estimated_size(tree) <= _SMALL:
        level = _SMALL_LEVELS.get(codec)
    return codecs.codec(codec, level)


def _refuse_whiteouts(tree: Rootfs) -> None:
    for path in tree:
        if has_whiteout_name(path):
            raise ImageError(
                f"an image cannot hold {path}: engines take a name that starts with {PREFIX} as a deletion",
                "rename it, or leave it out of the recipe; in an overlay that name deletes a file below it",
            )


class _Pipeline:
    """Blocks on their way from the tree to `out`.

    The calling thread does all that has an order; a buffer is used again when its block is written,
    so their number bounds the memory and no thread runs ahead of the others.
    """

    def __init__(self, codec: Codec, out: BinaryIO, threads: int, task: Task | None, stack: ExitStack) -> None:
        self._codec, self._out, self._task = codec, out, task
        self._plain = isinstance(codec, Plain)
        self._hasher = stack.enter_context(Workers(1, "diff-id"))
        self._compressors = stack.enter_context(Workers(threads, "compress"))
        self._spare = threads + max(2, _AHEAD // codec.block_size)
        self._pending: deque[tuple[memoryview, Job[None], Job[tuple[Bytes, ...]] | None]] = deque()
        self._before = b""
        self._diff, self._blob = hashlib.sha256(), hashlib.sha256()
        self._checksum = self._length = self._size = 0
        self._write(codec.begin())

    def buffer(self) -> bytearray:
        """A buffer for the next block."""
        if self._spare:
            self._spare -= 1
            return bytearray(self._codec.block_size)
        return self._write_oldest()

    def put(self, block: memoryview) -> None:
        """Submit a filled block for hashing and compression."""
        hashed = self._hasher.submit(self._hash, block)
        packed = None if self._plain else self._compressors.submit(self._codec.compress, block, self._before)
        self._before = bytes(block[len(block) - self._codec.window :]) if self._codec.window else b""
        self._pending.append((block, hashed, packed))

    def finish(self) -> Packed:
        while self._pending:
            self._write_oldest()
        self._write(self._codec.end(self._checksum, self._length))
        diff_id = Digest("sha256", self._diff.hexdigest())
        digest = diff_id if self._plain else Digest("sha256", self._blob.hexdigest())
        return Packed(diff_id, digest, self._size, self._codec.media_type, self._length, self._codec.name)

    def _write_oldest(self) -> bytearray:
        """Write the oldest block. Returns its buffer, which can be used again."""
        block, hashed, packed = self._pending.popleft()
        for piece in (block,) if packed is None else packed.result():
            self._write(piece)
        hashed.result()
        self._length += len(block)
        if self._task is not None:
            self._task.advance(len(block))
        return block.obj  # type: ignore[return-value]  # the bytearray that `buffer` gave

    def _hash(self, block: memoryview) -> None:
        self._diff.update(block)
        self._checksum = self._codec.checksum(block, self._checksum)

    def _write(self, data: Bytes) -> None:
        if not self._plain:
            self._blob.update(data)
        self._size += len(data)
        written = self._out.write(data)
        while written is not None and written < len(data):  # a raw stream may take less at once
            data = data[written:]
            written = self._out.write(data)
