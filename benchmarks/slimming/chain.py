"""An image from its recipe to its proof: built, recorded under its checks, slimmed, and checked again."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from benchmarks.slimming.verdict import Reference, Runs, faults, first, read_files
from fromscratch import Job, Platform, Store, build, fetch, load_recipe
from fromscratch.checks.contract import Check
from fromscratch.errors import ImageError
from fromscratch.flow import slim as flow
from fromscratch.flow.images_by_name import Found, in_build
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Trace
from fromscratch.formats.yaml import document as yaml
from fromscratch.formats.yaml.decode import decode
from fromscratch.model.rootfs import Rootfs
from fromscratch.recipe.checks import SmokeCheckOptions
from fromscratch.recipe.slimming import SlimRecipe
from fromscratch.slimming.report import Amount

IMAGES = Path(__file__).parent / "images"
STEPS = ("build", "plain", "record", "slim", "check", "verify", "remove")


class Measured(Struct, kw_only=True):
    """What is known of one image: sizes in bytes, seconds by step, and `faults`: why it is not proven.

    `unseen` counts requests that no recorded run had made and the full image answers as expected; `broken` are those
    of them that the small one does not. `removed` counts files whose content was read and that were taken out for a
    try; `unnoticed` are those without which it was still as good as the full image.
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
        self._folder, self._store, self._removals = folder, store, removals
        self._runs = Runs(store.workspace("benchmark", "roots"), recorder)

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
        found, further = in_build(output), unseen(measured.name)
        full, tree = found.need_image(), found.tree(self._store)
        with measured.step("plain"):
            plain = self._runs.plain(full, tree, [*checks, *further])
        measured.faults += [f"full image: {fault}" for fault in faults(plain)]
        with measured.step("record"):
            results, recorded = self._runs.recorded(full, tree, checks, flow.digest(found))
        measured.recorder, measured.events = recorded.trace.runs[0].recorder, len(recorded.trace.events)
        measured.faults += [f"the recorder lost {count} events: {why}" for why, count in recorded.lost.items()]
        measured.faults += [f"recorded: {fault}" for fault in faults(results)]
        if measured.faults:
            return
        again = first(plain, len(checks))
        reference = Reference(image=full, tree=tree, checks=checks, results=results, again=again)
        trace = output / "run.trace"
        trace.write_bytes(text.write(recorded.trace))
        with measured.step("slim"):
            small = self._slim(measured, found, trace)
        with measured.step("check"):
            answers = self._runs.plain(full, small, [*checks, *further])
        measured.faults += [f"small image: {fault}" for fault in faults(first(answers, len(checks)))]
        rest = answers.results[len(checks) :]
        measured.unseen = len(rest)
        measured.broken += [f"{result.check.title}: {result.fault}" for result in rest if not result.passed]
        with measured.step("verify"):
            measured.faults += self._runs.verdict(reference, small)
        with measured.step("remove"):
            self._remove(measured, reference, small, recorded.trace)

    def _remove(self, measured: Measured, reference: Reference, small: Rootfs, trace: Trace) -> None:
        """Remove files one at a time, whose content was read, and see whether that is found out."""
        files = read_files(trace, small)
        for path in random.Random(measured.name).sample(files, min(self._removals, len(files))):
            measured.removed += 1
            if not self._runs.verdict(reference, small.without([path])):
                measured.unnoticed.append(path)

    def _build(self, name: str, output: Path) -> tuple[Check, ...]:
        path = IMAGES / name / "fromscratch.yaml"
        recipe = load_recipe(path)
        platforms = (Platform.of_this_machine(),)
        alone = replace(recipe, checks=[])  # which a build performs, too
        job = Job(recipe=alone, folder=path.parent, store=self._store, output=output, platforms=platforms)
        fetch(job)
        build(job)
        return recipe.smoke_checks(path.parent)

    def _slim(self, measured: Measured, full: Found, trace: Path) -> Rootfs:
        output = self._folder / f"{measured.name}-slim"
        recipe = SlimRecipe(name=output.name, image=full.where, traces=[str(trace)])
        cpus = len(os.sched_getaffinity(0))
        slimmed = flow.slim(flow.SlimJob(found=full, recipe=recipe, output=output, store=self._store, jobs=cpus))
        measured.full, measured.small = slimmed.report.full, slimmed.report.slim
        measured.full_packed, measured.small_packed = slimmed.full_packed, slimmed.packed
        return in_build(output).tree(self._store)


def unseen(name: str) -> tuple[Check, ...]:
    """What is asked of an image besides its checks, none of which is recorded."""
    path = IMAGES / name / "unseen.yaml"
    document = yaml.load(path.read_text(), str(path))
    options, wrong = decode(document.value, document, list[SmokeCheckOptions])
    if wrong or options is None:
        raise SystemExit("\n".join(f"{path}:{fault.line}: {fault}" for fault in wrong))
    return tuple(each.check(path.parent) for each in options)
