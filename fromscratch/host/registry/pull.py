"""Images out of a registry: documents are verified at once, layers brought into the store when they are asked for.

distribution-spec, "Pull". A tag is only believed to name something: everything below it is held to its digest.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, IntegrityError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.documents import Descriptor
from fromscratch.formats.oci.graph import is_manifest
from fromscratch.formats.oci.reader import images_below
from fromscratch.formats.oci.verified import check_bytes
from fromscratch.host.http.download import FileRequest, download
from fromscratch.host.registry import origins
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
_UNSAID = ("", "application/json", "application/octet-stream", "text/plain")


@dataclass
class RegistryBlobs:
    """The blobs of a repository. What is read of them is kept in the store."""

    client: Client
    store: Store
    progress: Progress = SILENT
    _resolved: dict[Digest, bytes] = field(default_factory=dict)
    """What names have led to; all below it is in the store, since there is no end to what an index may list."""

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
            check_bytes(answer.data, said, len(answer.data), f"{what}, by what the registry says of it,")
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
        self._keep(digest, check_bytes(data, digest, descriptor.size, what))
        return data

    def layer(self, descriptor: Descriptor) -> Callable[[], BinaryIO]:
        return partial(self._open, descriptor) if is_manifest(descriptor.media_type) else _Brought(self, descriptor)

    def platforms(self, top: Descriptor) -> list[Platform]:
        """What the index says it is for; of a single image, what its configuration says."""
        if top.media_type == oci.INDEX:
            index = oci.parse_index(self.document(top), f"the image index {top.digest} of {self.label}")
            named = [entry.platform for entry in index.manifests if entry.platform and entry.platform.os != "unknown"]
            return list(dict.fromkeys(named))
        return [image.platform for image in images_below(self, [top])]

    def bring(self, descriptors: Sequence[Descriptor]) -> None:
        """Bring these blobs into the store, side by side; what was begun is gone on with. Documents are left out."""
        blobs = [one for one in descriptors if not is_manifest(one.media_type)]
        wanted = [self._wanted(one) for one in blobs]
        access = self.client.access
        download(self.store, wanted, self.progress, access.jobs, patience=access.patience, connect=self.client.session)
        origins.remember(self.store, self.client.place, [one.digest for one in blobs])

    def _wanted(self, descriptor: Descriptor) -> FileRequest:
        url = self.client.persist(f"pull from {self.label}", lambda: self.client.url(f"blobs/{descriptor.digest}"))
        title = f"{self.client.place.repository} {descriptor.digest.hex[:12]}"
        return FileRequest(title=title, urls=(url,), digest=descriptor.digest, size=descriptor.size)

    def _open(self, descriptor: Descriptor) -> BinaryIO:
        return io.BytesIO(self.document(descriptor))

    def _manifest(self, name: str) -> Answer:
        doing = f"pull {name} from {self.label}"
        return self.client.ask(doing, "GET", f"manifests/{name}", headers={"Accept": ", ".join(ACCEPTED)})

    def _keep(self, digest: Digest, data: bytes) -> None:
        with self.store.temporary() as path:
            path.write_bytes(data)
            self.store.adopt(path, digest)


@dataclass(frozen=True)
class _Brought:
    """What opens a blob that is brought into the store when it is first asked for."""

    blobs: RegistryBlobs
    descriptor: Descriptor

    @property
    def path(self) -> Path:
        digest, store = self.descriptor.digest, self.blobs.store
        if not store.has(digest):
            self.blobs.bring([self.descriptor])
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
    """What a name is, and its images: one for each platform, or for each of `platforms`; with `choose`, some of those.

    Their layers are in the store when this returns; without `layers`, each is brought when it is first opened.
    Raises RegistryError, FormatError, IntegrityError, DownloadError, and UsageError for a platform that is not there.
    """
    blobs = RegistryBlobs(client, store, progress)
    top = blobs.resolve(reference)
    images = images_below(blobs, [top], (lambda one: one in platforms) if platforms else None)
    if lacking := [one for one in platforms if one not in {image.platform for image in images}]:
        there = ", ".join(str(one) for one in blobs.platforms(top)) or "no platform that it names"
        raise UsageError(f"docker://{reference} has no image for {lacking[0]}", f"it is for {there}")
    if not images:
        raise FormatError(f"docker://{reference} holds no container image", "name a container image")
    found = list(choose(images) if choose else images)
    if layers:
        blobs.bring(_layers(found))
    else:
        origins.remember(store, client.place, [one.digest for one in _layers(found)])
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
    """The same for `docker://REF` or HOST/PATH, by connections of its own."""
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
    """What the document is: by its own word, which the registry's must not contradict."""
    said = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    document = decoded(answer, what)
    own = document.get("mediaType")
    own = own if isinstance(own, str) else ""
    if said.startswith(_SCHEMA_1) or document.get("schemaVersion") == 1:
        raise FormatError(f"{what} is of docker's old schema 1", "push the image again with a newer tool")
    if own and said not in _UNSAID and own.lower() != said:
        raise FormatError(f"{what} calls itself {own}, and the registry calls it {said}", "ask who runs the registry")
    kind = own or ("" if said in _UNSAID else said) or (oci.INDEX if "manifests" in document else oci.MANIFEST)
    if not is_manifest(oci.media_type(kind)):
        raise FormatError(f"{what} is of the type {kind}, and no image", "name a container image")
    return oci.media_type(kind)
