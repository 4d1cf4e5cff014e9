"""The images that manifest.json of a docker-archive lists, and the check that all readers find the same ones.

docker and skopeo read the list, podman and containerd the layout where there is one in the same tar. An archive whose
two tables of contents name different images would be another image to each of them, and is refused.
"""

from collections.abc import Sequence

import msgspec

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.oci.archive import ArchiveBlobs, small
from fromscratch.formats.oci.json_schema import decode
from fromscratch.formats.oci.keys import DOCKER_ARCHIVE
from fromscratch.model.image import Image, Platform
from fromscratch.model.reference import full_form

_HINT = "save the image again, into a new archive"


class Listed(msgspec.Struct, rename="pascal"):
    """An image of manifest.json, as JSON has it."""

    config: str
    layers: list[str] | None
    repo_tags: list[str] | None = None


def listed_images(document: bytes, what: str) -> list[Listed]:
    """What a manifest.json lists. Raises FormatError."""
    return decode(document, list[Listed], what, keys=DOCKER_ARCHIVE)


def check_listed(blobs: ArchiveBlobs, listed: Sequence[Listed], inside: Sequence[Image]) -> None:
    """Raises FormatError for a name of two images, and where the list differs from the layout's images `inside`.

    A layout may have images of other platforms besides, as containerd exports them.
    """
    names: dict[str, Listed] = {}
    for entry in listed:
        for tag in entry.repo_tags or ():
            first = names.setdefault(full_form(tag), entry)
            if (first.config, first.layers or []) != (entry.config, entry.layers or []):
                raise FormatError(f"manifest.json of {blobs.label} gives the name {tag} to two images", _HINT)
    if not inside:
        return
    listing = {entry.config: _digest(blobs, entry) for entry in listed}
    known = {_id(image): _system(image.platform) for image in inside}
    if lost := next((path for path, digest in listing.items() if digest not in known), None):
        raise _disagreement(blobs, f"the first has the configuration {lost}, the second has not")
    systems = {known[digest] for digest in listing.values()}
    for image in inside:
        listed_as = names.get(full_form(image.name)) if image.name and not image.name.startswith(":") else None
        expected = {listing[listed_as.config]} if listed_as else set(listing.values())
        if _id(image) not in expected and _system(image.platform) in systems:
            raise _disagreement(blobs, f"the second has {image.name or 'an image'} with the configuration {_id(image)}")


def _digest(blobs: ArchiveBlobs, entry: Listed) -> Digest:
    return Digest.of(small(blobs.content(entry.config), f"the configuration {entry.config} of {blobs.label}"))


def _id(image: Image) -> Digest:
    """The digest of the configuration, which is what docker calls the image's ID."""
    return Digest.of(image.original.config if image.original else b"")


def _system(platform: Platform) -> tuple[str, ...]:
    return platform.os, platform.architecture, platform.variant, platform.os_version


def _disagreement(blobs: ArchiveBlobs, difference: str) -> FormatError:
    return FormatError(
        f"{blobs.label} is one image to those who read its manifest.json, as docker does,"
        f" and another to those who read its index.json, as podman does: {difference}",
        _HINT,
    )
