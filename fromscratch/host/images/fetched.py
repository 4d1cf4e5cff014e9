"""What `fetch` settled of an image and `build` follows: its digest, its configuration and its layers in the store."""

from functools import partial
from typing import Literal

from msgspec import Struct

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import ImageError, NotFetched
from fromscratch.formats.oci.config import image_documents, parse_config
from fromscratch.formats.oci.verified import verified
from fromscratch.host.images.by_name import NamedImage
from fromscratch.host.images.layers import root_tree
from fromscratch.host.storage import disk, file_digests, records
from fromscratch.host.storage.blob_file import BlobFile
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Layer, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT, Progress

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


class FetchedImage:
    """An image by its name, which `fetch` brings into the store, and where a build finds it.

    What the name meant is kept in the store; a build follows that, whatever it means by then. An image in a file or
    folder of this machine is read anew where that has changed.
    """

    def __init__(
        self,
        image: NamedImage,
        platform: Platform,
        label: str,
        *,
        progress: Progress = SILENT,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.image, self.platform, self.label = image, platform, label
        self._progress, self._limits = progress, limits

    def fetch(self, store: Store) -> None:
        """Bring the image into the store. One that is named by its digest, and is there, is not asked for again."""
        before = _load(store, self._key)
        is_present = before is not None and before.is_complete(store)
        if is_present and self._is_settled:
            return
        with records.offline_hint(lambda: is_present and self.image.path is None, ImageError):
            found = self._read(store)
        if before is not None and before.digest != found.digest:
            self._progress.note(f"{self.label} was {before.digest}, and is {found.digest} now")

    def plan(self, store: Store) -> ImagePlan:
        """What the image was when it was fetched. Raises NotFetched."""
        known = _load(store, self._key)
        if self.image.path is None:
            return _complete(known, store, f"{self.label} for {self.platform}")
        return known if known is not None and known.is_complete(store) else self._read(store)

    def tree(self, store: Store) -> Rootfs:
        """The root of the image. Raises NotFetched, and IntegrityError for a damaged layer."""
        return root_tree(self.plan(store).image(store), store, self._limits, self.label)

    def _read(self, store: Store) -> ImagePlan:
        image = self.image.read(self.platform, store, self._progress, self._limits)
        plan = _plan_of(image, store)
        records.save(store, _KIND, self._key, plan)
        return plan

    @property
    def _is_settled(self) -> bool:
        """Whether the name can mean nothing else: it has a digest, or the file is the one that was read."""
        reference = self.image.reference
        return self.image.path is not None or (reference is not None and reference.digest is not None)

    @property
    def _key(self) -> str:
        """What identifies the image: its name, and for a file or a folder its state too."""
        path = self.image.path
        state = ""
        if path is not None:
            index = path / "index.json"
            try:
                state = file_digests.fingerprint(index if path.is_dir() else path)
            except ImageError:
                return f"{self.image.name} {self.platform}"  # reading it tells what is wrong with it
        return f"{self.image.name} {self.platform} {state}"


def _plan_of(image: Image, store: Store) -> ImagePlan:
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


def _load(store: Store, key: str) -> ImagePlan | None:
    return records.load(store, _KIND, key, ImagePlan)


def _complete(known: ImagePlan | None, store: Store, label: str) -> ImagePlan:
    """The plan, all of whose bytes are in the store. Raises NotFetched."""
    plan = records.needed(known, label)
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
