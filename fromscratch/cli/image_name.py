"""What an image is called where it goes: as the call says, else as it is called where it comes from."""

import re
from collections.abc import Sequence

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError
from fromscratch.model.image import Image
from fromscratch.model.reference import BUILD_NAME


def build_name(text: str) -> str:
    """The value of --name, which names a folder below build/ and an image. Raises UsageError."""
    if not re.fullmatch(BUILD_NAME, text):
        raise UsageError(f"--name {text}: it names a folder and an image", "write it as my-app, in lower case")
    return text


def wholly(call: Call, image: str | None, found: Sequence[Image]) -> str:
    """The whole name to give an image. Raises UsageError for an image that has a place and no name."""
    name = _known(call, image, found)
    if not name or name.startswith(":"):
        raise UsageError(f"{image} says where the image is, and not what to call it", "say --tag NAME")
    if not _with_tag(name):
        raise UsageError(f"{name} says by its digest which image is meant, and not what to call it", "say --tag NAME")
    return name


def inside(call: Call, form: str, image: str | None, found: Sequence[Image]) -> str:
    """The reference for a file of this form: the tag for a layout, a name for archives. Errors as for `wholly`."""
    match _naming(form):
        case "none":
            return ""
        case "tag":
            return _tag(_known(call, image, found)) or "latest"
        case "tag or name":
            name = _known(call, image, found)
            return name if not name or name.startswith(":") or _with_tag(name) else ""
    return wholly(call, image, found)


def inside_of(form: str, name: str, said: str) -> str:
    """The same for an image of this name, where the file and what to call it inside are `said` in one word."""
    naming = _naming(form)
    if naming == "tag":
        return said or "latest"
    if said and (naming != "tag or name" or ":" in said or "/" in said):
        return said
    return f"{name}:{said or 'latest'}"


def _naming(form: str) -> str:
    from fromscratch.images import catalogue

    return catalogue.by_word(form).naming


def _known(call: Call, image: str | None, found: Sequence[Image]) -> str:
    """A whole name, a tag alone behind a colon, or nothing."""
    from fromscratch.images import catalogue

    if image is None:
        return call.job.recipe.name
    line = catalogue.of_name(image)
    if line is None:
        return image
    return found[0].name if catalogue.load(line).place else image.removeprefix(line.scheme)


def _with_tag(name: str) -> bool:
    """Whether a whole name has a tag, if only by default. Raises UsageError for one of others that is malformed."""
    from fromscratch.model.reference import Reference

    try:
        return bool(Reference.parse(name).tag)
    except UsageError as error:
        raise UsageError(f"the image is called {name!r} where it is, which is not a name", "say --tag NAME") from error


def _tag(name: str) -> str:
    """The tag of a name; empty for one of others that is malformed."""
    from fromscratch.model.reference import Reference

    if name.startswith(":"):
        return name[1:]
    try:
        return Reference.parse(name).tag
    except UsageError:
        return ""
