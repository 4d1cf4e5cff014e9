"""The names that an index gives its images, by the annotations of their descriptors."""

import re
from collections.abc import Sequence

from fromscratch.errors import UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.documents import Descriptor
from fromscratch.model.reference import full_form


def with_name(descriptors: Sequence[Descriptor], tag: str | None, label: str) -> list[Descriptor]:
    """The descriptors of this name, which may be the full one that containerd gives.

    Without a name: all, if they are not different images of different names.
    """
    chosen = [entry for entry in descriptors if tag is None or _has_name(entry, tag)]
    names = sorted({name for entry in descriptors if (name := of(entry))})
    if not chosen and tag is not None:
        there = f"it holds {', '.join(names)}" if names else "the images in it have no name: leave the tag out"
        raise UsageError(f"{label} has no image named {tag!r}", there)
    called = {name: entry.digest for entry in chosen if (name := of(entry))}
    if len(set(called.values())) > 1 and len(called) > 1:
        several = ", ".join(sorted(called))
        raise UsageError(f"{label} holds several images: {several}", f"name one of them, as in {label}:{min(called)}")
    return chosen


def of(entry: Descriptor) -> str:
    """The name of an image in its index, the full one first: two images of one archive may have the same tag."""
    return entry.annotations.get(oci.FULL_NAME) or entry.annotations.get(oci.REF_NAME) or ""


def image_name(entry: Descriptor) -> str:
    """The same as `Image.name` has it, a tag behind a colon: podman writes whole names where others have a tag."""
    name = of(entry)
    return f":{name}" if name and not re.search("[:/]", name) else name


def _has_name(entry: Descriptor, name: str) -> bool:
    full = entry.annotations.get(oci.FULL_NAME)
    return entry.annotations.get(oci.REF_NAME) == name or (full is not None and full_form(full) == full_form(name))
