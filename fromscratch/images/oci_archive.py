"""`oci-archive:FILE[:TAG]`: an OCI layout as one tar."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from fromscratch.errors import UsageError
from fromscratch.formats.oci.archive import oci_archive
from fromscratch.host.images.archives import read_archive
from fromscratch.host.storage.write_stream import write_archive
from fromscratch.images.contract import ALL, Naming, Receipt, Selection
from fromscratch.images.local import LocalTransport
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference, full_name


class OciArchive(LocalTransport, frozen=True):
    """What is written is called by a name, whose tag is that of the archive, a tag alone behind a colon, or nothing.

    Engines call the image by the name; by a tag alone they call it as they like. The digest is that of the file.
    """

    scheme: ClassVar[str] = "oci-archive:"
    example: ClassVar[str] = "oci-archive:hello.tar"
    place: ClassVar[Literal["file"]] = "file"
    suffix: ClassVar[str] = ".tar"
    several: ClassVar[bool] = True
    naming: ClassVar[Naming] = "tag or name"
    platforms: ClassVar[bool] = True

    def read(self, name: str, selection: Selection = ALL) -> list[Image]:
        self.check_readable()
        return selection.of(read_archive(self.path, self.store, name or None, "oci-archive", self.limits), self.label)

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        """One image for each platform, under an image index if there are several."""
        whole = Reference.parse(name) if name and not name.startswith(":") else None
        if whole and not whole.tag:
            raise UsageError(f"{whole} has no tag, and an archive names an image by its tag", "write it as NAME:TAG")
        tag = whole.tag if whole else name.removeprefix(":")
        pieces = oci_archive(images, tag=tag or None, name=full_name(whole) if whole else "", limits=self.limits)
        return Receipt(self.label + (f":{tag}" if tag else ""), write_archive(self.path, pieces))
