"""`aci:FILE`: an App Container Image, as rkt and other executors of the App Container specification take it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, NoReturn

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.aci.manifest import SUFFIX, archive_tree
from fromscratch.formats.packing.layer import pack
from fromscratch.formats.tar import writer as tar_writer
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage import disk
from fromscratch.images.contract import ALL, Receipt, Selection
from fromscratch.images.local import LocalTransport
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs


class Aci(LocalTransport, frozen=True):
    """The reference gives the image its name and version. All layers go into one root; gzip packs the archive.

    The digest is the image ID: the sha512 of the archive before it is compressed.
    """

    threads: int = 2

    scheme: ClassVar[str] = "aci:"
    example: ClassVar[str] = "aci:hello.aci"
    place: ClassVar[Literal["file"]] = "file"
    suffix: ClassVar[str] = SUFFIX

    def read(self, name: str, selection: Selection = ALL) -> NoReturn:
        raise UsageError(
            f"{self.label}: images are not read by that name",
            f"an ACI is written and not read: tar:{self.path} is its archive, with the image below /rootfs",
        )

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        """Raises UsageError for what an ACI cannot say; see `formats.aci.manifest`."""
        image = self.only(images)
        _check_name(self.path)
        tree = archive_tree(image, Reference.parse(name), root_tree(image, self.store, self.limits))
        image_id = _image_id(tree)
        with disk.atomic(self.path) as out:
            pack(tree, out, threads=self.threads)
        return Receipt(self.label, image_id)


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
