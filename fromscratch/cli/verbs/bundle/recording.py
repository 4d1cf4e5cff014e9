"""The runs by which `bundle` learns: commands of this machine, recorded before anything is built."""

from collections.abc import Sequence
from pathlib import Path

from fromscratch.cli.call import Call
from fromscratch.cli.shell_words import command_words
from fromscratch.errors import ImageError
from fromscratch.flow.output import TRACE
from fromscratch.formats.trace import text
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

    for command, words in [(command, command_words("exec", command)) for command in commands]:
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
    place = call.output_folder(name) / TRACE
    place.parent.mkdir(parents=True, exist_ok=True)
    disk.write_atomically(place, text.write(found.trace))
    return place
