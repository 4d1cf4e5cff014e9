"""An image as one file for other tools to read: docker-archive and oci-archive."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.docker.archive import docker_archive
from fromscratch.formats.oci.archive import oci_archive
from fromscratch.formats.packing.layer_blob import Pieces
from fromscratch.host.written import write_stream
from fromscratch.limits import Limits
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference, full_name
from fromscratch.sinks.contract import Receipt

_DEFAULT = Limits()
_COMPRESSED = {".gz", ".tgz", ".zst", ".xz", ".bz2", ".lz4", ".zip", ".7z"}


@dataclass(frozen=True, slots=True)
class DockerArchiveSink:
    """The reference is the name that `docker load` will give the image. The digest is that of the file."""

    path: Path
    limits: Limits = _DEFAULT

    def deliver(self, image: Image, reference: str) -> Receipt:
        name = Reference.parse(reference)
        return Receipt(f"docker-archive:{self.path}", _write(self.path, docker_archive(image, name, self.limits)))


@dataclass(frozen=True, slots=True)
class OciArchiveSink:
    """The reference is a name, whose tag is that of the archive, a tag alone behind a colon, or empty.

    Engines call the image by the name; by a tag alone they call it as they like. The digest is that of the file.
    """

    path: Path
    limits: Limits = _DEFAULT

    def deliver(self, image: Image, reference: str) -> Receipt:
        return self.deliver_all([image], reference)

    def deliver_all(self, images: Sequence[Image], reference: str) -> Receipt:
        """One image for each platform, under an image index if there are several."""
        name = Reference.parse(reference) if reference and not reference.startswith(":") else None
        if name and not name.tag:
            raise UsageError(f"{name} has no tag, and an archive names an image by its tag", "write it as NAME:TAG")
        tag = name.tag if name else reference.removeprefix(":")
        pieces = oci_archive(images, tag=tag or None, name=full_name(name) if name else "", limits=self.limits)
        return Receipt(f"oci-archive:{self.path}" + (f":{tag}" if tag else ""), _write(self.path, pieces))


def _write(path: Path, pieces: Iterator[bytes]) -> Digest:
    if path.suffix in _COMPRESSED:
        raise UsageError(f"{path.name}: an archive is written uncompressed, as its layers are packed", "end it in .tar")
    with cast(BinaryIO, io.BufferedReader(Pieces(pieces))) as stream:
        return write_stream(path, stream)
