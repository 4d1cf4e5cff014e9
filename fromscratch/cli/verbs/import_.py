"""`import`: bring an image into a container engine."""

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError


def import_(call: Call, *, tag: str | None, engine: str | None, via: str, image: str | None, json: bool) -> None:
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
    receipt = brought.deliver(
        made, images_in(found.engine, call.store, via, call.progress, call.limits), found.kind, name
    )
    facts = {"engine": found.kind, **brought.facts(receipt)}
    call.result(facts, brought.text(found.kind, receipt), json)
