"""The traces of an image that is slimmed: read from files, or recorded while its checks are made."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from fromscratch.checks.contract import Check, Results
from fromscratch.errors import UsageError
from fromscratch.flow.recording import RecordingJob
from fromscratch.formats.trace import recognise
from fromscratch.formats.trace.events import Trace
from fromscratch.host.storage import disk
from fromscratch.model.entry import File
from fromscratch.model.image import RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import shown
from fromscratch.progress import Progress
from fromscratch.regular_file import read_bytes
from fromscratch.slimming.configured import search_path


def recorded_trace(job: RecordingJob, checks: Sequence[Check]) -> tuple[Trace, Results]:
    """The trace of an image while checks are made in it, and their results.

    Raises ChecksFailed for an image that fails its own checks, ImageError for a trace that is not complete.
    """
    from fromscratch.checks.report import ChecksFailed
    from fromscratch.flow.recording import record_checks

    recorded, results = record_checks(job, checks)
    for note in recorded.notes:
        job.progress.note(note)
    if results.failed:
        raise ChecksFailed(results, "the full image")
    recorded.check_complete("the trace")
    return recorded.trace, results


def read_traces(files: Sequence[Path], tree: Rootfs, config: RunConfig, root: str, progress: Progress) -> Trace:
    """The traces of an image with this tree and configuration as one, each in the form that it has.

    In those of others, `root` is the folder of the machine that was the root of the container. Raises UsageError for a
    file that is not there, FormatError for one that is not a trace.
    """
    programs = _Programs(tree)
    reading = recognise.Reading(
        root=root,
        search=tuple(search_path(config)),
        exists=programs.exists,
        note=progress.note,
    )
    found = recognise.read_all({str(path): _bytes(path) for path in files}, reading)
    for name in programs.unknown():
        progress.note(f"{shown(name)}, which a trace names without a folder, is in none of the folders of PATH")
    return found


class _Programs:
    """The programs that a list names without a folder."""

    def __init__(self, tree: Rootfs) -> None:
        self._tree = tree
        self._found: dict[str, bool] = {}

    def exists(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        is_there = isinstance(self._tree.find(path), File)
        self._found[name] = self._found.get(name, False) or is_there
        return is_there

    def unknown(self) -> Iterator[str]:
        return (name for name, is_there in self._found.items() if not is_there)


def _bytes(path: Path) -> bytes:
    with disk.readable(path):
        try:
            return read_bytes(path)
        except FileNotFoundError as error:
            raise UsageError(f"there is no trace {path}", "see whether the path is right") from error
