"""`pull`: bring an image out of a registry."""

from pathlib import Path
from typing import TYPE_CHECKING

from fromscratch.cli.call import Call
from fromscratch.cli.output import streams
from fromscratch.cli.parsing.candidates import FORMS
from fromscratch.cli.registry_access import access
from fromscratch.errors import UsageError

if TYPE_CHECKING:
    from fromscratch.model.reference import Reference

_FOLDER = Path("pulled")


def pull(
    call: Call,
    *,
    ref: str | None,
    to: str,
    output: str | None,
    plain_http: bool,
    ca: str | None,
    json: bool,
) -> None:
    from fromscratch.host.registry.address import reference_of
    from fromscratch.host.registry.pull import pull_from
    from fromscratch.images import catalogue

    if not ref:
        raise UsageError("pull needs the name of an image", "say pull HOST/PATH:TAG, as in docker.io/library/busybox:1")
    if to not in FORMS:
        raise UsageError(f"--to {to}: no such form", f"say one of: {', '.join(FORMS)}")
    if not output and catalogue.by_word(to).place != "folder":
        example = f"image{catalogue.by_word(to).suffix}"
        raise UsageError(f"pull --to {to} needs a file to write", f"say --output FILE, such as --output {example}")
    reference = reference_of(ref)
    place = Path(streams.place(output, to, json=json)) if output else _folder(reference)
    top, images = pull_from(
        ref, call.store, call.progress, access=access(call, plain_http, ca), platforms=call.platforms
    )
    transport = catalogue.by_word(to).at(str(place), call.store, limits=call.limits)
    receipt = transport.write(images, _name(reference, to))
    if str(place) == streams.STDOUT:
        return
    data = {
        "reference": f"docker://{reference}",
        "digest": str(top.digest),
        "platforms": [str(image.platform) for image in images],
        "image": receipt.reference,
    }
    call.result(data, f"pulled {reference} ({top.digest}) -> {receipt.reference}", json)


def _folder(reference: "Reference") -> Path:
    """A folder of its own for each repository: tags of one share a layout. A colon would begin a tag."""
    from fromscratch.host.registry.address import Place

    place = Place.of(reference)
    return _FOLDER / place.registry.replace(":", "+") / place.repository


def _name(reference: "Reference", form: str) -> str:
    """What a form calls what was pulled: a layout by the tag alone. Without a tag, an archive of docker's has one."""
    from fromscratch.images import catalogue

    naming = catalogue.by_word(form).naming
    if naming == "tag" or (naming == "tag or name" and not reference.tag):
        return reference.tag or ""
    return f"{reference.repository}:{reference.tag or 'latest'}"
