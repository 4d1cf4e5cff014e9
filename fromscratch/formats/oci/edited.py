"""The documents of an image that was read, edited where it has changed: all else in them stays as it was.

Fields that we have no use for, of whatever tool, stay in the configuration, the manifest and the index: only what
differs between the image and its changed form is written anew (image-spec/config.md, manifest.md, image-index.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import image_documents, os_fields, timestamp
from fromscratch.formats.oci.history import layer_steps
from fromscratch.formats.oci.json_schema import decode
from fromscratch.formats.oci.run_config import run_fields
from fromscratch.model.image import Image, Layer, Original, OriginalIndex

Step = dict[str, Any]
_ATTESTED = "vnd.docker.reference.digest"


def edited(image: Image, changed: Image, added: Sequence[Layer] = (), steps: Sequence[Step] = ()) -> Image:
    """`changed`, with `added` layers on top, and the documents of `image` edited to say so.

    `steps` go to the end of the history, of which those that are not `empty_layer` stand for the added layers; a
    history that does not fit the layers it has is left out, as nothing could tell which entry is of which layer.
    """
    after = replace(changed, layers=(*image.layers, *added))
    if image.original is None or not image.original.config:
        return replace(after, original=None)
    config = _config(image, after, added, steps)
    manifest = b""
    if image.original.manifest:
        manifest = _manifest(image, after, added, oci.describe(config, oci.CONFIG))
    return replace(after, original=Original(config, manifest, image.original.index))


def history_fits(image: Image) -> bool:
    """Whether the history of an image that was read has an entry for each layer, or it has neither."""
    original = image.original.config if image.original else b""
    return not original or (layer_steps(original) or 0) == len(image.layers)


def _config(image: Image, after: Image, added: Sequence[Layer], steps: Sequence[Step]) -> bytes:
    what = "the configuration"
    original = image.original.config if image.original else b""
    document = decode(original, dict[str, Any], what)
    run = _with_differences(document.get("config") or {}, run_fields(image.config), run_fields(after.config))
    if run or document.get("config") is not None:
        document["config"] = run
    about = _with_differences(document, _about(image), _about(after))
    about["rootfs"] = {**about["rootfs"], "diff_ids": [str(layer.diff_id) for layer in after.layers]}
    if history_fits(image):
        about["history"] = [*(about.get("history") or []), *steps]
    elif added:
        about.pop("history", None)
    return oci.canonical(about, what)


def _about(image: Image) -> dict[str, Any]:
    return {
        "created": timestamp(image.created),
        **({"author": image.author} if image.author else {}),
        **os_fields(image.platform),
    }


def _with_differences(known: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """A document with the fields that differ, at their place if it has them."""
    document = dict(known)
    for name in dict.fromkeys([*before, *now]):
        if name not in now:
            document.pop(name, None)
        elif before.get(name) != now[name]:
            document[name] = now[name]
    return document


def _manifest(image: Image, after: Image, added: Sequence[Layer], config: oci.Descriptor) -> bytes:
    what = "the manifest"
    original = image.original.manifest if image.original else b""
    document = decode(original, dict[str, Any], what)
    document["config"] = _pointing_to(document["config"], config)
    fresh = [oci.descriptor_fields(oci.layer_descriptor(layer)) for layer in added]
    document["layers"] = [*(document.get("layers") or []), *fresh]
    if after.annotations != image.annotations:
        document.pop("annotations", None)
        if after.annotations:
            document["annotations"] = dict(after.annotations)
    return oci.canonical(document, what)


def _pointing_to(entry: Mapping[str, Any], target: oci.Descriptor) -> dict[str, Any]:
    """A descriptor of a document that has changed, with all else that it says. Its embedded bytes were the old ones."""
    others = {name: value for name, value in entry.items() if name != "data"}
    return {**others, "digest": str(target.digest), "size": target.size}


def under_index(before: Sequence[Image], after: Sequence[Image], annotations: Mapping[str, str] | None) -> list[Image]:
    """The changed images in the index that the others were read from: each entry of an image that has not changed, and
    of what is not an image, stays byte for byte. `annotations` are those of the index; None leaves them.

    Where there was no index, or a nested one that cannot be edited, it is written anew for the images.
    """
    index = before[0].original.index if before and before[0].original else None
    edited = index and _index(index, before, after, annotations)
    return [
        replace(image, original=image.original and replace(image.original, index=edited or None)) for image in after
    ]


def _index(
    index: OriginalIndex, before: Sequence[Image], after: Sequence[Image], annotations: Mapping[str, str] | None
) -> OriginalIndex | None:
    what = "the image index"
    now = {
        image_documents(old).descriptor.digest: (old, new, image_documents(new).descriptor)
        for old, new in zip(before, after, strict=True)
    }
    if set(index.manifests) != set(now):
        return None
    document = decode(index.data, dict[str, Any], what)
    seen: set[Digest] = set()
    entries: list[Any] = []
    for entry in document.get("manifests") or []:
        digest = Digest.exact(entry["digest"])
        if digest in now:
            seen.add(digest)
            old, new, target = now[digest]
            if target.digest != digest:
                entry = _pointing_to(entry, target)
            if old.platform != new.platform:
                entry["platform"] = oci.platform_fields(new.platform)
        entries.append(entry)
    if seen != set(now):
        return None  # in an index below this one
    document["manifests"] = entries
    if annotations is not None:
        document.pop("annotations", None)
        if annotations:
            document["annotations"] = dict(annotations)
    manifests = tuple(now[digest][2].digest for digest in index.manifests)
    return OriginalIndex(oci.canonical(document, what), manifests, index.others)


def index_annotations(images: Sequence[Image]) -> Mapping[str, str] | None:
    """The annotations of the index that images were read from; None where there is none."""
    index = images[0].original.index if images and images[0].original else None
    return None if index is None else oci.parse_index(index.data, "the image index").annotations


def attestations_of(images: Sequence[Image], digests: set[Digest]) -> list[Digest]:
    """The manifests beside these images that say something of one of these digests, such as where it was built."""
    index = images[0].original.index if images and images[0].original else None
    if index is None:
        return []
    entries = oci.parse_index(index.data, "the image index").manifests
    return [entry.digest for entry in entries if _digest(entry.annotations.get(_ATTESTED)) in digests]


def _digest(text: str | None) -> Digest | None:
    try:
        return Digest.exact(text) if text else None
    except FormatError:
        return None
