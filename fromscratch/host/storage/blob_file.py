"""Blobs that are whole files of this machine."""

from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.formats.oci.verified import verified
from fromscratch.host.storage import disk
from fromscratch.opening import unbuffered


@runtime_checkable
class Located(Protocol):
    """What opens a blob, and can tell the file that it is. Raises ImageError."""

    @property
    def path(self) -> Path: ...

    def __call__(self) -> BinaryIO: ...


class BlobFile(Struct, frozen=True):
    """What opens it, verified while it is read. Messages call it `what`. Raises ImageError."""

    path: Path
    digest: Digest
    size: int
    what: str

    def __call__(self) -> BinaryIO:
        with disk.readable(self.path):
            stream = unbuffered(self.path)
        return verified(stream, self.digest, self.size, self.what)
