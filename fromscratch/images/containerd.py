"""`containerd:REF`: the images in a namespace of containerd."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from fromscratch.advice import Setting, advice
from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.docker.archive import docker_archive
from fromscratch.formats.oci.archive import oci_archive
from fromscratch.formats.oci.graph import graph
from fromscratch.host.engines.containerd import Containerd
from fromscratch.host.engines.contract import Engine, Status, image_name
from fromscratch.host.images.archives import Form
from fromscratch.host.images.flattened import flattened
from fromscratch.images.contract import Receipt
from fromscratch.images.engine import EngineImages, stream_of, temporary_reference, tidied
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import Reference, full_name


class ContainerdImages(EngineImages, frozen=True, kw_only=True):
    """Containerd has loads only: an import makes one layer of the image here, and loads that.

    The image has a name of its own until it is unpacked, which shows whether its layers are what they
    are said to be. Images of several platforms are kept under one index, whose digest is ours.
    """

    engine: Containerd

    scheme: ClassVar[str] = "containerd:"
    example: ClassVar[str] = "containerd:hello:latest"
    kind: ClassVar[Callable[..., Engine]] = Containerd
    saves: ClassVar[Form] = "oci-archive"
    platforms: ClassVar[bool] = True

    def write(self, images: Sequence[Image], name: str) -> Receipt:
        """One image, or with a load one for each platform."""
        return super().write(images, name) if len(images) == 1 else self._write_all(images, image_name(name))

    def _write_all(self, images: Sequence[Image], reference: Reference) -> Receipt:
        if self.via != "load":
            one = advice("say ", Setting("via", "load"), ", or name one platform with ", Setting("platform"))
            raise UsageError("an import is one platform's", one)
        self.engine.status().need()
        name, made = self._name(reference), temporary_reference()
        with self.progress.task(f"containerd load {name}", unit="steps"):
            archive = oci_archive(images, tag=made.tag, name=full_name(made), limits=self.limits)
            self._bring(archive, made, name, [image.platform for image in images])
        self._sweep()
        return self._receipt(name, graph(images).top.digest)

    def _name(self, name: Reference) -> Reference:
        return Reference.parse(full_name(name))

    def _ours(self, image: Image) -> Digest:
        return graph([image]).top.digest

    def _import(self, image: Image, name: Reference, state: Status) -> None:
        with flattened(image, self.store, self.limits) as flat:
            self._load(flat, name, state)

    def _load(self, image: Image, name: Reference, state: Status) -> None:
        made = temporary_reference()
        self._bring(docker_archive(image, made, self.limits), made, name, [image.platform])

    def _bring(self, archive: Iterator[bytes], made: Reference, name: Reference, platforms: Sequence[Platform]) -> None:
        try:
            with stream_of(archive) as stream:
                self.engine.bring(stream, platforms=platforms)
            self.engine.rename(str(made), str(name))
        except BaseException:
            tidied(lambda: self.engine.remove(str(made)))
            raise
