"""What every sink is: a place that an image is delivered to."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.model.image import Image


class Receipt(Struct, frozen=True):
    """Where the image can be found now, and the digest that place knows it by.

    `ours` is our own digest of the same thing, where that may be another.
    """

    reference: str
    digest: Digest
    ours: Digest | None = None


class Sink(Protocol):
    def deliver(self, image: Image, reference: str) -> Receipt:
        """Bring the image there under that name. Nothing half-written stays if it fails."""


@runtime_checkable
class IndexSink(Sink, Protocol):
    """A sink that holds several platforms under one name, in an image index."""

    def deliver_all(self, images: Sequence[Image], reference: str) -> Receipt:
        """Bring one image for each platform there, under that name."""
