"""A stream written to a file under its final name, whole or not at all."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import UsageError
from fromscratch.host.storage import disk


def write_stream(path: Path, stream: BinaryIO) -> Digest:
    """What is left in `stream`, at `path`; the answer is its sha256.

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
