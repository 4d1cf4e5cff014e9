"""Images whose layers are as large as a test needs them, and the client's side of a registry."""

import gzip
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.graph import Graph, graph
from fromscratch.host.http.request import Patience
from fromscratch.host.http.session import Timeouts
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import Place, reference_of
from fromscratch.host.registry.client import Client
from fromscratch.host.registry.pull import pull
from fromscratch.host.registry.push import Pushed, push
from fromscratch.host.storage.store import Store
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, File, Meta
from fromscratch.model.image import Image, Layer, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, tree_path
from tests.images.contract import packed
from tests.made_images import AMD64
from tests.registry.registries import Login, Registry

HASTY = Patience(attempts=4, first_wait=0.0, longest_wait=0.3, timeouts=Timeouts(connect=5.0, read=5.0))
MB = 1 << 20


@cache
def layer(size: int, seed: int = 0) -> Layer:
    """A layer with one file of so many bytes that nothing compresses."""
    data = random.Random(seed).randbytes(size)
    tree = Rootfs({ROOT: Directory(Meta(0o755)), tree_path(f"/{seed}"): File(Meta(0o644), Inline(data))})
    tar = packed(tree)
    blob = gzip.compress(tar, 0, mtime=0)  # skopeo compresses what is not compressed, and so makes another image
    return Layer(Digest.of(tar), Digest.of(blob), len(blob), oci.LAYER_GZIP, lambda: io.BytesIO(blob))


def picture(*sizes: int, platform: Platform = AMD64, seed: int = 0) -> Image:
    """An image of layers of these sizes, and a little."""
    layers = tuple(layer(size, seed + place) for place, size in enumerate(sizes))
    return Image(layers=layers, config=RunConfig(cmd=("/0",)), platform=platform, created=1_700_000_000)


def weight(*images: Image) -> int:
    """The bytes of all blobs that an image brings to a registry besides its documents of manifests."""
    blobs = {
        blob.digest: blob.size for image in images for blob in graph([image]).blobs if blob.media_type != oci.MANIFEST
    }
    return sum(blobs.values())


@dataclass(frozen=True)
class Desk:
    """A user of registries: a home folder with what `docker login` leaves there, and a store."""

    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    def log_in(self, host: str, login: Login | None, **more: str) -> Path:
        """What docker login writes; more fields of the entry besides."""
        path = self.folder / ".docker/config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        document = json.loads(path.read_text()) if path.exists() else {"auths": {}}
        document["auths"][host] = {**({"auth": login.basic} if login else {}), **more}
        path.write_text(json.dumps(document))
        return path

    def access(
        self,
        registry: Registry | None = None,
        *,
        patience: Patience = HASTY,
        chunk_size: int = 0,
        jobs: int = 4,
        plain_http: bool = False,
        **environment: str,
    ) -> Access:
        return Access(
            plain_http=plain_http,
            ca=registry.ca if registry else None,
            chunk_size=chunk_size,
            jobs=jobs,
            patience=patience,
            environment={"HOME": str(self.folder), **environment},
        )

    def push(
        self,
        name: str,
        *images: Image,
        access: Access | None = None,
        tags: Sequence[str] = (),
        mount_from: Sequence[str] = (),
        remember: bool = False,
    ) -> Pushed:
        return push(
            graph(images),
            reference_of(name),
            access or self.access(),
            tags=tags,
            mount_from=mount_from,
            store=self.store if remember else None,
        )

    def pull(
        self, name: str, *, access: Access | None = None, platforms: Sequence[Platform] = ()
    ) -> tuple[Digest, list[Image]]:
        """The digest that the name has, and its images with their layers in the store."""
        reference = reference_of(name)
        with Client(Place.of(reference), access or self.access()) as client:
            top, images = pull(client, reference, self.store, platforms=platforms)
        return top.digest, images


def same(ours: Graph, theirs: Graph) -> bool:
    """Whether two images are the same, byte for byte."""
    return ours.top == theirs.top and contents(ours) == contents(theirs)


def contents(of: Graph) -> dict[Digest, bytes]:
    found = {}
    for blob in of.blobs:
        with blob.open() as stream:
            found[blob.digest] = stream.read()
    return found
