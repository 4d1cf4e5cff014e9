"""Opening blobs that are files of this machine."""

from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.formats.oci.verified import verified
from fromscratch.host.storage import disk
from fromscratch.regular_file import open_unbuffered


@runtime_checkable
class Located(Protocol):
    """Opens a blob, and knows the file that holds it. Raises ImageError."""

    @property
    def path(self) -> Path: ...

    def __call__(self) -> BinaryIO: ...


class BlobFile(Struct, frozen=True):
    """Opens a blob that is verified while it is read. Messages call it `what`. Raises ImageError."""

    path: Path
    digest: Digest
    size: int
    what: str

    def __call__(self) -> BinaryIO:
        with disk.readable(self.path):
            stream = open_unbuffered(self.path)
        return verified(stream, self.digest, self.size, self.what)
