"""`pack`: write an image to a file for other systems."""

from collections.abc import Sequence

from fromscratch.cli.call import Call
from fromscratch.cli.output import streams
from fromscratch.cli.parsing.candidates import FORMS
from fromscratch.errors import UsageError
from fromscratch.model.image import Image
from fromscratch.nearest import nearest


def pack(call: Call, *, to: str | None, output: str | None, tag: str | None, image: Sequence[str], json: bool) -> None:
    from fromscratch.cli import image_name
    from fromscratch.cli.chosen_image import all_images
    from fromscratch.images import catalogue

    if to not in FORMS:
        near = nearest(to or "", FORMS)
        raise UsageError(
            f"--to {to}: no such form" if to else "pack needs a form",
            f"did you mean {near[0]}?" if near else f"say --to with one of: {', '.join(FORMS)}",
        )
    if not output:
        example = f"image{catalogue.by_word(to).suffix}"
        raise UsageError("pack needs a place to write to", f"say --output FILE, such as --output {example}")
    place = streams.place(output, to, json=json)
    first = image[0] if image else None
    images = [each for name in (image or (None,)) for each in all_images(call, name)]
    _check_platforms(images)
    reference = tag or image_name.inside(call, to, first, images)
    receipt = catalogue.by_word(to).at(place, call.store, limits=call.limits).write(images, reference)
    if place == streams.STDOUT:
        return
    call.result({"reference": receipt.reference, "digest": str(receipt.digest)}, f"wrote {receipt.reference}", json)


def _check_platforms(images: Sequence[Image]) -> None:
    """One index has one image for each platform. Raises UsageError."""
    seen: set[str] = set()
    for platform in (str(each.platform) for each in images):
        if platform in seen:
            raise UsageError(f"two of these images are for {platform}", "name images for different platforms, or one")
        seen.add(platform)
