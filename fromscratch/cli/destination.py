"""Where `bundle` and `slim` bring their image: the options that say so, checked before anything is built."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fromscratch.cli.call import Call
from fromscratch.cli.parsing.candidates import ENGINES, FORMS
from fromscratch.errors import ImageError, UsageError
from fromscratch.model.image import Image, Platform
from fromscratch.nearest import nearest


class Target(NamedTuple):
    """Where an image is to go besides its folder; empty texts are for nowhere."""

    tag: str
    engine: str | None
    via: str
    form: str
    place: str
    reference: str


def target(tag: str | None, to: str | None, engine: str | None, via: str) -> Target:
    """What --tag, --to, --engine and --via say, looked at before anything is built. Raises UsageError."""
    if via not in ("load", "import"):
        raise UsageError(f"--via {via}: no such way", "say load or import")
    if engine is not None:
        from fromscratch.images.engine_choice import engine as known

        known(engine)
    if tag is not None:
        from fromscratch.host.engines.contract import image_name

        image_name(tag)
    form, _, place = (to or "").partition(":")
    if form in ENGINES:
        registry = place.startswith("//")
        way = f"leave --to out, then push {place[2:]} --image NAME" if registry else f"say --engine {form} --tag REF"
        raise UsageError(f"--to {to}: --to is for files and folders", way)
    if to is not None and form not in FORMS:
        near = nearest(form, FORMS)
        raise UsageError(
            f"--to {to}: {form or 'that'} is not a form of an image",
            f"did you mean {near[0]}:{place or 'PLACE'}?" if near else f"say FORM:PLACE with one of {', '.join(FORMS)}",
        )
    reference = ""
    if to is not None:
        from fromscratch.images import catalogue

        kind = catalogue.by_word(form)
        if kind.naming != "none":
            place, _, reference = place.partition(":")
        if place in ("", "-"):
            raise UsageError(f"--to {to} names no {kind.place}", f"say --to {form}:PLACE")
    return Target(tag=tag or "", engine=engine, via=via, form=form, place=place, reference=reference)


class Delivery(NamedTuple):
    """What there is to say of a delivery: for a program, and for a person."""

    facts: dict[str, Any]
    lines: tuple[str, ...]


def deliver(call: Call, target: Target, images: Sequence[Image], name: str, layout: Path) -> Delivery:
    """To a file and to an engine, as far as the target names them; `layout` is where the images are already.

    Raises ImageError.
    """
    facts: dict[str, Any] = {}
    lines: list[str] = []
    if target.form:
        from fromscratch.cli.image_name import inside_of
        from fromscratch.images import catalogue

        transport = catalogue.by_word(target.form).at(target.place, call.store, limits=call.limits)
        receipt = transport.write(list(images), inside_of(target.form, name, target.reference))
        facts["written"] = {"reference": receipt.reference, "digest": str(receipt.digest)}
        lines.append(f"wrote {receipt.reference}")
    if target.tag:
        facts["engine"], line = _load(call, target, images, layout)
        lines.append(line)
    return Delivery(facts, tuple(lines))


def _load(call: Call, target: Target, images: Sequence[Image], layout: Path) -> tuple[dict[str, Any], str]:
    from fromscratch.cli import engine_delivery
    from fromscratch.images.contract import image_for
    from fromscratch.images.engine_choice import find_engine, images_in

    try:
        found = find_engine(target.engine)
    except ImageError as error:
        raise ImageError(f"the image is in oci:{layout}, but {error.message}", error.hint) from error
    here = [image for image in images if image.platform == Platform.of_this_machine()]
    image = (here or [image_for(images, call.platforms, str(layout))])[0]
    transport = images_in(found.engine, call.store, target.via, call.progress, call.limits)
    receipt = transport.write([image], target.tag)
    return {"kind": found.kind, **engine_delivery.facts(receipt)}, engine_delivery.text(found.kind, receipt)
