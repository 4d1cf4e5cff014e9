"""`pack`: write an image to a file for other systems."""

from fromscratch.cli.call import Call
from fromscratch.cli.output import streams
from fromscratch.cli.parsing.candidates import FORMS
from fromscratch.errors import UsageError
from fromscratch.nearest import nearest


def pack(call: Call, *, to: str | None, output: str | None, tag: str | None, image: str | None, json: bool) -> None:
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
    images = all_images(call, image)
    reference = tag or image_name.inside(call, to, image, images)
    receipt = catalogue.by_word(to).at(place, call.store, limits=call.limits).write(images, reference)
    if place == streams.STDOUT:
        return
    call.result({"reference": receipt.reference, "digest": str(receipt.digest)}, f"wrote {receipt.reference}", json)
