"""From an index and a place of blobs to images: what every reader of the OCI formats shares."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Protocol

from fromscratch.errors import FormatError, UsageError
from fromscratch.formats import oci
from fromscratch.formats.oci import Descriptor
from fromscratch.formats.oci_config import parse_config
from fromscratch.model.image import Blob, Image, Layer, Original, OriginalIndex, Platform


class Blobs(Protocol):
    """Where blobs lie: a folder, an archive, a registry. `label` names it in messages."""

    @property
    def label(self) -> str: ...

    def document(self, descriptor: Descriptor) -> bytes:
        """A small blob, verified. Raises FormatError if it is not there, IntegrityError if it is another."""

    def layer(self, descriptor: Descriptor) -> Callable[[], BinaryIO]:
        """What opens a layer, verified while it is read. Raises FormatError if it is not there."""


def images(blobs: Blobs, index: bytes, tag: str | None = None) -> list[Image]:
    """The images of an index.json: one for each platform that `tag` (or the only name there) has.

    Raises UsageError when the name is not there or several are and none was asked for, FormatError
    for documents that do not follow the specification, IntegrityError for bytes that are not the promised ones.
    """
    top = oci.parse_index(index, f"index.json of {blobs.label}").manifests
    found = images_below(blobs, named(top, tag, blobs.label))
    if not found:
        raise FormatError(f"{blobs.label} holds no container image", "name a layout that one was written to")
    return found


def images_below(
    blobs: Blobs, descriptors: Sequence[Descriptor], wanted: Callable[[Platform], bool] | None = None
) -> list[Image]:
    """Every image that these descriptors lead to, with the documents it was read from.

    With `wanted`, images that an index says are for other platforms are left out, and not read.
    """
    manifests = [
        entry
        for entry in image_manifests(blobs, descriptors)
        if wanted is None or entry.platform is None or wanted(entry.platform)
    ]
    found = [image_of(blobs, entry) for entry in manifests]
    if wanted is not None or len(descriptors) != 1 or descriptors[0].media_type != oci.INDEX:
        return found
    original = _original_index(blobs, descriptors[0], manifests)
    return [replace(image, original=image.original and replace(image.original, index=original)) for image in found]


def _original_index(blobs: Blobs, top: Descriptor, manifests: Sequence[Descriptor]) -> OriginalIndex | None:
    """The index that these are in; None if not all that it leads to is here, or in the forms that we write."""
    own = {top.digest}
    for entry in manifests:
        own.update(below.digest for below in reachable(blobs, entry))
    try:
        others = [entry for entry in reachable(blobs, top) if entry.digest not in own]
        parts = [Blob(entry.media_type, entry.digest, entry.size, blobs.layer(entry)) for entry in others]
        documents = [blobs.document(entry) for entry in (top, *others) if entry.media_type in (oci.MANIFEST, oci.INDEX)]
    except FormatError:
        return None
    if not all(oci.is_own_form(data) for data in documents):
        return None
    # What names others comes behind them: plain blobs, then manifests, then indexes from the inside out.
    parts.reverse()
    parts.sort(key=lambda part: {oci.MANIFEST: 1, oci.INDEX: 2}.get(part.media_type, 0))
    return OriginalIndex(blobs.document(top), tuple(entry.digest for entry in manifests), tuple(parts))


def named(descriptors: Sequence[Descriptor], tag: str | None, label: str) -> list[Descriptor]:
    """The descriptors of this name. Without one: all, if they do not have different names."""
    names = {name for entry in descriptors if (name := entry.annotations.get(oci.REF_NAME))}
    if tag is None:
        if len(names) > 1:
            raise UsageError(
                f"{label} holds several images: {', '.join(sorted(names))}", f"name one of them, as in {label}:TAG"
            )
        return list(descriptors)
    chosen = [entry for entry in descriptors if entry.annotations.get(oci.REF_NAME) == tag]
    if not chosen:
        there = f"it holds {', '.join(sorted(names))}" if names else "the images in it have no name: leave the tag out"
        raise UsageError(f"{label} has no image named {tag!r}", there)
    return chosen


def image_manifests(blobs: Blobs, descriptors: Sequence[Descriptor]) -> Iterator[Descriptor]:
    """Every manifest of a container image below these, each once; attestations and other artifacts are passed over."""
    seen = set()
    pending = list(reversed(descriptors))
    while pending:
        entry = pending.pop()
        if entry.digest in seen:
            continue
        seen.add(entry.digest)
        if entry.media_type == oci.INDEX:
            index = oci.parse_index(blobs.document(entry), f"the image index {entry.digest} of {blobs.label}")
            pending.extend(reversed(index.manifests))
        elif entry.media_type == oci.MANIFEST and (entry.platform is None or entry.platform.os != "unknown"):
            yield entry


def reachable(blobs: Blobs, descriptor: Descriptor) -> Iterator[Descriptor]:
    """This descriptor and every one that its documents lead to, each once."""
    seen = set()
    pending = [descriptor]
    while pending:
        entry = pending.pop()
        if entry.digest in seen:
            continue
        seen.add(entry.digest)
        yield entry
        if entry.media_type == oci.INDEX:
            index = oci.parse_index(blobs.document(entry), f"the image index {entry.digest} of {blobs.label}")
            pending.extend(index.manifests)
        elif entry.media_type == oci.MANIFEST:
            manifest = oci.parse_manifest(blobs.document(entry), f"the manifest {entry.digest} of {blobs.label}")
            pending.extend((manifest.config, *manifest.layers))


def image_of(blobs: Blobs, descriptor: Descriptor) -> Image:
    """The image behind the descriptor of a manifest. No layer is read."""
    where = f"of {blobs.label}"
    document = blobs.document(descriptor)
    manifest = oci.parse_manifest(document, f"the manifest {descriptor.digest} {where}")
    if manifest.config.media_type != oci.CONFIG:
        raise FormatError(
            f"the manifest {descriptor.digest} {where} is of a {manifest.config.media_type}, not of a container image",
            "name a container image",
        )
    config_document = blobs.document(manifest.config)
    config = parse_config(config_document, f"the configuration {manifest.config.digest} {where}")
    if len(config.diff_ids) != len(manifest.layers):
        raise FormatError(
            f"the image {descriptor.digest} {where} has {len(manifest.layers)} layers,"
            f" but its configuration lists {len(config.diff_ids)}",
            "make or fetch the image again",
        )
    layers = tuple(
        Layer(diff_id, entry.digest, entry.size, entry.media_type, blobs.layer(entry), told.comment, told.created_by)
        for diff_id, entry, told in zip(config.diff_ids, manifest.layers, config.told, strict=True)
    )
    return Image(
        layers=layers,
        config=config.run,
        platform=replace(config.platform, features=descriptor.platform.features if descriptor.platform else ()),
        created=config.created,
        author=config.author,
        annotations=manifest.annotations,
        original=Original(config_document, document if oci.is_own_form(document) else b""),
    )
