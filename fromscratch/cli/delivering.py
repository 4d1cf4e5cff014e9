"""The verbs that bring an image to where it runs: import, pack, run."""

import difflib
from pathlib import Path

from fromscratch.cli import interruptions, streams
from fromscratch.cli.call import Call
from fromscratch.cli.verb import CHOSEN, Ended, verb
from fromscratch.cli.wording import FORMS
from fromscratch.errors import UsageError

_IMAGE = "another image than the recipe's build: a name, or one with its kind, such as oci:DIR"


@verb(
    "import",
    delivers=True,
    help={
        "tag": "REF, what the engine will call it (default: the name that the image has, or the recipe's)",
        "engine": "docker, podman, buildah or containerd (default: the first of these that answers)",
        "via": "import (default): the root's tar and a metadata Dockerfile; load: as it is, so that its digest is kept",
        "image": _IMAGE,
        "platform": CHOSEN,
        "json": "the name and ID for a program to read",
    },
)
def import_(
    call: Call,
    tag: str | None = None,
    engine: str | None = None,
    via: str = "import",
    image: str | None = None,
    json: bool = False,
) -> None:
    """Bring the image into a container engine: its import of the root and the configuration, or --via load."""
    from fromscratch.cli import brought, called
    from fromscratch.host.engines.select import find_engine
    from fromscratch.images.catalogue import engine_sink

    if via not in ("import", "load"):
        raise UsageError(f"--via {via}: no such way", "say import or load")
    if engine is not None:
        from fromscratch.host.engines.select import engine as known

        known(engine)
    made = brought.wanted(call, image)
    name = tag or called.wholly(call, image, made)
    found = find_engine(engine)
    receipt = brought.deliver(made, engine_sink(found.engine, call.store, via, call.progress), found.kind, name)
    facts = {"engine": found.kind, **brought.facts(receipt)}
    call.result(facts, brought.text(found.kind, receipt), json)


@verb(
    delivers=True,
    help={
        "to": f"one of {', '.join(FORMS)}",
        "output": "the FILE to write (for oci: the DIR); - is standard output",
        "tag": "what the image is called inside (default: the name that it has, or the recipe's; in a layout its tag)",
        "image": _IMAGE,
        "platform": CHOSEN,
        "json": "the file and its digest for a program to read",
    },
)
def pack(
    call: Call,
    to: str | None = None,
    output: str | None = None,
    tag: str | None = None,
    image: str | None = None,
    json: bool = False,
) -> None:
    """Write the image to a file for other systems: tar, oci, oci-archive, docker-archive or aci."""
    from fromscratch.cli import called
    from fromscratch.cli.target import all_images
    from fromscratch.flow import assembly
    from fromscratch.images.catalogue import file_sink

    if to not in FORMS:
        near = difflib.get_close_matches(to or "", FORMS, 1)
        raise UsageError(
            f"--to {to}: no such form" if to else "pack needs a form",
            f"did you mean {near[0]}?" if near else f"say --to with one of: {', '.join(FORMS)}",
        )
    if not output:
        raise UsageError("pack needs a place to write to", f"say --output FILE, such as --output image.{_suffix(to)}")
    place = streams.place(output, to, json=json)
    images = all_images(call, image)
    reference = tag or called.inside(call, to, image, images)
    receipt = assembly.deliver(images, file_sink(to, Path(place), call.store), reference)
    if place == streams.STDOUT:
        return
    call.result({"reference": receipt.reference, "digest": str(receipt.digest)}, f"wrote {receipt.reference}", json)


@verb(
    operand="image",
    help={
        "image": _IMAGE,
        "platform": CHOSEN,
        "engine": "docker, podman or containerd; crun or runc alone; none: a private root"
        " (default: docker if it answers, else crun, runc or a private root)",
    },
)
def run(call: Call, image: str | None = None, engine: str | None = None) -> None:
    """Start the image here: with an engine, a runtime or in a private root. Words after -- replace its cmd."""
    from fromscratch.cli.start import STARTERS, WITHOUT, in_engine, the_engine, without_engine
    from fromscratch.cli.target import target

    if engine is not None and engine not in WITHOUT:
        from fromscratch.host.engines.select import engine as known

        known(engine, STARTERS)  # a name that is none is told before anything is read
    try:
        found = target(call, image)
        chosen = the_engine(engine, found.image)
        code = in_engine(call, found, chosen) if chosen else without_engine(call, found, engine)
    except KeyboardInterrupt as error:
        # Who starts a container looks at the code as at that of the command, which a signal ends.
        raise Ended("\ninterrupted", code=128 + interruptions.latest()) from error
    if code:
        raise Ended(code=code)


def _suffix(form: str) -> str:
    return form if form in ("oci", "aci") else "tar"
