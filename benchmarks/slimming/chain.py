"""An image from its recipe to its proof: built, recorded under its checks, slimmed, and verified."""

import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch import Job, Platform, Store, build, fetch, load_recipe
from fromscratch.checks.contract import Check, ExecCheck, Result, Results
from fromscratch.checks.perform import perform
from fromscratch.errors import ImageError
from fromscratch.flow import slim as flow
from fromscratch.flow.images_by_name import in_build
from fromscratch.flow.recording import invocation_of
from fromscratch.flow.slim import Basis, SlimJob
from fromscratch.formats.trace.events import Trace
from fromscratch.formats.yaml import document as yaml
from fromscratch.formats.yaml.decode import decode
from fromscratch.model.entry import File
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.proof.verify import verify
from fromscratch.recipe.checks import SmokeCheckOptions
from fromscratch.recipe.slimming import SlimRecipe
from fromscratch.slimming.report import Amount

IMAGES = Path(__file__).parent / "images"
STEPS = ("build", "plain", "record", "slim", "verify", "remove")


class Measured(Struct, kw_only=True):
    """What is known of one image: sizes in bytes, seconds by step, and `faults`: why it is not proven.

    `further` counts requests that no recorded run had made and the full image answers as expected; `broken` are those
    of them that the small one does not. `removed` counts files whose content was read and that were taken out for a
    try; `unnoticed` are those without which it was still as good as the full image.
    """

    name: str
    full: Amount = Amount()
    small: Amount = Amount()
    full_packed: int = 0
    small_packed: int = 0
    recorder: str = ""
    seconds: dict[str, float] = {}
    faults: list[str] = []
    further: int = 0
    broken: list[str] = []
    removed: int = 0
    unnoticed: list[str] = []

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

    def __init__(self, folder: Path, store: Store, recorder: str | None, removals: int) -> None:
        self._folder, self._store, self._recorder, self._removals = folder, store, recorder, removals

    def run(self, name: str) -> Measured:
        """All steps of one image; a step that fails is the last."""
        measured = Measured(name=name)
        try:
            self._steps(measured)
        except ImageError as error:
            measured.faults.append(f"{error.message}; {error.hint}")
        return measured

    def _steps(self, measured: Measured) -> None:
        with measured.step("build"):
            job = self._build(measured.name)
        further = unseen(measured.name)
        with measured.step("plain"):
            full = _asked(job, job.found.tree(self._store), [*job.checks, *further])
        measured.faults += [f"full image: {fault}" for fault in faults(full.results)]
        with measured.step("record"):
            basis = flow.basis(job)
        measured.recorder = basis.trace.runs[0].recorder
        with measured.step("slim"):
            chosen = flow.choose(job, basis)
            slimmed = flow.finish(job, chosen)
        measured.full, measured.small = slimmed.report.full, slimmed.report.slim
        measured.full_packed, measured.small_packed = slimmed.full_packed, slimmed.packed
        small = in_build(job.output).tree(self._store)
        with measured.step("verify"):
            measured.faults += missed(job, basis, small)
        answers = _asked(job, small, [*job.checks, *further])
        measured.further = len(further)
        measured.broken += faults(answers.results[len(job.checks) :])
        with measured.step("remove"):
            self._remove(measured, job, basis, small)

    def _build(self, name: str) -> SlimJob:
        """Build an image, and say how it is to be slimmed."""
        path, output = IMAGES / name / "fromscratch.yaml", self._folder / name
        recipe = load_recipe(path)
        platforms = (Platform.of_this_machine(),)
        alone = replace(recipe, checks=[])  # which a build performs, too
        job = Job(recipe=alone, folder=path.parent, store=self._store, output=output, platforms=platforms)
        fetch(job)
        build(job)
        found = in_build(output)
        return SlimJob(
            found=found,
            recipe=SlimRecipe(name=f"{name}-slim", image=found.where, traces=[]),
            checks=recipe.smoke_checks(path.parent),
            recorder=self._recorder,
            output=self._folder / f"{name}-slim",
            store=self._store,
            jobs=len(os.sched_getaffinity(0)),
        )

    def _remove(self, measured: Measured, job: SlimJob, basis: Basis, small: Rootfs) -> None:
        """Remove files one at a time, whose content was read, and see whether that is found out."""
        job = replace(job, checks=hurried(basis.answers.results if basis.answers else ()))
        files = read_files(basis.trace, small)
        for path in random.Random(measured.name).sample(files, min(self._removals, len(files))):
            measured.removed += 1
            if not missed(job, basis, small.without([path])):
                measured.unnoticed.append(path)


def missed(job: SlimJob, basis: Basis, small: Rootfs) -> list[str]:
    """What a small tree does not do as the full image does; nothing if it is proven."""
    whole = flow.recording_of(job, basis.tree)
    try:
        verdict = verify(whole, replace(whole, tree=small, digest=""), job.checks, answered=basis.answers)
    except ImageError as error:
        return [error.message]
    changes = [f"{change.check}: {change.text}" for change in verdict.changes]
    return [*changes, *(f"{each.process or 'a program'} missed {each.path}" for each in verdict.lost)]


def hurried(results: Sequence[Result]) -> tuple[Check, ...]:
    """The checks with ten times the seconds that they took, so that one that fails does not wait for minutes."""
    return tuple(_within(result.check, max(5.0, 10 * result.answer.seconds)) for result in results)


def _within(check: Check, seconds: float) -> Check:
    if isinstance(check, ExecCheck):
        return replace(check, timeout=min(seconds, check.timeout), retry=min(seconds, check.retry))
    return replace(check, timeout=min(seconds, check.timeout))


def _asked(job: SlimJob, tree: Rootfs, checks: Sequence[Check]) -> Results:
    """The answers to checks that are not recorded."""
    return perform(checks, invocation_of(flow.recording_of(job, tree)))


def unseen(name: str) -> tuple[Check, ...]:
    """What is asked of an image besides its checks, none of which is recorded."""
    path = IMAGES / name / "unseen.yaml"
    document = yaml.load(path.read_text(), str(path))
    options, wrong = decode(document.value, document, list[SmokeCheckOptions])
    if wrong or options is None:
        raise SystemExit("\n".join(f"{path}:{fault.line}: {fault}" for fault in wrong))
    return tuple(each.check(path.parent) for each in options)


def faults(results: Sequence[Result]) -> list[str]:
    """A line for each check that failed."""
    return [f"{result.check.title}: {result.fault}" for result in results if not result.passed]


def read_files(trace: Trace, tree: Rootfs) -> list[TreePath]:
    """The regular files of a tree whose content the runs of a trace read, by their own names."""
    paths = {event.path for event in trace.events if event.kind in ("open", "exec")}
    return sorted({tree.resolve(path) for path in paths if isinstance(tree.find(path), File)})
