"""What every transport is: a place that images are read from and written to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from msgspec import Struct

from fromscratch.advice import Setting, advice
from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT, Progress

if TYPE_CHECKING:
    from fromscratch.host.registry.access import Access

Naming = Literal["none", "tag", "tag or name", "name"]


class Receipt(Struct, frozen=True):
    """Where the image can be found now, and the digest that place knows it by.

    `ours` is our own digest of the same thing, where that may be another.
    """

    reference: str
    digest: Digest
    ours: Digest | None = None


class Selection(Struct, frozen=True):
    """Which of the images under a name are read: one for each of `platforms`, or all if it is empty.

    With `one`, a single image: for the first of `platforms` that is there, or if none is named, for this machine's.
    Without `layers`, the layers of a registry are not downloaded before they are opened.
    """

    platforms: tuple[Platform, ...] = ()
    one: bool = False
    layers: bool = True

    def of(self, images: Sequence[Image], where: str) -> list[Image]:
        """The selected ones of `images`. Raises UsageError for a platform that none of them is for."""
        if self.one:
            return [image_for(images, self.platforms, where)]
        return [image_for(images, [platform], where) for platform in self.platforms] or list(images)


ALL = Selection()


class Transport(Struct, frozen=True):
    """A file, a folder, an engine or a registry, which holds images or a plain root.

    The class describes its kind:
    `scheme`: what image names begin with, as in images.catalogue.
    `example`: such a name, for help.
    `place`: whether a file or a folder follows the scheme; empty for engines and registries.
    `suffix`: the usual suffix of such a file.
    `several`: whether it holds several images, which their names distinguish.
    `naming`: what `write` takes as the name of an image; "none" for a plain root, which has none.
    `platforms`: whether it holds images for several platforms under one name.
    """

    scheme: ClassVar[str]
    example: ClassVar[str]
    place: ClassVar[Literal["file", "folder", ""]] = ""
    suffix: ClassVar[str] = ""
    several: ClassVar[bool] = False
    naming: ClassVar[Naming] = "name"
    platforms: ClassVar[bool] = False

    @classmethod
    def at(cls, place: str, store: Store, progress: Progress = SILENT, limits: Limits = DEFAULT_LIMITS) -> Self:
        """The file or folder at this path; for an empty one, the engine or the registries that this machine uses."""
        raise NotImplementedError

    def reached_by(self, access: "Access | None") -> Self:
        """The same with these settings for registries, if it is one; None leaves those of this machine."""
        return self

    def read(self, name: str, selection: Selection = ALL) -> list[Image] | Rootfs:
        """The images of this name (empty: of the only name there is), or the tree of a plain root. Raises UsageError.

        Documents are verified at once, layers when they are opened.
        """
        raise UsageError(f"{self.scheme} images are written and not read", f"read another kind than {self.example}")

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        """Bring these images there, one for each platform, under that name. Nothing half-written stays if it fails.

        Raises UsageError for more than one, unless it holds several `platforms`.
        """
        raise UsageError(f"{self.scheme} images are read and not written", f"write another kind than {self.example}")

    def only(self, images: Sequence[Image]) -> Image:
        """The one image that a place of one platform can take. Raises UsageError."""
        if len(images) == 1:
            return images[0]
        there = ", ".join(str(image.platform) for image in images)
        hint = advice("say which with ", Setting("platform"))
        raise UsageError(f"only one platform can go there, and this image is for {there}", hint)


def image_for(images: Sequence[Image], platforms: Sequence[Platform], where: str) -> Image:
    """The image for the first of these platforms that is there; this machine's if there are several and none is named.

    Raises UsageError.
    """
    choices = list(platforms) or ([Platform.of_this_machine()] if len(images) > 1 else [])
    if not choices:
        return images[0]
    for platform in choices:
        for image in images:
            if image.platform == platform:
                return image
    there = ", ".join(str(image.platform) for image in images)
    raise UsageError(
        f"{where} has no image for {choices[0]}", advice("say ", Setting("platform"), f" with one of: {there}")
    )
