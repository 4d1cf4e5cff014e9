"""`docker-archive:FILE`: the form of `docker save`, which `docker load` reads."""

from pathlib import Path

from msgspec import Struct

from fromscratch.formats.docker.archive import docker_archive
from fromscratch.host.written import write_archive
from fromscratch.images.contract import Receipt
from fromscratch.limits import Limits
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference

_DEFAULT = Limits()


class DockerArchiveSink(Struct, frozen=True):
    """The reference is the name that `docker load` will give the image. The digest is that of the file."""

    path: Path
    limits: Limits = _DEFAULT

    def deliver(self, image: Image, reference: str) -> Receipt:
        name = Reference.parse(reference)
        return Receipt(
            f"docker-archive:{self.path}", write_archive(self.path, docker_archive(image, name, self.limits))
        )
