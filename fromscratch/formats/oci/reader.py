"""Images read from an index and the blobs below it, for every reader of the OCI formats."""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Protocol

from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, MissingBlob
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci import names
from fromscratch.formats.oci.config import parse_config
from fromscratch.formats.oci.documents import Descriptor
from fromscratch.model.image import Blob, Image, Layer, Original, OriginalIndex, Platform

_MAX_IMAGES = 1000  # there are not that many platforms
# Bytes of manifests and configurations below one name; those of a hundred platforms are a few megabytes. The small
# ones count too: what is not an image need not be small in number.
_MAX_DOCUMENTS = 4 * oci.MAX_DOCUMENT
_LEAST_COUNTED = 1 << 12
_ATTACHED = "vnd.docker.reference.type"

Claim = tuple[Digest, str, int, Platform | None, bool]
"""The fields of an index entry that readers use."""

Found = tuple[Descriptor, Descriptor, Image]
"""An image, behind the descriptor that was asked about and that of its manifest, which may be the same."""


class Blobs(Protocol):
    """Where blobs lie: a folder, an archive, a registry. `label` names it in messages."""

    @property
    def label(self) -> str: ...

    def document(self, descriptor: Descriptor) -> bytes:
        """A small blob, verified. Raises MissingBlob if it is not there, IntegrityError if it is another."""

    def layer(self, descriptor: Descriptor) -> Callable[[], BinaryIO]:
        """What opens a layer, verified while it is read. Raises MissingBlob if it is not there."""


def images(blobs: Blobs, index: bytes, tag: str | None = None) -> list[Image]:
    """The images of an index.json: one for each platform that `tag` (or the only name there) has.

    Raises UsageError when the name is not there or several are and none was asked for, FormatError
    for documents that do not follow the specification, IntegrityError for bytes that are not the promised ones.
    """
    top = oci.parse_index(index, f"index.json of {blobs.label}").manifests
    found = images_below(blobs, names.with_name(top, tag, blobs.label), one_name=True)
    if not found:
        raise FormatError(f"{blobs.label} holds no container image", "name a layout that one was written to")
    return found


def images_below(
    blobs: Blobs,
    descriptors: Sequence[Descriptor],
    selects: Callable[[Platform], bool] | None = None,
    *,
    one_name: bool = False,
) -> list[Image]:
    """Every image that these descriptors lead to, with the documents it was read from.

    With `selects`, images that an index says are for other platforms are left out, and not read. So are artifacts,
    and what an index names that is not there, as in a copy for one platform. Where nothing else is, the error
    for the first of them is raised. With `one_name` the descriptors stand for one name: two images of one platform
    are a FormatError.
    """
    found, left_out = _read_images(blobs, descriptors, selects)
    if not found and left_out:
        raise left_out[0]
    if one_name:
        _check_platforms_differ(blobs, found)
    images = [image for _top, _entry, image in found]
    tops = {top.digest: top for top, _entry, _image in found}
    if selects is not None or len(tops) != 1 or found[0][0].media_type != oci.INDEX:
        return images
    original = _original_index(blobs, found[0][0], [entry for _top, entry, _image in found])
    return [replace(image, original=image.original and replace(image.original, index=original)) for image in images]


def _read_images(
    blobs: Blobs, descriptors: Sequence[Descriptor], selects: Callable[[Platform], bool] | None
) -> tuple[list[Found], list[FormatError]]:
    """The images below these descriptors, and the errors of what was left out."""
    found: list[Found] = []
    left_out: list[FormatError] = []
    seen: set[Claim] = set()
    known: dict[Digest, Image] = {}
    read = 0
    for top in descriptors:
        for entry in _manifests(blobs, top, seen, left_out):
            if selects is not None and entry.platform is not None and not selects(entry.platform):
                continue
            document = _document(blobs, entry, left_out)
            if document is None:
                continue
            read += max(len(document), _LEAST_COUNTED)
            try:
                if entry.digest in known:
                    _check_platform(entry, known[entry.digest].platform, _image_title(blobs, entry))
                    _check_amount(blobs, len(found), read)
                    continue
                image = known[entry.digest] = replace(_image(blobs, entry, document), name=names.image_name(top))
                found.append((top, entry, image))
                read += len(image.original.config) if image.original else 0
            except _Artifact as error:
                left_out.append(error)
            _check_amount(blobs, len(found), read)
    return found, left_out


