"""`oci:DIR[:TAG]`: an OCI layout in a folder."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from fromscratch.errors import UsageError
from fromscratch.host.images.layout import read_layout, write_layout
from fromscratch.images.contract import ALL, Naming, Receipt, Selection
from fromscratch.images.local import LocalTransport
from fromscratch.model.image import Image


class OciLayout(LocalTransport, frozen=True):
    """A name is the tag that the layout gives the image; an empty one leaves it without a name.

    Images of other tags that the layout holds stay there.
    """

    scheme: ClassVar[str] = "oci:"
    example: ClassVar[str] = "oci:build/hello/oci"
    place: ClassVar[Literal["folder"]] = "folder"
    several: ClassVar[bool] = True
    naming: ClassVar[Naming] = "tag"
    platforms: ClassVar[bool] = True
    suffix: ClassVar[str] = ".oci"
    shown_by: ClassVar[str] = "oci-layout"

    def read(self, name: str, selection: Selection = ALL) -> list[Image]:
        self.check_readable()
        return selection.of(read_layout(self.path, name or None), self.label)

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        """One image for each platform, under an image index if there are several."""
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(
                f"{self.path} is a file, and an OCI layout is a folder",
                "name a folder, or say oci-archive for a file",
            )
        top = write_layout(self.path, images, tag=name or None, keep_others=True, limits=self.limits)
        return Receipt(self.label + (f":{name}" if name else ""), top.digest)
