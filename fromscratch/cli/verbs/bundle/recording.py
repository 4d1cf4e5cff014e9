"""The runs by which `bundle` learns: commands of this machine, recorded before anything is built."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from fromscratch.cli.call import Call
from fromscratch.errors import ImageError, UsageError
from fromscratch.flow.output import TRACE
from fromscratch.formats.trace import text
from fromscratch.host.machine.lookup import expanded
from fromscratch.host.storage import disk
from fromscratch.model.image import Platform
from fromscratch.tracing.choice import choose
from fromscratch.tracing.recording import Recording


def record(call: Call, commands: Sequence[str], name: str) -> Path:
    """Run the commands here, one after the other; the answer is their trace, a file in the bundle's output folder.

    Raises UsageError for one that is not a command, ImageError for one that fails: what it learnt would be of no use.
    """
    choice = choose(None, "command")
    call.note(f"recording by {choice.recorder.about} ({choice.reason})")
    recording = Recording(choice.recorder.name, str(Platform.of_this_machine()))

    def leaves(code: int) -> bool:
        call.note("what the command has left running is ended")
        return False

    for command, words in [(command, _words(command)) for command in commands]:
        code = choice.recorder.command(words, recording, leaves)
        if code:
            raise ImageError(
                f"{command} ended with code {code} while it was recorded, so that nothing was learnt",
                "give a command that works on this machine",
            )
    found = recording.finished()
    for note in found.notes:
        call.note(note)
    found.check_complete("the trace")
    output = Path(expanded(call.output_name)) if call.output_name else Path("build") / name
    place = output / TRACE
    place.parent.mkdir(parents=True, exist_ok=True)
    disk.write_atomically(place, text.write(found.trace))
    return place


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--exec {command}: {error}", "write it as in a shell, with quotes that end") from error
    if not words:
        raise UsageError("--exec is empty", "name a command, as in: --exec 'dot -Tsvg graph.dot'")
    return words
