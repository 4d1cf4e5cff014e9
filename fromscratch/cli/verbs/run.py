"""`run`: start an image here, with an engine, an OCI runtime or in a private root."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fromscratch.cli import interruptions
from fromscratch.cli.call import Call
from fromscratch.cli.output.errors import Exit
from fromscratch.cli.parsing.candidates import STARTERS
from fromscratch.errors import MissingTool, UsageError

if TYPE_CHECKING:
    from fromscratch.flow.images_by_name import Found
    from fromscratch.host.engines.contract import Engine
    from fromscratch.model.image import Image

WITHOUT = ("none", "crun", "runc")


def run(call: Call, *, image: str | None, engine: str | None, checks: Sequence[tuple[str, str]], json: bool) -> None:
    from fromscratch.cli.chosen_image import target

    if json and not checks:
        raise UsageError("--json is about checks, and there are none", "add a --check, or leave --json out")
    if engine is not None and engine not in WITHOUT:
        from fromscratch.images.engine_choice import engine as known

        known(engine, STARTERS)  # so that an unknown name is refused before anything is read
    try:
        found = target(call, image)
        if checks:
            from fromscratch.cli.verbs.run_checks import run_checks

            run_checks(call, found, engine, checks, json)
            return
        chosen = the_engine(engine, found.image)
        code = in_engine(call, found, chosen) if chosen else without_engine(call, found, engine)
    except KeyboardInterrupt as error:
        # As a shell does for a command that a signal ends: callers read our code as the command's.
        raise Exit("\ninterrupted", code=128 + interruptions.latest()) from error
    if code:
        raise Exit(code=code)


def the_engine(name: str | None, image: "Image | None") -> "Engine | None":
    """The engine to start an image with; None for a private root.

    Only docker is asked by itself: it has a daemon that answers or does not, while podman is a
    program that may be there and yet be unable to start anything. A plain root is not an image, and an
    image of another platform starts in a private root under qemu, which no engine brings along.
    """
    from fromscratch.images.engine_choice import engine, find_engine

    if name in WITHOUT or image is None:
        return None
    if name is not None:
        refusal = engine(name).refusal()
        if refusal:
            raise refusal
        return find_engine(name).engine
    state = engine("docker").status()
    ready = state.available and state.platform == image.platform and not state.engine.refusal()
    return state.engine if ready else None


def in_engine(call: Call, found: "Found", engine: "Engine") -> int:
    """Load the image under a name of its own, start it on this terminal, and take the name away again."""
    import secrets

    from fromscratch.images.engine_choice import images_in

    name = f"fromscratch-run:{secrets.token_hex(6)}"
    image = found.need_image()
    receipt = images_in(engine, call.store, "load", call.progress, call.limits).write([image], name)
    try:
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        entrypoint = image.config.entrypoint
        return engine.start(receipt.reference, call.words or (), terminal=terminal, entrypoint=entrypoint)
    finally:
        engine.forget(receipt.reference)


def without_engine(call: Call, found: "Found", requested: str | None) -> int:
    """Start it by crun or runc where one is installed and can, else in a private root; a note says which.

    `requested` is one of these, "none" for a private root, or None. Raises UsageError for a plain root, which does not
    say how it is started, MissingTool for a runtime that is not there.
    """
    from fromscratch.host.container import runtime
    from fromscratch.host.container.preparation import Invocation
    from fromscratch.host.container.private_root import run_in_private_root
    from fromscratch.model.image import Platform, RunConfig

    if found.image is None and not call.words:
        raise UsageError(f"{found.where} does not say which command to run", "give one, as in: run NAME -- /bin/sh")
    image = found.image
    tree, config = found.tree(call.store, call.limits), image.config if image else RunConfig()
    platform = image.platform if image else Platform.of_this_machine()
    invocation = Invocation(
        tree=tree,
        config=config,
        argv=call.words,
        workdir=call.store.workspace("run", "roots"),
        platform=platform,
        progress=call.progress,
    )
    here = [] if requested == "none" else runtime.installed(runtime.RUNTIMES if requested is None else (requested,))
    if requested not in (None, "none") and not here:
        raise MissingTool(f"{requested} is not on this machine", f"install {requested}, or say --engine none")
    for one in here:
        try:
            call.progress.note(f"starting it by {one.version}")
            return runtime.run_in_runtime(one, invocation)
        except runtime.CannotRunHere as refusal:
            if requested is not None:
                raise
            call.progress.note(f"{refusal.message}; starting it in another way")
    return run_in_private_root(invocation)
