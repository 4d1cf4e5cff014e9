"""What `fetch` settled of an image and `build` follows: its digest, its configuration and its layers in the store."""

from functools import partial
from typing import Literal

from msgspec import Struct

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import NotFetched
from fromscratch.formats.oci.config import image_documents, parse_config
from fromscratch.formats.oci.verified import verified
from fromscratch.host.storage import disk, records
from fromscratch.host.storage.blob_file import BlobFile
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Image, Layer, RunConfig

_KIND = "image-plan"


class PlannedLayer(Struct, frozen=True, kw_only=True):
    """A layer as the image's documents have it; its blob is in the store."""

    diff_id: str
    digest: str
    size: int
    media_type: str
    comment: str = ""
    created_by: str = ""

    def layer(self, store: Store) -> Layer:
        digest = Digest.parse(self.digest)
        opened = BlobFile(store.path(digest), digest, self.size, f"the layer {digest} of the store")
        return Layer(
            Digest.parse(self.diff_id), digest, self.size, self.media_type, opened, self.comment, self.created_by
        )


class ImagePlan(Struct, frozen=True, kw_only=True):
    """`digest` is that of the manifest, `config` that of the configuration, which is in the store."""

    digest: str
    config: str
    layers: list[PlannedLayer]
    format: Literal[1] = 1

    def is_complete(self, store: Store) -> bool:
        """Whether the store has all of it."""
        return all(store.has(Digest.parse(each)) for each in (self.config, *(layer.digest for layer in self.layers)))

    def image(self, store: Store) -> Image:
        """The image, whose layers are opened from the store. Raises NotFetched."""
        found = parse_config(store.read(Digest.parse(self.config)), f"the configuration {self.config}")
        layers = tuple(layer.layer(store) for layer in self.layers)
        return Image(layers=layers, config=found.run, platform=found.platform, created=found.created)

    def run_config(self, store: Store) -> RunConfig:
        """How a container of the image starts. Raises NotFetched."""
        return parse_config(store.read(Digest.parse(self.config)), f"the configuration {self.config}").run


def plan_of(image: Image, store: Store) -> ImagePlan:
    """The plan of an image, all of whose bytes are brought into the store, verified. Raises ImageError."""
    documents = image_documents(image)
    for layer in image.layers:
        _bring(layer, store)
    return ImagePlan(
        digest=str(documents.descriptor.digest),
        config=str(store.add(documents.config)),
        layers=[
            PlannedLayer(
                diff_id=str(layer.diff_id),
                digest=str(layer.digest),
                size=layer.size,
                media_type=layer.media_type,
                comment=layer.comment,
                created_by=layer.created_by,
            )
            for layer in image.layers
        ],
    )


def load(store: Store, key: str) -> ImagePlan | None:
    """The plan that was kept for this image, or None."""
    return records.load(store, _KIND, key, ImagePlan)


def save(store: Store, key: str, plan: ImagePlan) -> None:
    records.save(store, _KIND, key, plan)


def needed(store: Store, key: str, label: str) -> ImagePlan:
    """The plan, all of whose bytes are in the store. Raises NotFetched."""
    plan = records.needed(load(store, key), label)
    if not plan.is_complete(store):
        raise NotFetched(f"{label}: the store lacks a part of it", "run fetch first")
    return plan


def _bring(layer: Layer, store: Store) -> None:
    if store.has(layer.digest):
        return
    with store.temporary() as path:
        promised = verified(layer.open(), layer.digest, layer.size, f"the layer {layer.digest}")
        with promised as stream, disk.explained(path), open(path, "wb") as out:
            out.writelines(iter(partial(stream.read, CHUNK), b""))
        store.adopt(path, layer.digest)
