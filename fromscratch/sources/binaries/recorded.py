"""The traces that a `binaries` item names: runs of its programs on this machine."""

import os
from pathlib import Path

from fromscratch import regular_file
from fromscratch.errors import UsageError
from fromscratch.host.machine import lookup
from fromscratch.linker.beyond.recorded import Recorded
from fromscratch.sources.binaries.options import BinariesOptions


def recorded(options: BinariesOptions, folder: Path, label: str) -> Recorded | None:
    """What the traces hold, merged; None without any. `folder` is the recipe's, in which the commands ran.

    Raises UsageError for a file that is not there or a trace of an image, FormatError for what is not a trace.
    """
    if not options.traces:
        return None
    from fromscratch.formats.trace import text

    traces = []
    for name in options.traces:
        path = lookup.file(folder, name, label)
        trace = text.read(regular_file.read_bytes(path), name)
        if image := next((run.image for run in trace.runs if run.image), ""):
            raise UsageError(
                f"{label}: {name} was recorded in the image {image}, and not on this machine",
                "record the command here; an image is made smaller by slim",
            )
        traces.append(trace)
    own = os.path.realpath(folder)
    return Recorded(text.merge(traces), own=(own,) if own != "/" else (), extra=tuple(options.recorded))