def _check_platforms_differ(blobs: Blobs, found: Sequence[Found]) -> None:
    """Raises FormatError where two entries of one name are images of one platform: some readers take the first."""
    tops: dict[tuple[str, ...], Descriptor] = {}
    for top, entry, image in found:
        variant = (entry.platform and entry.platform.variant) or image.platform.variant
        system = image.platform.os, image.platform.architecture, variant, image.platform.os_version
        if tops.setdefault(system, top).digest != top.digest:
            name = f"of the name {names.of(top)}" if names.of(top) else "without a name"
            raise FormatError(
                f"{blobs.label} holds two images {name} for {image.platform}: {tops[system].digest} and {top.digest}",
                "give each a name of its own, or take one out of index.json",
            )


def _check_amount(blobs: Blobs, images: int, read: int) -> None:
    hint = "name one that has fewer platforms"
    if images > _MAX_IMAGES:
        raise FormatError(f"{blobs.label} has more than {_MAX_IMAGES} images of one name", hint)
    if read > _MAX_DOCUMENTS:
        raise FormatError(f"{blobs.label} has more documents of one name than {_MAX_DOCUMENTS >> 20} MiB hold", hint)


def _layer(blobs: Blobs, entry: Descriptor) -> Callable[[], BinaryIO]:
    try:
        return blobs.layer(entry)
    except MissingBlob as error:
        if entry.media_type not in oci.FOREIGN:
            raise
        raise MissingBlob(
            f"{blobs.label} lacks the layer {entry.digest}, which its owner alone may distribute",
            "let an engine fetch it from the address that its descriptor names, and save the image from there",
        ) from error


class _Artifact(FormatError):
    """A manifest is not of a container image."""


def _original_index(blobs: Blobs, top: Descriptor, manifests: Sequence[Descriptor]) -> OriginalIndex | None:
    """The index that these are in; None if not all that it leads to is here, or in the forms that we write."""
    own = {top.digest}
    for entry in manifests:
        own.update(below.digest for below in reachable(blobs, entry))
    try:
        others = [entry for entry in reachable(blobs, top) if entry.digest not in own]
        parts = [Blob(entry.media_type, entry.digest, entry.size, blobs.layer(entry)) for entry in others]
        documents = [entry for entry in (top, *others) if entry.media_type in (oci.MANIFEST, oci.INDEX)]
        if not all(oci.is_own_form(blobs.document(entry)) for entry in documents):
            return None
    except FormatError:
        return None
    # What names others comes behind them: plain blobs, then manifests, then indexes from the inside out.
    parts.reverse()
    parts.sort(key=lambda part: {oci.MANIFEST: 1, oci.INDEX: 2}.get(part.media_type, 0))
    return OriginalIndex(blobs.document(top), tuple(entry.digest for entry in manifests), tuple(parts))


def _manifests(blobs: Blobs, top: Descriptor, seen: set[Claim], left_out: list[FormatError]) -> Iterator[Descriptor]:
    """Every manifest that may be of an image, at or below this descriptor, in order, with all that is said of it.

    An index can list one manifest several times and say something else of it each time: who chooses by the platform
    may come upon any of them.
    """
    pending = [top]
    while pending:
        entry = pending.pop()
        if (claim := _claim(entry)) in seen:
            continue
        seen.add(claim)
        if entry.media_type == oci.MANIFEST and not _is_attestation(entry):
            yield entry
        elif entry.media_type == oci.INDEX:
            document = _document(blobs, entry, left_out)
            if document is not None:
                pending.extend(reversed(oci.parse_index(document, _index_title(blobs, entry)).manifests))


