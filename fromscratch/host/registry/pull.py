"""Pulling images from a registry: documents are verified at once, layers fetched when they are needed.

distribution-spec, "Pull". Only the meaning of a tag is believed: everything below it is verified by digest.
"""

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, field

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, IntegrityError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.documents import Descriptor
from fromscratch.formats.oci.graph import is_manifest
from fromscratch.formats.oci.reader import images_below
from fromscratch.formats.oci.verified import check_bytes
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.registry import mount_sources
from fromscratch.host.registry.access import Access
from fromscratch.host.registry.address import Place, reference_of
from fromscratch.host.registry.client import Answer, Client, decoded
from fromscratch.host.registry.manifests import ACCEPTED
from fromscratch.host.storage.blob_file import BlobFile
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import Reference
from fromscratch.progress import SILENT, Progress

_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
_UNSPECIFIC = ("", "application/json", "application/octet-stream", "text/plain")


class RegistryBlobs(Struct):
    """The blobs of a repository. Those that are read are stored."""

    client: Client
    store: Store
    progress: Progress = SILENT
    _resolved: dict[Digest, bytes] = field(default_factory=dict)
    """The documents that names were resolved to; those below are in the store, as an index may list any number."""

    @property
    def label(self) -> str:
        return str(self.client.place)

    def resolve(self, reference: Reference) -> Descriptor:
        """What a tag or digest names now. Raises RegistryError, IntegrityError, FormatError."""
        name = str(reference.digest or reference.tag)
        answer = self._manifest(name)
        what = f"the manifest {name} of {self.label}"
        if reference.digest:
            check_bytes(answer.data, reference.digest, len(answer.data), what)
        digest = reference.digest or Digest.of(answer.data)
        said = answer.digest
        if said is not None and said != digest:
            check_bytes(answer.data, said, len(answer.data), f"{what}, by the digest that the registry gives,")
        self._resolved[digest] = answer.data
        return Descriptor(media_type=_media_type(answer, what), digest=digest, size=len(answer.data))

    def document(self, descriptor: Descriptor) -> bytes:
        digest, what = descriptor.digest, f"the document {descriptor.digest} of {self.label}"
        oci.check_size(descriptor.size, what)
        if digest in self._resolved:
            return check_bytes(self._resolved[digest], digest, descriptor.size, what)
        if self.store.has(digest):
            try:
                return check_bytes(self.store.read(digest), digest, descriptor.size, f"{digest} of the store")
            except IntegrityError:
                self.store.discard(digest)
        if is_manifest(descriptor.media_type):
            data = self._manifest(str(digest)).data
        else:
            data = self.client.ask(f"pull {digest} from {self.label}", "GET", f"blobs/{digest}").data
        self._store(digest, check_bytes(data, digest, descriptor.size, what))
        return data

    def layer(self, descriptor: Descriptor) -> Callable[[], BinaryIO]:
        return partial(self._open, descriptor) if is_manifest(descriptor.media_type) else _LazyLayer(self, descriptor)

    def platforms(self, top: Descriptor) -> list[Platform]:
        """The platforms in the index; for a single image, the one in its configuration."""
        if top.media_type == oci.INDEX:
            index = oci.parse_index(self.document(top), f"the image index {top.digest} of {self.label}")
            found = [entry.platform for entry in index.manifests if entry.platform and entry.platform.os != "unknown"]
            return list(dict.fromkeys(found))
        return [image.platform for image in images_below(self, [top])]

    def fetch(self, descriptors: Sequence[Descriptor]) -> None:
        """Fetch these blobs into the store in parallel, and resume partial ones. Documents are left out."""
        blobs = [one for one in descriptors if not is_manifest(one.media_type)]
        requests = [self._request(one) for one in blobs]
        access = self.client.access
        download(
            self.store, requests, self.progress, access.jobs, patience=access.patience, connect=self.client.session
        )
        mount_sources.remember(self.store, self.client.place, [one.digest for one in blobs])

    def _request(self, descriptor: Descriptor) -> FileRequest:
        url = self.client.persist(f"pull from {self.label}", lambda: self.client.url(f"blobs/{descriptor.digest}"))
        title = f"{self.client.place.repository} {descriptor.digest.hex[:12]}"
        return FileRequest(title=title, urls=(url,), digest=descriptor.digest, size=descriptor.size)

    def _open(self, descriptor: Descriptor) -> BinaryIO:
        return io.BytesIO(self.document(descriptor))

    def _manifest(self, name: str) -> Answer:
        doing = f"pull {name} from {self.label}"
        return self.client.ask(doing, "GET", f"manifests/{name}", headers={"Accept": ", ".join(ACCEPTED)})

    def _store(self, digest: Digest, data: bytes) -> None:
        with self.store.temporary() as path:
            path.write_bytes(data)
            self.store.adopt(path, digest)


