"""Images by the names that recipes have for them: like those of a call, but a bare name is one of a registry.

`FROM debian:bookworm` means docker.io to everybody, and a recipe means the same on every machine: engines and builds of
this one are looked into only where the name says so.
"""

from pathlib import Path

from msgspec import Struct

from fromscratch.errors import UsageError
from fromscratch.flow import images_by_name, output
from fromscratch.host.images.layout import is_layout
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.registry.address import Place
from fromscratch.host.storage.store import Store
from fromscratch.images import catalogue
from fromscratch.images.catalogue import Line
from fromscratch.images.contract import Selection
from fromscratch.images.local import names_of, path_and_name
from fromscratch.limits import Limits
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import Reference
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import Progress

_BUILDS = "build"


class ImageInTransport(Struct, frozen=True):
    """An image at a transport: `rest` is what follows the scheme."""

    line: Line
    rest: str
    path: Path | None = None
    reference: Reference | None = None

    @property
    def name(self) -> str:
        return f"{self.line.scheme}{self.rest}"

    def read(self, platform: Platform, store: Store, progress: Progress, limits: Limits) -> Image:
        selection = Selection((platform,))
        found = images_by_name.read(self.line, self.rest, store, selection, progress, limits)
        if isinstance(found, Rootfs):
            raise UsageError(
                f"{self.name} is a root, not an image",
                "take it by directory: or tarball: in place of image:",
            )
        return found[0]


def named_image(text: str, folder: Path) -> ImageInTransport:
    """What a recipe in this folder means by the name of an image. Reads nothing of it. Raises UsageError."""
    line = catalogue.of_name(text)
    if line is None:
        return _in_registry(text, folder)
    rest = text.removeprefix(line.scheme)
    transport = catalogue.load(line)
    if not line.reads or not rest:
        example = catalogue.load(catalogue.registry()).example if not line.reads else transport.example
        raise UsageError(f"{text} is not the name of an image to read", f"write it as {example}")
    if transport.place:
        place, name = path_and_name(str(folder.absolute() / expanded(rest)))
        return ImageInTransport(line, f"{place}:{name}" if name else place, Path(place))
    if line == catalogue.registry():
        return _of_registry(Reference.parse(rest))
    return ImageInTransport(line, rest, reference=Reference.parse(rest))


def _in_registry(text: str, folder: Path) -> ImageInTransport:
    """A bare name, unless something of this machine could be meant: then a registry must not be asked by mistake."""
    images_by_name.check_scheme(text)
    path = folder.absolute() / text
    if path.is_file() or (path.is_dir() and (text.startswith((".", "/")) or _has_layout(path))):
        raise UsageError(f"{text} is a path, and an image name without a scheme means a registry", names_of(path))
    reference = Reference.parse(text)
    if not reference.host and _has_layout(folder / _BUILDS / reference.path):
        raise UsageError(
            f"{text} can be the build {_BUILDS}/{reference.path}, or an image of {Place.of(reference).registry}",
            f"write oci:{_BUILDS}/{reference.path}/{output.LAYOUT}, or docker://{Place.of(reference)}",
        )
    return _of_registry(reference)


def _has_layout(path: Path) -> bool:
    """Whether a folder is an OCI layout, or that of a build."""
    return is_layout(path) or is_layout(path / output.LAYOUT)


def _of_registry(reference: Reference) -> ImageInTransport:
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    return ImageInTransport(catalogue.registry(), f"{Place.of(reference)}{tag}{digest}", reference=reference)
