"""Why checks failed: they are made once more while a recorder watches, which sees what programs asked for in vain."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from fromscratch.checks.contract import Check, ExecCheck, Results, RunCheck
from fromscratch.checks.lacking import lacking
from fromscratch.checks.perform import perform
from fromscratch.errors import ImageError
from fromscratch.host.container.preparation import Invocation, command_of
from fromscratch.model.image import Platform
from fromscratch.progress import SILENT
from fromscratch.tracing.choice import choose
from fromscratch.tracing.recording import Recording

# What is looked for here comes within the first seconds or never.
_PATIENCE = 5.0


def explained(results: Results, invocation: Invocation) -> Results:
    """The same results with what the image lacks, if some failed and it can be recorded here; a note says if not."""
    if not results.failed:
        return results
    here = Platform.of_this_machine()
    if invocation.platform.architecture != here.architecture:
        return results  # what an emulator asks for is not what the image asks for
    progress = invocation.progress
    try:
        recorder = choose(None, "image").recorder
        recording = Recording(recorder.name, str(invocation.platform))
        with (
            progress.task("look for what it lacks", total=None, unit="checks"),
            recorder.watch(recording) as watch,
        ):
            perform(_again(results), replace(invocation, progress=SILENT), watch)
    except ImageError as error:
        progress.note(f"what the image lacks could not be recorded: {error.message}")
        return results
    commands = set(_commands(results, invocation))
    return replace(results, lacks=lacking(recording.trace(), invocation.tree, commands, _output(results)))


def _again(results: Results) -> Sequence[Check]:
    """All checks up to the last that failed, since later ones may depend on earlier ones, with less patience."""
    failed = [place for place, result in enumerate(results.results) if not result.passed]
    return [_impatient(result.check) for result in results.results[: failed[-1] + 1]]


def _impatient(check: Check) -> Check:
    check = replace(check, timeout=min(check.timeout, _PATIENCE))
    return replace(check, retry=0) if isinstance(check, ExecCheck) else check


def _output(results: Results) -> bytes:
    parts = [part for result in results.failed for part in (result.answer.output, result.answer.errors)]
    return b"\n".join([*parts, results.own.output if results.own else b""])


def _commands(results: Results, invocation: Invocation) -> Iterator[tuple[str, ...]]:
    """The commands that failed, and the image's own if that may be the reason."""
    config = invocation.config
    for result in results.failed:
        match result.check:
            case ExecCheck(argv=argv):
                yield argv
            case RunCheck(argv=argv):
                yield tuple(command_of(config, argv or invocation.argv))
            case _ if results.own is not None:
                yield results.own.words
    if results.own is not None and results.own.code:
        yield results.own.words
