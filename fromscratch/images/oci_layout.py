"""An OCI layout in a folder."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.host.images.layout import write_layout
from fromscratch.images.contract import Receipt
from fromscratch.limits import Limits
from fromscratch.model.image import Image

_DEFAULT = Limits()


class LayoutSink(Struct, frozen=True):
    """The reference is the tag that the layout gives the image; an empty one leaves it without a name.

    Images of other tags that the layout holds stay there.
    """

    directory: Path
    limits: Limits = _DEFAULT

    def deliver(self, image: Image, reference: str) -> Receipt:
        return self.deliver_all([image], reference)

    def deliver_all(self, images: Sequence[Image], reference: str) -> Receipt:
        """One image for each platform, under an image index if there are several."""
        if self.directory.exists() and not self.directory.is_dir():
            raise UsageError(
                f"{self.directory} is a file, and an OCI layout is a folder",
                "name a folder, or say oci-archive for a file",
            )
        top = write_layout(self.directory, images, tag=reference or None, keep_others=True, limits=self.limits)
        return Receipt(f"oci:{self.directory}" + (f":{reference}" if reference else ""), top.digest)