class _LazyLayer(Struct, frozen=True):
    """Opens a layer, and fetches it into the store when it is first opened."""

    blobs: RegistryBlobs
    descriptor: Descriptor

    @property
    def path(self) -> Path:
        digest, store = self.descriptor.digest, self.blobs.store
        if not store.has(digest):
            self.blobs.fetch([self.descriptor])
        return store.path(digest)

    def __call__(self) -> BinaryIO:
        digest, size = self.descriptor.digest, self.descriptor.size
        return BlobFile(self.path, digest, size, f"the layer {digest} of {self.blobs.label}")()


def pull(
    client: Client,
    reference: Reference,
    store: Store,
    progress: Progress = SILENT,
    *,
    platforms: Sequence[Platform] = (),
    choose: Callable[[Sequence[Image]], Sequence[Image]] | None = None,
    layers: bool = True,
) -> tuple[Descriptor, list[Image]]:
    """Resolve a name, and read its images: one for each platform, or for each of `platforms`; `choose` selects some.

    Their layers are in the store when this returns; without `layers`, each is fetched when it is first opened.
    Raises RegistryError, FormatError, IntegrityError, DownloadError, and UsageError for a platform that is not there.
    """
    blobs = RegistryBlobs(client, store, progress)
    top = blobs.resolve(reference)
    images = images_below(blobs, [top], (lambda one: one in platforms) if platforms else None)
    if missing := [one for one in platforms if one not in {image.platform for image in images}]:
        there = ", ".join(str(one) for one in blobs.platforms(top)) or "no platform that it names"
        raise UsageError(f"docker://{reference} has no image for {missing[0]}", f"it is for {there}")
    if not images:
        raise FormatError(f"docker://{reference} holds no container image", "name a container image")
    found = list(choose(images) if choose else images)
    if layers:
        blobs.fetch(_layers(found))
    else:
        mount_sources.remember(store, client.place, [one.digest for one in _layers(found)])
    return top, found


def pull_from(
    name: str,
    store: Store,
    progress: Progress = SILENT,
    *,
    access: Access | None = None,
    platforms: Sequence[Platform] = (),
    choose: Callable[[Sequence[Image]], Sequence[Image]] | None = None,
    layers: bool = True,
) -> tuple[Descriptor, list[Image]]:
    """As `pull`, for `docker://REF` or HOST/PATH, with a client of its own."""
    reference = reference_of(name)
    with Client(Place.of(reference), access or Access(), progress) as client:
        return pull(client, reference, store, progress, platforms=platforms, choose=choose, layers=layers)


def _layers(images: Sequence[Image]) -> list[Descriptor]:
    found = [
        Descriptor(media_type=layer.media_type, digest=layer.digest, size=layer.size)
        for image in images
        for layer in image.layers
    ]
    others = {
        blob.digest: blob
        for image in images
        if image.original and image.original.index
        for blob in image.original.index.others
    }
    found += [Descriptor(media_type=blob.media_type, digest=blob.digest, size=blob.size) for blob in others.values()]
    return list({one.digest: one for one in found}.values())


def _media_type(answer: Answer, what: str) -> str:
    """The media type that the document declares, which the Content-Type must not contradict."""
    said = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    document = decoded(answer, what)
    declared = document.get("mediaType")
    declared = declared if isinstance(declared, str) else ""
    if said.startswith(_SCHEMA_1) or document.get("schemaVersion") == 1:
        raise FormatError(f"{what} is of docker's old schema 1", "push the image again with a newer tool")
    if declared and said not in _UNSPECIFIC and declared.lower() != said:
        raise FormatError(
            f"{what} calls itself {declared}, and the registry calls it {said}", "ask who runs the registry"
        )
    kind = declared or ("" if said in _UNSPECIFIC else said) or (oci.INDEX if "manifests" in document else oci.MANIFEST)
    if not is_manifest(oci.media_type(kind)):
        raise FormatError(f"{what} is of the type {kind}, not an image", "name a container image")
    return oci.media_type(kind)
