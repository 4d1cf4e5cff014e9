"""Writing a stream to a file, whole or not at all."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import UsageError
from fromscratch.formats.packing.layer_blob import Pieces
from fromscratch.host.storage import disk

_COMPRESSED = {".gz", ".tgz", ".zst", ".xz", ".bz2", ".lz4", ".zip", ".7z"}


def write_stream(path: Path, stream: BinaryIO) -> Digest:
    """Write the rest of `stream` to `path`; the answer is its sha256.

    Raises UsageError when a folder is there, ImageError when the file cannot be written, and what `stream` raises.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name a file to write")
    hasher = hashlib.sha256()
    with disk.atomic(path, durable=True) as out:
        while piece := stream.read(CHUNK):
            hasher.update(piece)
            out.write(piece)
    return Digest("sha256", hasher.hexdigest())


def write_archive(path: Path, pieces: Iterator[bytes]) -> Digest:
    """As `write_stream`, for an archive of an image. Raises UsageError for the suffix of a compressed file."""
    if path.suffix in _COMPRESSED:
        raise UsageError(f"{path.name}: an archive is written uncompressed, as its layers are packed", "end it in .tar")
    with cast(BinaryIO, io.BufferedReader(Pieces(pieces))) as stream:
        return write_stream(path, stream)
