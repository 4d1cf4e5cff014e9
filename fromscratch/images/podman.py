"""`podman:REF`: the images in podman's storage."""

from collections.abc import Callable
from typing import ClassVar

from fromscratch.formats.docker.archive import docker_archive
from fromscratch.formats.docker.dockerfile import metadata_dockerfile
from fromscratch.host.engines.contract import Engine, Status
from fromscratch.host.engines.podman import Podman
from fromscratch.host.images.flattened import flattened
from fromscratch.host.images.layers import root_tar
from fromscratch.images.engine import EngineImages, in_storage, stream_of, temporary_reference, tidied
from fromscratch.model.image import Image
from fromscratch.model.reference import Reference

_NO_LABEL_SINCE = (4, 3)


class PodmanImages(EngineImages, frozen=True, kw_only=True):
    """An import is podman's import of the root, and a build of the metadata Dockerfile on it.

    The build makes the working directory if it is not there, adds podman's default PATH where the image has none, which
    is said, and has a layer of its own, which is empty. It knows no author: an image with one comes there by a load of
    its flattened root.
    """

    scheme: ClassVar[str] = "podman:"
    example: ClassVar[str] = "podman:hello:latest"
    kind: ClassVar[Callable[..., Engine]] = Podman

    def _name(self, name: Reference) -> Reference:
        return in_storage(name)

    def _import(self, image: Image, name: Reference, state: Status) -> None:
        """The base has a name of its own until the end, since not every builder takes an ID behind FROM."""
        if image.author or image.config.args_escaped:
            with flattened(image, self.store, self.limits) as flat:
                self._load(flat, name, state)
            return
        if "PATH" not in image.config.env:
            self.progress.note("podman adds its default PATH to an image that has none; a load does not")
        base = str(temporary_reference())
        dockerfile = metadata_dockerfile(image.config, base, name=str(name)).encode()
        flags = [f"--platform={image.platform}", *_build_flags(image, state), "--tag", str(name)]
        platform = image.platform
        variant = [f"--variant={platform.variant}"] if platform.variant else []
        try:
            with root_tar(image, self.store, self.limits) as tar:
                words = (f"--os={platform.os}", f"--arch={platform.architecture}", *variant, "-", base)
                self.engine.call("import", *words, stdin=tar, hang_up=True)
            self.engine.call("build", *flags, "-", stdin=dockerfile)
        finally:
            tidied(lambda: self.engine.forget(base))  # with the container of a build that was stopped

    def _load(self, image: Image, name: Reference, state: Status) -> None:
        with stream_of(docker_archive(image, name, self.limits)) as archive:
            self.engine.call("load", stdin=archive, hang_up=True)


def _build_flags(image: Image, state: Status) -> list[str]:
    """What `build` needs, so that it adds nothing of its own and leaves nothing behind."""
    # The OCI form has no health checks and the like, and podman would drop them with a warning only.
    form = "docker" if image.config.needs_docker_form else "oci"
    unlabelled = ["--identity-label=false"] if state.numbers >= _NO_LABEL_SINCE else []
    return [f"--format={form}", "--layers=false", "--pull=never", *unlabelled]
