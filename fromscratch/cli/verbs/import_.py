"""`import`: bring an image into a container engine."""

from fromscratch.cli.call import Call
from fromscratch.cli.parsing.verb import CHOSEN, verb
from fromscratch.cli.parsing.wording import OTHER_IMAGE
from fromscratch.errors import UsageError
from fromscratch.images.catalogue import alternatives, engines


@verb(
    "import",
    delivers=True,
    help={
        "tag": "REF, what the engine will call it (default: the name that the image has, or the recipe's)",
        "engine": f"{alternatives(engines())} (default: the first of these that answers)",
        "via": "import (default): the root's tar and a metadata Dockerfile; load: as it is, so that its digest is kept",
        "image": OTHER_IMAGE,
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
    from fromscratch.cli import engine_delivery as brought
    from fromscratch.cli import image_name as called
    from fromscratch.images.engine_choice import find_engine, images_in

    if via not in ("import", "load"):
        raise UsageError(f"--via {via}: no such way", "say import or load")
    if engine is not None:
        from fromscratch.images.engine_choice import engine as known

        known(engine)
    made = brought.wanted(call, image)
    name = tag or called.wholly(call, image, made)
    found = find_engine(engine)
    receipt = brought.deliver(made, images_in(found.engine, call.store, via, call.progress), found.kind, name)
    facts = {"engine": found.kind, **brought.facts(receipt)}
    call.result(facts, brought.text(found.kind, receipt), json)
