"""`trace`: record which files programs use, and merge what was recorded."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fromscratch.cli.call import Call
from fromscratch.cli.output.errors import Exit
from fromscratch.cli.output.sizes import counted
from fromscratch.errors import UsageError
from fromscratch.formats.trace import recognise, text
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.storage import disk

if TYPE_CHECKING:
    from fromscratch.formats.trace.events import Trace
    from fromscratch.tracing.recording import Recorded


def trace(
    call: Call,
    *,
    output: str | None,
    image: str | None,
    container: str | None,
    merge: bool,
    recorder: str | None,
    checks: Sequence[tuple[str, str]],
    files: Sequence[str],
) -> None:
    if output is None:
        raise UsageError("--output is missing: the trace has to be written somewhere", "say --output FILE")
    place = Path(expanded(output))
    given = {"--image": image, "--recipe": call.names_recipe, "a check": checks, "a command": call.words}
    _check_alone("--merge", merge, {**given, "--container": container, "--recorder": recorder})
    _check_alone("--container", container is not None, {**given, "--recorder": recorder})
    if merge:
        _merge(call, place, files)
    elif files:
        raise UsageError(f"{files[0]}: a file is only given to be merged", "say --merge, or put the command after --")
    elif image is not None or checks or call.names_recipe:
        _image(call, place, recorder, image, checks)
    elif container is not None:
        from fromscratch.flow.attachment import record_container

        _check(place)
        keep(call, record_container(container, call.progress), place)
    elif call.words:
        _command(call, place, recorder, call.words)
    else:
        raise UsageError(
            "there is nothing to record", "name an image with --image, or put a command of this machine after --"
        )


def _check_alone(name: str, is_given: bool, others: Mapping[str, object]) -> None:
    """Raises UsageError for what the call says beside an option that says all there is to do."""
    for other, value in others.items():
        if is_given and value:
            raise UsageError(f"{name} with {other}, which would not count", f"leave {other} out")


def _merge(call: Call, place: Path, files: Sequence[str]) -> None:
    if not files:
        raise UsageError("--merge takes the traces to merge", "say trace --merge FILE FILE --output FILE")
    reading = recognise.Reading(note=call.note)
    merged = recognise.read_all({str(each): _bytes(each) for each in map(Path, map(expanded, files))}, reading)
    disk.write_atomically(place, text.write(merged))
    call.note(f"{place} has {_counts(merged)}")


def _counts(trace: "Trace") -> str:
    runs = counted(len(trace.runs), "run", "runs")
    return f"{runs} and {counted(len(trace.events), 'event', 'events')}"


def _bytes(place: Path) -> bytes:
    with disk.readable(place):
        return place.read_bytes()


def _command(call: Call, place: Path, requested: str | None, words: Sequence[str]) -> None:
    """Record a command on this machine; its exit code is ours."""
    from fromscratch.model.image import Platform
    from fromscratch.tracing.choice import choose
    from fromscratch.tracing.recording import Recording

    if not words[0]:
        raise UsageError("the first word of the command is empty", "name a program, as in: trace --output FILE -- ls")
    _check(place)
    choice = choose(requested, "command")
    call.note(f"recording by {choice.recorder.about} ({choice.reason})")
    if os.geteuid():
        call.note("while they are recorded, programs such as sudo do not get more rights; as root they do")
    recording = Recording(choice.recorder.name, str(Platform.of_this_machine()))

    def leaves(code: int) -> None:
        call.note(f"the command has ended with code {code} and left processes behind: Ctrl-C ends them")

    code = choice.recorder.command(words, recording, leaves)
    keep(call, recording.finished(), place)
    if code:
        raise Exit(code=code)


def _image(call: Call, place: Path, requested: str | None, name: str | None, given: Sequence[tuple[str, str]]) -> None:
    """Record an image (the recipe's build under its checks, if none is named), or use it by hand.

    The words of the call replace its cmd.
    """
    from fromscratch.cli.chosen_image import target
    from fromscratch.cli.smoke_checks import checks_of
    from fromscratch.flow.recording import job_of, record_by_hand, record_checks

    _check(place)
    checks = checks_of(given)
    if name is None:
        checks = (*call.job.recipe.smoke_checks(call.job.folder), *checks)
    found = target(call, name)
    job = job_of(found, found.tree(call.store, call.limits), call.store.workspace("run", "roots"))
    job = replace(job, argv=call.words, recorder=requested, progress=call.progress)
    if not checks:
        keep(call, record_by_hand(job), place)
        return
    recorded, results = record_checks(job, checks)
    keep(call, recorded, place)
    if results.failed:
        from fromscratch.checks.report import ChecksFailed

        raise ChecksFailed(results)


def _check(place: Path) -> None:
    """Raises UsageError, before anything runs, for a place that no trace can be written to."""
    if place.is_dir():
        raise UsageError(f"{place} is a folder", "name a file in it")
    if not place.absolute().parent.is_dir() or not os.access(place.absolute().parent, os.W_OK):
        raise UsageError(f"{place} cannot be written: its folder is not there, or not yours", "name another file")


def keep(call: Call, found: "Recorded", place: Path) -> None:
    """Write the trace. Raises ImageError if it is not complete."""
    for note in found.notes:
        call.note(note)
    disk.write_atomically(place, text.write(found.trace))
    call.note(f"{place} has {counted(len(found.trace.events), 'event', 'events')}")
    found.check_complete(str(place), "record as root, or another time, and merge the traces")
