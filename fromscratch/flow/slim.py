"""Slimming: an image, found by its name, cut to what traces show and its programs link to, and written as a build is.

Without a trace it is recorded first, while its checks are made; the small image has to pass them too.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.advice import Setting, advice
from fromscratch.checks.contract import Check
from fromscratch.errors import ImageError
from fromscratch.flow import evidence, output, recording
from fromscratch.flow.images_by_name import Found
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
from fromscratch.slimming.selection import Selection, select


class SlimJob(Struct, frozen=True, kw_only=True):
    """An image that is to be slimmed by a recipe, whose traces are named from the current folder.

    With `checks`, the image is recorded while they are made, by the `recorder` that is asked for or else the first that
    works here; the small image has to pass them too.
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


class Chosen(Struct, frozen=True, kw_only=True):
    """The full image, its tree, what the traces say, and what is to be kept."""

    full: Image
    tree: Rootfs
    trace: Trace
    selection: Selection


def slim(job: SlimJob) -> Slimmed:
    """Make the small image, in an OCI layout in the output folder, with its evidence.

    Raises what `choose` raises, and ImageError for a small image that does not start or pass what the full one does.
    """
    slimming.text(job.recipe)  # raises, before anything is done, for what no recipe can hold
    job.store.lock_against_removal()
    chosen = choose(job)
    full, tree, selection = chosen.full, chosen.tree, chosen.selection
    small = tree if job.recipe.split else selection.tree
    start = check_start(small, tree, full.config, full.platform, job.progress)
    if not job.recipe.split:
        _check_again(job, small)
    with output.held(job.output, job.progress):
        output.check_replaceable(job.output)
        cut = Cut(
            found=job.found,
            full=full,
            tree=tree,
            recipe=job.recipe,
            trace=chosen.trace,
            selection=selection,
            start=start,
            checks=tuple(check.title for check in job.checks),
        )
        return write(cut, job.output, job.store, job.progress, jobs=job.jobs, spell=job.spell)


def choose(job: SlimJob) -> Chosen:
    """What of an image is kept by the traces, checks and options of a job.

    Raises UsageError for a trace that is empty or of another image, ImageError for one that does not fit, and
    ChecksFailed for an image that fails its own checks.
    """
    tree = job.found.tree(job.store, job.limits)
    full = job.found.image or Image(layers=(), config=RunConfig(), platform=Platform.of_this_machine())
    any_image = job.recipe.any_image
    fitness.check_digest(digest(job.found), job.recipe.digest, job.found.where, any_image=any_image)
    trace = _trace(job, tree, full)
    fitness.check_recorded(trace, digest(job.found), job.found.where, any_image=any_image)
    with job.progress.task(f"slim {job.found.where}", total=None, unit="entries"):
        selection = select(tree, trace, full.config, full.platform, _options(job.recipe), _origins(job.found))
    recorded_here = fitness.is_recorded_in(trace, digest(job.found))
    fitness.check_fit(selection, job.found.where, any_image=any_image or recorded_here)
    for note in fitness.notes(selection, tree):
        job.progress.note(note)
    return Chosen(full=full, tree=tree, trace=trace, selection=selection)


def _trace(job: SlimJob, tree: Rootfs, full: Image) -> Trace:
    """What files and checks show, as one trace."""
    files = [Path(name) for name in job.recipe.traces]
    traces = [read_traces(files, tree, full.config, job.trace_root, job.progress)] if files else []
    if job.checks:
        traces.append(recorded_trace(_recording(job, tree), job.checks))
    return text.merge(traces)


def _recording(job: SlimJob, tree: Rootfs) -> RecordingJob:
    made = recording.job_of(job.found, tree, job.store.workspace("run", "roots"))
    return replace(made, recorder=job.recorder, progress=job.progress)


def _check_again(job: SlimJob, small: Rootfs) -> None:
    """Raises ImageError if the small image does not pass what the full one has passed."""
    if not job.checks:
        return
    from fromscratch.checks.perform import perform
    from fromscratch.checks.report import ChecksFailed

    results = perform(job.checks, recording.invocation_of(_recording(job, small)))
    if results.failed:
        failure = ChecksFailed(results)
        hint = advice("keep what it lacks with ", Setting("keep", "PATH"), ", or record with more checks")
        raise ImageError(f"the small image fails what the full one passes\n{failure.message}", hint)


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
