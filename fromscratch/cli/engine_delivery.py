"""Images on their way into an engine: which of several platforms, and what is said of it afterwards."""

from collections.abc import Sequence
from typing import Any

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError
from fromscratch.images.contract import Receipt, Transport
from fromscratch.model.image import Image


def images_to_load(call: Call, image: str | None) -> list[Image]:
    """The one image that an engine gets, or all for which `--platform` names several. Raises UsageError, NotFetched."""
    from fromscratch.cli.chosen_image import all_images, images, target
    from fromscratch.host.images.layers import with_verified_layers

    if len(call.platforms) > 1:
        return all_images(call, image)
    chosen = target(call, image).need_image()
    if image is None and not call.platforms:
        others = [each.platform for each in images(call, None) if each.platform != chosen.platform]
        if others:
            names = ", ".join(map(str, others))
            call.note(f"this is the image for {chosen.platform}; there is one for {names} too: see --platform")
    return with_verified_layers([chosen], call.store)


def deliver(images: Sequence[Image], transport: Transport, kind: str, name: str) -> Receipt:
    """Write images into an engine. Raises UsageError for several platforms where an engine has one under a name."""
    if len(images) > 1 and not transport.platforms:
        from fromscratch.images import catalogue

        there = ", ".join(str(image.platform) for image in images)
        several = [engine for engine in catalogue.engines() if catalogue.by_word(engine).platforms]
        raise UsageError(
            f"{kind} has one platform under a name, and these are {there}",
            f"name one with --platform; {catalogue.alternatives(several)} takes several, with --via load",
        )
    return transport.write(images, name)


def text(kind: str, receipt: Receipt) -> str:
    """What an engine has now: its digest of the image, and our own digest of the same thing."""
    ours = "the same" if receipt.ours == receipt.digest else receipt.ours
    return f"{kind} has {receipt.reference} as {receipt.digest}" + (f" (ours: {ours})" if ours else "")


def facts(receipt: Receipt) -> dict[str, Any]:
    """The same for a program to read. `id` is what the engine knows the image by."""
    made = {"reference": receipt.reference, "id": str(receipt.digest)}
    return {**made, **({"ours": str(receipt.ours)} if receipt.ours else {})}
