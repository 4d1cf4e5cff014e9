"""An App Container Image, as rkt and other executors of the App Container specification take it."""

import hashlib
from pathlib import Path

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.aci.manifest import SUFFIX, archive_tree
from fromscratch.formats.packing.layer import pack
from fromscratch.formats.tar import writer as tar_writer
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.images.contract import Receipt
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs


class AciSink(Struct, frozen=True):
    """The reference gives the image its name and version. All layers go into one root; gzip packs the archive.

    The digest is the image ID: the sha512 of the archive before it is compressed.
    """

    path: Path
    store: Store
    threads: int = 2

    def deliver(self, image: Image, reference: str) -> Receipt:
        """Raises UsageError for what an ACI cannot say; see `formats.aci.manifest`."""
        _check_name(self.path)
        tree = archive_tree(image, Reference.parse(reference), root_tree(image, self.store))
        image_id = _image_id(tree)
        with disk.atomic(self.path) as out:
            pack(tree, out, threads=self.threads)
        return Receipt(f"aci:{self.path}", image_id)


def _check_name(path: Path) -> None:
    """Executors know an archive by its suffix. Standard output and other pipes keep their names."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name a file to write")
    if path.suffix != SUFFIX and not disk.is_stream(path):
        raise UsageError(f"{path.name}: an App Container Image has the suffix {SUFFIX}", f"end its name in {SUFFIX}")


def _image_id(tree: Rootfs) -> Digest:
    hasher = hashlib.sha512()
    for block in tar_writer.blocks(tree):
        hasher.update(block)
    return Digest("sha512", hasher.hexdigest())
