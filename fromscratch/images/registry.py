"""Into a registry, without a daemon."""

from collections.abc import Sequence

from msgspec import Struct, field

from fromscratch.formats.oci.graph import graph
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import reference_of
from fromscratch.host.registry.push import Pushed, push
from fromscratch.host.storage.store import Store
from fromscratch.images.contract import Receipt
from fromscratch.model.image import Image
from fromscratch.progress import SILENT, Progress


class RegistrySink(Struct, frozen=True, kw_only=True):
    """The reference is HOST/PATH[:TAG][@DIGEST]; `tags` are more names for the same in that repository.

    `mount_from` are repositories of the same registry that may have layers already.
    """

    store: Store
    access: Access = field(default_factory=Access)
    tags: tuple[str, ...] = ()
    mount_from: tuple[str, ...] = ()
    progress: Progress = SILENT

    def deliver(self, image: Image, reference: str) -> Receipt:
        return self.deliver_all([image], reference)

    def deliver_all(self, images: Sequence[Image], reference: str) -> Receipt:
        """One image for each platform, under an image index if there are several."""
        pushed = self.push(images, reference)
        return Receipt(f"docker://{pushed.reference}", pushed.digest)

    def push(self, images: Sequence[Image], reference: str) -> Pushed:
        """The same, with an account of what was sent."""
        return push(
            graph(images, self.store.limits),
            reference_of(reference),
            self.access,
            self.progress,
            tags=self.tags,
            mount_from=self.mount_from,
            store=self.store,
        )
