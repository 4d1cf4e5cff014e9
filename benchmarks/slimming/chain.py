"""An image from its recipe to its proof: built, recorded under its checks, slimmed, and checked again."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import Job, Platform, Store, build, fetch, load_recipe
from fromscratch.checks.contract import Check, Results
from fromscratch.checks.perform import perform
from fromscratch.errors import ImageError
from fromscratch.flow import slim as flow
from fromscratch.flow.images_by_name import Found, in_build
from fromscratch.formats.trace import text
from fromscratch.formats.yaml import document as yaml
from fromscratch.formats.yaml.decode import decode
from fromscratch.host.container.preparation import Invocation
from fromscratch.model.rootfs import Rootfs
from fromscratch.recipe.checks import SmokeCheckOptions
from fromscratch.recipe.slimming import SlimRecipe
from fromscratch.slimming.report import Amount
from fromscratch.tracing.choice import choose
from fromscratch.tracing.recording import Recorded, Recording

IMAGES = Path(__file__).parent / "images"
STEPS = ("build", "plain", "record", "slim", "check", "verify")


class Measured(Struct, kw_only=True):
    """What is known of one image: sizes in bytes, seconds by step, and `faults`: why it is not proven.

    `unseen` counts requests that no recorded run had made and the full image answers as expected; `broken` are those
    of them that the small one does not.
    """

    name: str
    full: Amount = Amount()
    small: Amount = Amount()
    full_packed: int = 0
    small_packed: int = 0
    events: int = 0
    recorder: str = ""
    seconds: dict[str, float] = {}
    faults: list[str] = []
    unseen: int = 0
    broken: list[str] = []

    @property
    def proven(self) -> bool:
        return not self.faults

    @property
    def ratio(self) -> float:
        """How many times smaller the files of the small image are."""
        return self.full.bytes / self.small.bytes if self.small.bytes else 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - start


class Chain:
    """The images lie below `folder`, each in a folder of its own; packages are kept in the store."""

    def __init__(self, folder: Path, store: Store, recorder: str | None) -> None:
        self._folder, self._store, self._recorder = folder, store, recorder

    def run(self, name: str) -> Measured:
        """All steps of one image; a step that fails is the last."""
        measured = Measured(name=name)
        try:
            self._steps(measured)
        except ImageError as error:
            measured.faults.append(f"{error.message}; {error.hint}")
        return measured

    def _steps(self, measured: Measured) -> None:
        output = self._folder / measured.name
        with measured.step("build"):
            checks = self._build(measured.name, output)
        full = in_build(output)
        with measured.step("plain"):
            plain = perform([*checks, *unseen(measured.name)], self._invocation(full))
        measured.faults += [f"full image: {fault}" for fault in faults(plain)]
        trace = output / "run.trace"
        with measured.step("record"):
            results, recorded = self._record(full, checks)
        measured.recorder, measured.events = recorded.trace.runs[0].recorder, len(recorded.trace.events)
        measured.faults += [f"the recorder lost {count} events: {why}" for why, count in recorded.lost.items()]
        trace.write_bytes(text.write(recorded.trace))
        measured.faults += [f"recorded: {fault}" for fault in faults(results)]
        if measured.faults:
            return
        small = self._folder / f"{measured.name}-slim"
        with measured.step("slim"):
            self._slim(measured, full, trace, small)
        with measured.step("check"):
            small_results = perform([*checks, *unseen(measured.name)], self._invocation(in_build(small)))
        with measured.step("verify"):
            again, recorded = self._record(in_build(small), checks)
        measured.faults += [f"small image, recorded: {fault}" for fault in faults(again)]
        measured.faults += [f"the small image lacks {path}" for path in lacking(full.tree(self._store), recorded)]
        seen = replace(small_results, results=small_results.results[: len(checks)])
        measured.faults += [f"small image: {fault}" for fault in faults(seen)]
        rest = small_results.results[len(checks) :]
        measured.unseen = len(rest)
        measured.broken += [f"{result.check.title}: {result.fault}" for result in rest if not result.passed]

    def _build(self, name: str, output: Path) -> tuple[Check, ...]:
        path = IMAGES / name / "fromscratch.yaml"
        recipe = load_recipe(path)
        platforms = (Platform.of_this_machine(),)
        alone = replace(recipe, checks=[])  # which a build performs, too
        job = Job(recipe=alone, folder=path.parent, store=self._store, output=output, platforms=platforms)
        fetch(job)
        build(job)
        return recipe.smoke_checks(path.parent)

    def _record(self, found: Found, checks: Sequence[Check]) -> tuple[Results, Recorded]:
        recorder = choose(self._recorder, "image").recorder
        recording = Recording(recorder.name, str(found.need_image().platform), flow.digest(found))
        with recorder.watch(recording) as watch:
            return perform(checks, self._invocation(found), watch), recording.finished()

    def _slim(self, measured: Measured, full: Found, trace: Path, output: Path) -> None:
        recipe = SlimRecipe(name=output.name, image=full.where, traces=[str(trace)])
        cpus = len(os.sched_getaffinity(0))
        slimmed = flow.slim(flow.SlimJob(found=full, recipe=recipe, output=output, store=self._store, jobs=cpus))
        measured.full, measured.small = slimmed.report.full, slimmed.report.slim
        measured.full_packed, measured.small_packed = slimmed.full_packed, slimmed.packed

    def _invocation(self, found: Found) -> Invocation:
        image = found.need_image()
        return Invocation(
            tree=found.tree(self._store),
            config=image.config,
            workdir=self._store.workspace("benchmark", "roots"),
            platform=image.platform,
        )


def lacking(full: Rootfs, recorded: Recorded) -> list[str]:
    """The paths that a run in the small image asked for in vain, though the full image has them."""
    missing = {event.path for event in recorded.trace.events if event.kind == "missing"}
    return sorted(path for path in missing if full.find(path) is not None)


def unseen(name: str) -> tuple[Check, ...]:
    """What is asked of an image besides its checks, none of which is recorded."""
    path = IMAGES / name / "unseen.yaml"
    document = yaml.load(path.read_text(), str(path))
    options, wrong = decode(document.value, document, list[SmokeCheckOptions])
    if wrong or options is None:
        raise SystemExit("\n".join(f"{path}:{fault.line}: {fault}" for fault in wrong))
    return tuple(each.check(path.parent) for each in options)


def faults(results: Results) -> Iterator[str]:
    """A line for each check that failed, and the end of what the image's own command wrote if one did."""
    for result in results.failed:
        yield f"{result.check.title}: {result.fault}"
    if results.failed and results.own is not None:
        yield f"its command wrote: {results.own.output[-600:].decode('utf-8', 'replace')}"
