"""Flattening an image to a single layer, for engines that import one root only."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from fromscratch.digest import CHUNK, Digest
from fromscratch.formats.oci import documents as oci
from fromscratch.host.images.layers import passes_unread, root_tar
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Layer


@contextmanager
def root_file(image: Image, store: Store, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[Path, Digest]]:
    """The tar of the image's root as a temporary file, for the length of the block, and its digest."""
    with store.temporary() as path:
        hasher = Digest.of(b"").hasher()
        with root_tar(image, store, limits) as tar, disk.explained(path), open(path, "wb") as out:
            while piece := tar.read(CHUNK):
                hasher.update(piece)
                out.write(piece)
        yield path, Digest("sha256", hasher.hexdigest())


@contextmanager
def flattened(image: Image, store: Store, limits: Limits = DEFAULT_LIMITS) -> Iterator[Image]:
    """The image with one layer, for the length of the block: its own, if it was packed here, else a tar of its root."""
    if passes_unread(image, store):
        yield image
        return
    with root_file(image, store, limits) as (path, digest):
        comment = " + ".join(layer.comment for layer in image.layers if layer.comment)
        opened: partial[BinaryIO] = partial(open, path, "rb")
        layer = Layer(digest, digest, path.stat().st_size, oci.LAYER_TAR, opened, comment, verified=True)
        yield replace(image, layers=(layer,))
