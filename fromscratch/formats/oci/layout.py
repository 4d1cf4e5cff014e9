"""The other images of a layout when one is written into it: image-spec/image-layout.md, "index.json file".

The entries that stay are kept field for field, with all blobs that they lead to.
"""

from collections.abc import Collection

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import FormatError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.artifact import subject_of
from fromscratch.formats.oci.reader import Blobs, images_below, reachable


class Others(Struct, frozen=True):
    """The entries that stay, by their places in the index, and all blobs below them that are in the layout."""

    places: tuple[int, ...] = ()
    blobs: tuple[oci.Descriptor, ...] = ()


def others(blobs: Blobs, index: oci.Index, tag: str | None, new: Collection[Digest]) -> Others:
    """What stays beside a new image of this name, which brings the blobs `new`.

    Without a name it takes the place of the images without one. What refers to an image that is
    no longer there goes with it.
    """
    stays = dict(enumerate(index.manifests))
    gone = [stays.pop(place) for place, entry in enumerate(index.manifests) if _is_replaced(blobs, entry, tag)]
    while True:
        present = {each.digest: each for entry in stays.values() for each in reachable(blobs, entry, sparse=True)}
        lost = {each.digest for entry in gone for each in reachable(blobs, entry, sparse=True)}
        lost -= present.keys() | set(new)
        orphans = [place for place, entry in stays.items() if _refers(blobs, entry, lost)]
        if not orphans:
            break
        gone += [stays.pop(place) for place in orphans]
    return Others(tuple(stays), tuple(present.values()))


def everything(blobs: Blobs, index: oci.Index) -> Others:
    """The same where all entries stay."""
    found = {each.digest: each for entry in index.manifests for each in reachable(blobs, entry, sparse=True)}
    return Others(tuple(range(len(index.manifests))), tuple(found.values()))


def _is_replaced(blobs: Blobs, entry: oci.Descriptor, tag: str | None) -> bool:
    name = entry.annotations.get(oci.REF_NAME)
    if name is not None or tag is not None:
        return name == tag
    try:
        return bool(images_below(blobs, [entry]))
    except FormatError:
        return False


def _refers(blobs: Blobs, entry: oci.Descriptor, lost: Collection[Digest]) -> bool:
    return oci.REF_NAME not in entry.annotations and bool(lost) and subject_of(blobs, entry) in lost
