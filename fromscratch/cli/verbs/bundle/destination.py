"""Where `bundle` brings its image: the options that say so, checked before anything is built."""

from typing import NamedTuple

from fromscratch.cli.parsing.candidates import ENGINES, FORMS
from fromscratch.errors import UsageError
from fromscratch.nearest import nearest


class Target(NamedTuple):
    """Where a bundle is to go besides its folder; empty texts are for nowhere."""

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
