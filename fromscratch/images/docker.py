"""`docker:REF`: the images of a docker daemon."""

from collections.abc import Callable
from typing import ClassVar

from fromscratch.formats.docker.archive import docker_archive
from fromscratch.formats.docker.dockerfile import metadata_instructions
from fromscratch.host.engines.contract import Engine, Status
from fromscratch.host.engines.docker import Docker
from fromscratch.host.images.flattened import flattened
from fromscratch.host.images.layers import root_tar, without_zstd
from fromscratch.images.engine import EngineImages, stream_of
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference

_TAKES_STOP_SIGNALS = (23, 0)


class DockerImages(EngineImages, frozen=True, kw_only=True):
    """An import is one request: the tar of the root, and the instructions of the metadata Dockerfile as its changes.

    So there is nothing in between that a failure could leave behind, and none of the images that a
    build of the Dockerfile makes for each instruction. Docker imports for its own platform only, and
    takes most instructions, not all: any other image comes there by a load of the flattened root.
    """

    engine: Docker

    scheme: ClassVar[str] = "docker:"
    example: ClassVar[str] = "docker:hello:latest"
    kind: ClassVar[Callable[..., Engine]] = Docker

    def _import(self, image: Image, name: Reference, state: Status) -> None:
        instructions = metadata_instructions(image.config)
        if _importable(image, state):
            with root_tar(image, self.store, self.limits) as tar:
                self.engine.import_root(tar, name, instructions)
        else:
            with flattened(image, self.store, self.limits) as flat:
                self._load(flat, name, state)

    def _load(self, image: Image, name: Reference, state: Status) -> None:
        image = without_zstd(image, self.store, self.limits)
        with stream_of(docker_archive(image, name, self.limits)) as archive:
            self.engine.load(archive)


def _importable(image: Image, state: Status) -> bool:
    """Whether the daemon's import makes this image; others than docker's own read the instructions in their own way."""
    signals = not image.config.stop_signal or state.numbers >= _TAKES_STOP_SIGNALS
    unsaid = image.author or image.config.args_escaped or image.config.shell  # no instruction of an import says these
    return not state.product and image.platform == state.platform and signals and not unsaid