def _claim(entry: Descriptor) -> Claim:
    # Of an index the platform means nothing, and without it no index is read twice.
    platform = None if entry.media_type == oci.INDEX else entry.platform
    return entry.digest, entry.media_type, entry.size, platform, _is_attestation(entry)


def _document(blobs: Blobs, entry: Descriptor, left_out: list[FormatError]) -> bytes | None:
    """The document, or None and a note if it is not there."""
    try:
        return blobs.document(entry)
    except MissingBlob as error:
        left_out.append(error)
        return None


def _index_title(blobs: Blobs, entry: Descriptor) -> str:
    return f"the image index {entry.digest} of {blobs.label}"


def _image_title(blobs: Blobs, entry: Descriptor) -> str:
    return f"the image {entry.digest} of {blobs.label}"


def _is_attestation(entry: Descriptor) -> bool:
    """Whether an index calls it what BuildKit attaches to an image: a manifest with a configuration, but no image."""
    return bool(entry.platform and entry.platform.os == "unknown") or _ATTACHED in entry.annotations


def reachable(blobs: Blobs, descriptor: Descriptor, *, sparse: bool = False) -> Iterator[Descriptor]:
    """This descriptor and every one that its documents lead to, each once.

    With `sparse`, what documents that are not there would lead to is left out; else they are a MissingBlob.
    """
    seen = set()
    pending = [descriptor]
    while pending:
        entry = pending.pop()
        if entry.digest in seen:
            continue
        seen.add(entry.digest)
        yield entry
        try:
            pending.extend(_below(blobs, entry))
        except MissingBlob:
            if not sparse:
                raise


def _below(blobs: Blobs, entry: Descriptor) -> Sequence[Descriptor]:
    if entry.media_type == oci.INDEX:
        return oci.parse_index(blobs.document(entry), _index_title(blobs, entry)).manifests
    if entry.media_type == oci.MANIFEST:
        manifest = oci.parse_manifest(blobs.document(entry), f"the manifest {entry.digest} of {blobs.label}")
        return manifest.config, *manifest.layers
    return ()


def _image(blobs: Blobs, descriptor: Descriptor, document: bytes) -> Image:
    """The image that a manifest is of. No layer is read."""
    where = f"of {blobs.label}"
    manifest = oci.parse_manifest(document, f"the manifest {descriptor.digest} {where}")
    if manifest.config.media_type != oci.CONFIG:
        kind = manifest.artifact_type or manifest.config.media_type
        raise _Artifact(
            f"the manifest {descriptor.digest} {where} is of a {kind}, not of a container image",
            "name a container image",
        )
    config_document = blobs.document(manifest.config)
    config = parse_config(config_document, f"the configuration {manifest.config.digest} {where}")
    _check_platform(descriptor, config.platform, _image_title(blobs, descriptor))
    if len(config.diff_ids) != len(manifest.layers):
        raise FormatError(
            f"the image {descriptor.digest} {where} has {len(manifest.layers)} layers,"
            f" but its configuration lists {len(config.diff_ids)}",
            "make or fetch the image again",
        )
    layers = tuple(
        Layer(
            diff_id,
            entry.digest,
            entry.size,
            entry.media_type,
            _layer(blobs, entry),
            note.comment,
            note.created_by,
        )
        for diff_id, entry, note in zip(config.diff_ids, manifest.layers, config.notes, strict=True)
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


def _check_platform(descriptor: Descriptor, platform: Platform, what: str) -> None:
    """Raises FormatError where an index lists an image for another system than its configuration is for.

    A reader that selects by the index would run an image that says it is for another system. Variants often differ.
    """
    listed = descriptor.platform
    if listed is None or not listed.os or not listed.architecture:
        return
    if (listed.os, listed.architecture) != (platform.os, platform.architecture):
        raise FormatError(
            f"{what} is listed for {listed}, but its configuration is for {platform}",
            "make the image again, or name it where no index lists it, such as by its digest",
        )
