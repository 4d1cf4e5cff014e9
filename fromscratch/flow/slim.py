"""Slimming: an image, found by its name, cut to what traces show and its programs link to, and written as a build is.

With checks it is recorded first, while they are made. `proof.slimming` has the small image pass them too.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.advice import Setting, advice
from fromscratch.checks.contract import Check, Results
from fromscratch.errors import UsageError
from fromscratch.flow import evidence, output, recording
from fromscratch.flow.images_by_name import Found, is_of_layout
from fromscratch.flow.recording import RecordingJob
from fromscratch.flow.slim_output import Cut, Slimmed, digest, write
from fromscratch.flow.slim_start import check_start
from fromscratch.flow.slim_traces import read_traces, recorded_trace
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Trace
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import SILENT, Progress
from fromscratch.recipe import slimming
from fromscratch.recipe.slimming import SlimRecipe
from fromscratch.slimming import fitness
from fromscratch.slimming.options import SlimOptions
from fromscratch.slimming.requested import check_requested
from fromscratch.slimming.selection import Selection, select


class SlimJob(Struct, frozen=True, kw_only=True):
    """An image that is to be slimmed by a recipe, whose traces are named from the current folder.

    With `checks`, the image is recorded while they are made, by the `recorder` that is asked for or else the first that
    works here.
    In traces of others the root of the container is `trace_root`.
    """

    found: Found
    recipe: SlimRecipe
    checks: tuple[Check, ...] = ()
    recorder: str | None = None
    trace_root: str = "/"
    output: Path
    store: Store
    progress: Progress = SILENT
    jobs: int = 2
    spell: Callable[[str], str] = str
    limits: Limits = DEFAULT_LIMITS

    @property
    def layout(self) -> Path:
        return self.output / output.LAYOUT


class Basis(Struct, frozen=True, kw_only=True):
    """What decides what is kept: the full image, its tree, what the traces say, and the answers to the checks."""

    full: Image
    tree: Rootfs
    trace: Trace
    answers: Results | None = None


class Chosen(Struct, frozen=True, kw_only=True):
    """What is to be kept of an image, and what decided that."""

    basis: Basis
    selection: Selection


def slim(job: SlimJob) -> Slimmed:
    """Make the small image, in an OCI layout in the output folder, with its evidence.

    Raises what `basis` and `choose` raise, and ImageError for a small image that could not start.
    """
    job.store.lock_against_removal()
    return finish(job, choose(job, basis(job)))


def basis(job: SlimJob) -> Basis:
    """The image of a job with what its traces say; with checks, it is recorded while they are made.

    Raises UsageError for a trace that is empty or of another image, NotInTree for what is to be kept and is not there,
    and ChecksFailed for an image that fails its own checks.
    """
    _check_place(job)
    slimming.text(job.recipe)  # raises, before anything is done, for what no recipe can hold
    tree = job.found.tree(job.store, job.limits)
    full = job.found.image or Image(layers=(), config=RunConfig(), platform=Platform.of_this_machine())
    any_image = job.recipe.any_image
    fitness.check_digest(digest(job.found), job.recipe.digest, job.found.where, any_image=any_image)
    check_requested(tree, _options(job.recipe))
    files = [Path(name) for name in job.recipe.traces]
    traces = [read_traces(files, tree, full.config, job.trace_root, job.progress)] if files else []
    answers = None
    if job.checks:
        recorded, answers = recorded_trace(recording_of(job, tree), job.checks)
        traces.append(recorded)
    trace = text.merge(traces)
    fitness.check_recorded(trace, digest(job.found), job.found.where, any_image=any_image)
    return Basis(full=full, tree=tree, trace=trace, answers=answers)


def choose(job: SlimJob, basis: Basis) -> Chosen:
    """What is kept by the traces and options of a job. Raises ImageError for a trace that does not fit the image."""
    full, tree = basis.full, basis.tree
    with job.progress.task(f"slim {job.found.where}", total=None, unit="entries"):
        selection = select(tree, basis.trace, full.config, full.platform, _options(job.recipe), _origins(job.found))
    recorded_here = fitness.is_recorded_in(basis.trace, digest(job.found))
    fitness.check_fit(selection, job.found.where, any_image=job.recipe.any_image or recorded_here)
    for note in fitness.notes(selection, tree):
        job.progress.note(note)
    return Chosen(basis=basis, selection=selection)


def finish(job: SlimJob, chosen: Chosen) -> Slimmed:
    """Write the small image to the output folder. Raises ImageError for one that could not start."""
    full, tree, selection = chosen.basis.full, chosen.basis.tree, chosen.selection
    small = tree if job.recipe.split else selection.tree
    start = check_start(small, tree, full.config, full.platform, job.progress)
    with output.held(job.output, job.progress):
        output.check_replaceable(job.output)
        cut = Cut(
            found=job.found,
            full=full,
            tree=tree,
            recipe=job.recipe,
            trace=chosen.basis.trace,
            selection=selection,
            start=start,
            checks=tuple(check.title for check in job.checks),
        )
        return write(cut, job.output, job.store, job.progress, jobs=job.jobs, spell=job.spell)


def recording_of(job: SlimJob, tree: Rootfs) -> RecordingJob:
    """How the image of a job is recorded with this tree, the whole one or what is kept of it."""
    made = recording.job_of(job.found, tree, job.store.workspace("run", "roots"))
    return replace(made, recorder=job.recorder, progress=job.progress)


def _check_place(job: SlimJob) -> None:
    """Raises UsageError where the small image would be written over the full one, which then nobody has."""
    if is_of_layout(job.found, job.layout):
        raise UsageError(
            f"the small image would be written over the full one, {job.found.where}",
            advice("name another place with ", Setting("name"), " or ", Setting("output")),
        )


def _origins(found: Found) -> Callable[[TreePath], tuple[Origin, ...]] | None:
    """The reasons for the entries of an image that was built here, which name packages without any database."""
    known = found.evidence
    return None if known is None else lambda path: evidence.origins(known, path)


def _options(recipe: SlimRecipe) -> SlimOptions:
    return SlimOptions(
        keep=tuple(recipe.keep),
        keep_packages=tuple(recipe.keep_packages),
        drop=tuple(recipe.drop),
        exclude=tuple(recipe.exclude),
        package_records=recipe.package_records,
    )
