"""Where `mod` brings the changed image: a file, a folder, a registry, or an engine."""

from typing import NamedTuple

from fromscratch.cli import image_name
from fromscratch.cli.call import Call
from fromscratch.errors import UsageError
from fromscratch.flow import delivery
from fromscratch.flow.modification import Modified
from fromscratch.host.registry.access import Access
from fromscratch.images import catalogue
from fromscratch.images.contract import Receipt
from fromscratch.images.engine_choice import engine as known_engine
from fromscratch.images.engine_choice import find_engine
from fromscratch.model.image import Image
from fromscratch.model.reference import slug


class Target(NamedTuple):
    """The name that images are written to; or with an engine, which may be any, the name that they get there."""

    place: str
    engine: str | None = None
    in_engine: bool = False


def target(to: str | None, tag: str | None, engine: str | None) -> Target:
    """What the options say, looked at before anything is done. Raises UsageError."""
    if to and tag:
        raise UsageError("--to and --tag both say where the image goes", "say one of them")
    if engine is not None:
        known_engine(engine)
    if tag:
        from fromscratch.host.engines.contract import image_name as checked

        checked(tag)
        return Target(tag, engine, in_engine=True)
    if not to:
        raise UsageError(
            "mod needs a place for the changed image",
            "say --to PLACE, as in oci:DIR, docker-archive:FILE or docker://HOST/NAME:TAG, or --tag REF for an engine",
        )
    line = catalogue.of_name(to)
    if line is None or not line.role or to == line.scheme:
        places = ", ".join(each.usage for each in catalogue.TRANSPORTS if each.role)
        raise UsageError(f"--to {to} does not say where the image goes", f"say one of {places}")
    if line.role in ("engine", "runner"):
        known_engine(line.word)
    return Target(to)


def deliver(call: Call, target: Target, made: Modified, name: str, access: Access) -> tuple[Receipt, tuple[Image, ...]]:
    """Write the images, and say which; a place for one platform gets the changed one.

    Raises UsageError where several have changed and the place takes one only.
    """
    place = target.place
    if target.in_engine:
        place = f"{find_engine(target.engine).engine.kind}:{place}"
    line = catalogue.of_name(place)
    if line is None:
        raise UsageError(f"{place} does not say where the image goes", "begin it with a kind, such as oci:")
    kind = catalogue.load(line)
    images = made.images if kind.platforms else made.changed
    if kind.place:
        place = f"{place}{_name_inside(line.word, place.removeprefix(line.scheme), name, images)}"
    return delivery.deliver(images, place, call.store, call.progress, call.limits, access=access), images


def _name_inside(form: str, rest: str, name: str, images: tuple[Image, ...]) -> str:
    """The colon and name that follow a file or folder where the call gives none: what the image is called already."""
    from fromscratch.host.machine.lookup import expanded
    from fromscratch.images.local import path_and_name

    path, called = path_and_name(expanded(rest))
    naming = catalogue.by_word(form).naming
    if called or naming == "none" or path != expanded(rest):
        return ""
    present = images[0].name
    if naming == "tag":
        return ":" + (present.rpartition(":")[2] if ":" in present.rpartition("/")[2] else "latest")
    return f":{image_name.inside_of(form, _word(name), '')}" if not present or present[0] == ":" else f":{present}"


def _word(image: str) -> str:
    """The last word of an image's name or place, to be a name."""
    line = catalogue.of_name(image)
    text = image.removeprefix(line.scheme) if line else image
    last = text.partition("@")[0].rstrip("/").removesuffix("/oci").rpartition("/")[2]
    return slug(last.partition(":")[0].removesuffix(".tar"), "image")
