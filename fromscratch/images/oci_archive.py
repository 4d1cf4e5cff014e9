"""`oci-archive:FILE[:TAG]`: an OCI layout as one tar."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.formats.oci.archive import oci_archive
from fromscratch.host.written import write_archive
from fromscratch.images.contract import Receipt
from fromscratch.limits import Limits
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference, full_name

_DEFAULT = Limits()


class OciArchiveSink(Struct, frozen=True):
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
        return Receipt(f"oci-archive:{self.path}" + (f":{tag}" if tag else ""), write_archive(self.path, pieces))
