"""Whether a tree answers as the full image does, and asks for nothing in vain that the full image has."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.checks.contract import Check, Results
from fromscratch.checks.perform import perform
from fromscratch.errors import ImageError
from fromscratch.formats.trace.events import Trace
from fromscratch.host.container.preparation import Invocation
from fromscratch.model.entry import File
from fromscratch.model.image import Image
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.proof.answers import compare
from fromscratch.proof.lost import lost
from fromscratch.tracing.choice import choose
from fromscratch.tracing.recording import Recorded, Recording


class Reference(Struct, kw_only=True):
    """The full image: what two runs answered to the checks, one of them recorded."""

    image: Image
    tree: Rootfs
    checks: Sequence[Check]
    results: Results
    again: Results


class Runs:
    """Runs images; their roots are written below `workdir`. `recorder` is its name, or None for the one that works."""

    def __init__(self, workdir: Path, recorder: str | None) -> None:
        self._workdir, self._recorder = workdir, recorder

    def plain(self, image: Image, tree: Rootfs, checks: Sequence[Check]) -> Results:
        return perform(checks, self._invocation(image, tree))

    def recorded(
        self, image: Image, tree: Rootfs, checks: Sequence[Check], digest: str = ""
    ) -> tuple[Results, Recorded]:
        recorder = choose(self._recorder, "image").recorder
        recording = Recording(recorder.name, str(image.platform), digest)
        with recorder.watch(recording) as watch:
            results = perform(checks, self._invocation(image, tree), watch)
        return results, recording.finished()

    def verdict(self, reference: Reference, tree: Rootfs) -> list[str]:
        """What is wrong with a smaller tree; nothing if it is as good as the full image."""
        try:
            results, recorded = self.recorded(reference.image, tree, reference.checks)
        except ImageError as error:
            return [error.message]
        changes = compare(reference.results, reference.again, results).changes
        missing = lost(recorded.trace.events, reference.tree, tree)
        return [
            *faults(results),
            *(f"{change.check}: {change.text}" for change in changes),
            *(f"it lacks {each.path}, which {each.process} asked for" for each in missing),
        ]

    def _invocation(self, image: Image, tree: Rootfs) -> Invocation:
        return Invocation(tree=tree, config=image.config, workdir=self._workdir, platform=image.platform)


def first(results: Results, number: int) -> Results:
    return replace(results, results=results.results[:number])


def faults(results: Results) -> Iterator[str]:
    """A line for each check that failed, and the end of what the image's own command wrote if one did."""
    for result in results.failed:
        yield f"{result.check.title}: {result.fault}"
    if results.failed and results.own is not None:
        yield f"its command wrote: {results.own.output[-600:].decode('utf-8', 'replace')}"


def read_files(trace: Trace, tree: Rootfs) -> list[TreePath]:
    """The regular files of a tree whose content the runs of a trace read, by their own names."""
    paths = {event.path for event in trace.events if event.kind in ("open", "exec")}
    return sorted({tree.resolve(path) for path in paths if isinstance(tree.find(path), File)})
