"""`bundle`: make an image of programs of this machine and all that they need."""

from collections.abc import Sequence

from fromscratch.cli.call import Call
from fromscratch.cli.parsing.verb import verb
from fromscratch.cli.parsing.wording import ROOT, SEARCH
from fromscratch.errors import UsageError
from fromscratch.images.catalogue import TRANSPORTS, alternatives, engines


@verb(
    operands="files",
    repeated=(
        "stage",
        "add",
        "search",
        "preload",
        "plugins",
        "with_",
        "without",
        "env",
        "port",
        "volume",
        "label",
    ),
    without=("recipe",),
    may_be_empty=("entrypoint", "cmd"),
    help={
        "name": "what build/NAME and the image are called (default: of the tag, else of the first file)",
        "tag": "REF to give it in the engine that answers",
        "to": f"FORM:PLACE to write it to: {alternatives([line.usage for line in TRANSPORTS if line.role == 'form'])}",
        "engine": f"{alternatives(engines())} (default: the first of these that answers)",
        "via": "load (default): as it is, so that its digest is kept; import: the root's tar and a metadata Dockerfile",
        "stage": "DIR, a staged install tree (DESTDIR), taken whole; may be repeated",
        "add": "PATH or PATH:/DEST, a further file or folder; may be repeated",
        "root": ROOT,
        "search": SEARCH,
        "preload": "NAME for /etc/ld.so.preload; may be repeated",
        "plugins": "GLOB of files that the programs load by themselves; may be repeated",
        "with": "KIND or KIND=VALUE of what linking does not show, such as localtime or gconv=UTF-16; may be repeated",
        "without": "KIND to leave out, such as certificates or dlopen; may be repeated",
        "entrypoint": "the words that a container starts with (default: the one program there is)",
        "cmd": "the words behind the entry point, which a call can replace",
        "user": "UID[:GID], or a name (default: 65532:65532)",
        "env": "NAME=VALUE; may be repeated",
        "workdir": "DIR that a container starts in",
        "port": "PORT that it listens on; may be repeated",
        "volume": "DIR of data that outlives a container; may be repeated",
        "label": "NAME=VALUE; may be repeated",
        "stop_signal": "the signal that ends a container",
        "json": "what was built for a program to read",
    },
)
def bundle(
    call: Call,
    files: tuple[str, ...] = (),
    name: str | None = None,
    tag: str | None = None,
    to: str | None = None,
    engine: str | None = None,
    via: str = "load",
    stage: Sequence[str] = (),
    add: Sequence[str] = (),
    root: str = "/",
    search: Sequence[str] = (),
    preload: Sequence[str] = (),
    plugins: Sequence[str] = (),
    with_: Sequence[str] = (),
    without: Sequence[str] = (),
    entrypoint: str | None = None,
    cmd: str | None = None,
    user: str = "65532:65532",
    env: Sequence[str] = (),
    workdir: str = "",
    port: Sequence[str] = (),
    volume: Sequence[str] = (),
    label: Sequence[str] = (),
    stop_signal: str = "",
    json: bool = False,
) -> None:
    """Make an image of programs and all that they need, without a recipe. FILE:/DEST puts a file elsewhere."""
    from fromscratch.cli.verbs import bundle_build as bundles
    from fromscratch.cli.verbs import bundle_destination as targets
    from fromscratch.cli.verbs import bundle_options as switches

    if not (files or stage or add):
        raise UsageError("bundle needs a file", "name a program, as in: bundle /usr/bin/jq, or a --stage DIR")
    target = targets.target(tag, to, engine, via)
    switched = switches.switches(with_, without)
    binaries = {
        "paths": list(files),
        "stage": list(stage),
        "add": list(add),
        "root": root,
        "search": list(search),
        "preload": list(preload),
        "plugins": list(plugins),
        **switched,
    }
    image = {
        "user": user,
        "env": switches.pairs("env", env),
        "workdir": workdir,
        "ports": list(port),
        "volumes": list(volume),
        "labels": switches.pairs("label", label),
        "stop_signal": stop_signal,
        "cmd": switches.words("cmd", cmd),
    }
    made = bundles.made(call, binaries, image, name or bundles.name(tag, [*files, *stage, *add]), entrypoint)
    made.deliver(call, target)
    call.result(made.facts, made.text, json)
