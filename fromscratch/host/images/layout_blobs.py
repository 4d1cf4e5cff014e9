"""Reading the files of an OCI layout: image-spec/image-layout.md v1.1."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from fromscratch.errors import FormatError, ImageError, MissingBlob, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.verified import check_bytes
from fromscratch.host.storage import disk
from fromscratch.host.storage.blob_file import BlobFile
from fromscratch.regular_file import open_buffered

_DIRECTORY_TRANSPORT = b"Directory Transport Version:"


class LayoutBlobs(Struct, frozen=True):
    """The blobs of the layout at `root`, verified as they are read."""

    root: Path

    @property
    def label(self) -> str:
        return f"oci:{self.root}"

    def has(self, descriptor: oci.Descriptor) -> bool:
        """Whether the blob is there, damaged or not. A layout need not hold all blobs that it refers to."""
        try:
            self._path(descriptor)
        except MissingBlob:
            return False
        return True

    def document(self, descriptor: oci.Descriptor) -> bytes:
        what = f"the blob {descriptor.digest} of {self.label}"
        oci.check_size(descriptor.size, what)
        path = self._path(descriptor)
        with disk.readable(path), open_buffered(path) as stream:
            data = stream.read(descriptor.size + 1)
        return check_bytes(data, descriptor.digest, descriptor.size, what)

    def layer(self, descriptor: oci.Descriptor) -> Callable[[], BinaryIO]:
        what = f"the layer {descriptor.digest} of {self.label}"
        return BlobFile(self._path(descriptor), descriptor.digest, descriptor.size, what)

    def _path(self, descriptor: oci.Descriptor) -> Path:
        path = self.root / "blobs" / descriptor.digest.algorithm / descriptor.digest.hex
        with disk.readable(path):
            exists = path.is_file()
        if not exists:
            raise MissingBlob(
                f"{self.label} lacks the blob {descriptor.digest}", "build, copy or fetch the image again"
            )
        return path


def read_file(directory: Path, name: str) -> bytes:
    """One of the two files of every layout. Raises UsageError if it is missing: the folder is not a layout then."""
    path = directory / name
    try:
        with open_buffered(path) as stream:
            data = stream.read(oci.MAX_DOCUMENT + 1)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise UsageError(
                f"{directory} is not an OCI layout: it has no {name}",
                "name the folder that holds oci-layout and index.json",
            ) from error
        raise ImageError(f"cannot read {path}: {error.strerror}", "make it readable") from error
    if len(data) > oci.MAX_DOCUMENT:
        raise FormatError(f"{path} is too large for an index", "make the layout again")
    return data


def is_copied_by_skopeo(directory: Path) -> bool:
    """Whether it is a `dir:` of skopeo, or `docker-dir` of podman: blobs in a folder, and a file that says so."""
    path = directory / "version"
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with open_buffered(path) as stream:
            return stream.read(len(_DIRECTORY_TRANSPORT)) == _DIRECTORY_TRANSPORT
    except OSError:
        return False
