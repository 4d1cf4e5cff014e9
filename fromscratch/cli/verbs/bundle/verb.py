"""`bundle`: make an image of programs of this machine and all that they need."""

import re
from collections.abc import Sequence

from fromscratch.cli.call import Call
from fromscratch.errors import UsageError


def bundle(
    call: Call,
    *,
    files: tuple[str, ...],
    name: str | None,
    tag: str | None,
    to: str | None,
    engine: str | None,
    via: str,
    stage: Sequence[str],
    add: Sequence[str],
    root: str,
    search: Sequence[str],
    preload: Sequence[str],
    plugins: Sequence[str],
    trace: Sequence[str],
    exec_: Sequence[str],
    recorded: Sequence[str],
    with_: Sequence[str],
    without: Sequence[str],
    entrypoint: str | None,
    cmd: str | None,
    user: str,
    env: Sequence[str],
    workdir: str,
    port: Sequence[str],
    volume: Sequence[str],
    label: Sequence[str],
    stop_signal: str,
    compression: str,
    start_check: str | None,
    all_: bool,
    checks: Sequence[tuple[str, str]],
    json: bool,
) -> None:
    from fromscratch.cli import destination
    from fromscratch.cli.shell_words import shell_words
    from fromscratch.cli.verbs.bundle import build, options

    if not (files or stage or add):
        raise UsageError("bundle needs a file", "name a program, as in: bundle /usr/bin/jq, or a --stage DIR")
    target = destination.target(tag, to, engine, via)
    called = build.name(name, tag, [*files, *stage, *add])
    traces = list(trace)
    if exec_:
        from fromscratch.cli.verbs.bundle import recording

        traces.append(str(recording.record(call, exec_, called)))
    switched = options.switches(with_, without)
    binaries = {
        "paths": list(files),
        "stage": list(stage),
        "add": list(add),
        "root": root,
        "search": list(search),
        "preload": list(preload),
        "plugins": list(plugins),
        "traces": traces,
        "recorded": list(recorded),
        "account": user if re.fullmatch(r"[0-9]{1,10}(:[0-9]{1,10})?", user) else "",
        **switched,
    }
    image = {
        "user": user,
        "env": options.pairs("env", env),
        "workdir": workdir,
        "ports": list(port),
        "volumes": list(volume),
        "labels": options.pairs("label", label),
        "stop_signal": stop_signal,
        "cmd": shell_words("cmd", cmd or ""),
    }
    recipe = {"name": called, "check": start_check or "error", "compression": options.codec(compression)}
    made = build.made(call, binaries, image, recipe, entrypoint, checks, every_offer=all_)
    made.deliver(call, target)
    call.result(made.facts, made.text, json)
