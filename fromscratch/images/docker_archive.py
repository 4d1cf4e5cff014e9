"""`docker-archive:FILE[:NAME]`: the form of `docker save`, which `docker load` reads."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from fromscratch.formats.docker.archive import docker_archive
from fromscratch.host.images.archives import read_archive
from fromscratch.host.images.layers import without_zstd
from fromscratch.host.storage.write_stream import write_archive
from fromscratch.images.contract import ALL, Receipt, Selection
from fromscratch.images.local import LocalTransport
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference


class DockerArchive(LocalTransport, frozen=True):
    """A name is what `docker load` will call the image. The digest of what is written is that of the file."""

    scheme: ClassVar[str] = "docker-archive:"
    example: ClassVar[str] = "docker-archive:hello.tar"
    place: ClassVar[Literal["file"]] = "file"
    suffix: ClassVar[str] = ".tar"
    several: ClassVar[bool] = True

    def read(self, name: str, selection: Selection = ALL) -> list[Image]:
        self.check_readable()
        return selection.of(
            read_archive(self.path, self.store, name or None, "docker-archive", self.limits), self.label
        )

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        image = without_zstd(self.only(images), self.store, self.limits)
        pieces = docker_archive(image, Reference.parse(name), self.limits)
        return Receipt(self.label, write_archive(self.path, pieces))
