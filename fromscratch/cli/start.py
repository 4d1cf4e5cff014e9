"""The two ways in which `run` starts an image."""

import secrets
import sys

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError
from fromscratch.host.engine import Engine
from fromscratch.model.image import Image
from fromscratch.naming import Found


def the_engine(name: str | None, image: Image | None) -> Engine | None:
    """The engine to start an image with; None for a private root.

    Only docker is asked by itself: it has a daemon that answers or does not, while podman is a
    program that may be there and yet be unable to start anything. A plain root is no image, and an
    image of another platform starts in a private root under qemu, which no engine brings along.
    """
    from fromscratch.host.engine import engine, find_engine, status

    if name == "none" or image is None:
        return None
    if name is not None:
        refusal = engine(name).refusal()
        if refusal:
            raise refusal
        return find_engine(name).engine
    state = status(engine("docker"))
    ready = state.available and state.platform == image.platform and not state.engine.refusal()
    return state.engine if ready else None


def in_engine(call: Call, found: Found, engine: Engine) -> int:
    """Load the image under a name of its own, start it on this terminal, and take the name away again."""
    from fromscratch.sinks.catalogue import engine_sink

    name = f"fromscratch-run:{secrets.token_hex(6)}"
    image = found.need_image()
    receipt = engine_sink(engine, call.store, "load", call.progress).deliver(image, name)
    try:
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        entrypoint = image.config.entrypoint
        return engine.start(receipt.reference, call.words or (), terminal=terminal, entrypoint=entrypoint)
    finally:
        engine.forget(receipt.reference)


def in_private_root(call: Call, found: Found) -> int:
    """Start it without an engine. Raises UsageError for a plain root, which does not say how it is started."""
    from fromscratch.host.private_root import run_in_private_root
    from fromscratch.model.image import Platform, RunConfig

    if found.image is None and not call.words:
        raise UsageError(f"{found.where} does not say which command to run", "give one, as in: run NAME -- /bin/sh")
    image = found.image
    return run_in_private_root(
        found.tree(call.store),
        image.config if image else RunConfig(),
        call.words,
        workdir=call.store.workspace("run", "roots"),
        platform=image.platform if image else Platform.of_this_machine(),
        progress=call.progress,
    )
