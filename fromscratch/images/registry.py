"""`docker://REF`: a registry, without a daemon."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec import field
from msgspec.structs import replace

from fromscratch.formats.oci.graph import graph
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import reference_of
from fromscratch.host.storage.store import Store
from fromscratch.images.contract import ALL, Receipt, Selection, Transport
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image
from fromscratch.progress import SILENT, Progress

if TYPE_CHECKING:
    from fromscratch.host.registry.push import Pushed


class RegistryImages(Transport, frozen=True, kw_only=True):
    """A name is HOST/PATH[:TAG][@DIGEST]; `tags` are more names for what is written, in the same repository.

    `mount_from` are repositories of the same registry that may have layers already.
    """

    store: Store
    access: Access = field(default_factory=Access)
    tags: tuple[str, ...] = ()
    mount_from: tuple[str, ...] = ()
    progress: Progress = SILENT
    limits: Limits = DEFAULT_LIMITS

    scheme: ClassVar[str] = "docker://"
    example: ClassVar[str] = "docker://docker.io/library/busybox:1"
    several: ClassVar[bool] = True
    platforms: ClassVar[bool] = True

    @classmethod
    def at(cls, place: str, store: Store, progress: Progress = SILENT, limits: Limits = DEFAULT_LIMITS) -> Self:
        return cls(store=store, progress=progress, limits=limits)

    def reached_by(self, access: Access | None) -> Self:
        return self if access is None else replace(self, access=access)

    def read(self, name: str, selection: Selection = ALL) -> list[Image]:
        """Layers are brought into the store, or for a selection without them when they are opened."""
        from fromscratch.host.registry.pull import pull_from

        def one(images: Sequence[Image]) -> list[Image]:
            return selection.of(images, f"{self.scheme}{name}")

        _, images = pull_from(
            f"{self.scheme}{name}",
            self.store,
            self.progress,
            access=self.access,
            platforms=() if selection.one else selection.platforms,
            choose=one if selection.one else None,
            layers=selection.layers,
        )
        return images

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        """One image for each platform, under an image index if there are several."""
        pushed = self.push(images, name)
        return Receipt(f"{self.scheme}{pushed.reference}", pushed.digest)

    def push(self, images: Sequence[Image], name: str) -> "Pushed":
        """The same, with an account of what was sent."""
        from fromscratch.host.registry.push import push

        return push(
            graph(images, self.limits),
            reference_of(name),
            self.access,
            self.progress,
            tags=self.tags,
            mount_from=self.mount_from,
            store=self.store,
        )
