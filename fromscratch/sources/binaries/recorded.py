"""The traces that a `binaries` item names: runs of its programs on this machine."""

import os
from pathlib import Path

from fromscratch import regular_file
from fromscratch.errors import UsageError
from fromscratch.host.machine import lookup
from fromscratch.linker.beyond.recorded import Recorded
from fromscratch.sources.binaries.options import BinariesOptions


def recorded(options: BinariesOptions, folder: Path, label: str) -> Recorded | None:
    """What the traces hold, in any form that is known; None without any. `folder` is where the commands ran.

    Raises UsageError for a file that is not there or a trace of an image, FormatError for what is not a trace.
    """
    if not options.traces:
        return None
    from fromscratch.formats.trace.recognise import Reading, read_all

    files = {name: regular_file.read_bytes(lookup.file(folder, name, label)) for name in options.traces}
    trace = read_all(files, Reading(cwd=os.path.realpath(folder), exists=os.path.exists))
    if image := next((run.image for run in trace.runs if run.image), ""):
        raise UsageError(
            f"{label}: {', '.join(options.traces)}: recorded in the image {image}, and not on this machine",
            "record the command here; an image is made smaller by slim",
        )
    own = os.path.realpath(folder)
    return Recorded(trace, own=(own,) if own != "/" else (), extra=tuple(options.recorded))
