"""By which digests others know what a build has made: a registry, an engine, a signature."""

from collections.abc import Sequence
from typing import NamedTuple

from fromscratch.digest import Digest
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.oci.graph import graph
from fromscratch.model.image import Image


class Digests(NamedTuple):
    """`whole` has what the name of the build stands for, and the image index if it is one; `images` those of each."""

    whole: dict[str, str | None]
    images: tuple[dict[str, str], ...]

    @classmethod
    def of(cls, images: Sequence[Image]) -> "Digests":
        documents = [image_documents(image) for image in images]
        top = str(graph(images).top.digest)
        manifests = [str(each.descriptor.digest) for each in documents]
        return cls(
            {"digest": top, "index": None if top in manifests else top},
            tuple(
                {"manifest": manifest, "config": str(Digest.of(each.config))}
                for manifest, each in zip(manifests, documents, strict=True)
            ),
        )
