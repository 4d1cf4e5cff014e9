"""Slimming: an image, found by its name, cut to what traces show and its programs link to, and written as a build is.

The output folder holds what `build` writes, and besides the trace, the gap report, and the request by which the same
image can be made again.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fromscratch import __version__
from fromscratch.errors import UsageError
from fromscratch.flow import evidence, output
from fromscratch.flow.evidence import SLIMMED, Evidence, StartFinding
from fromscratch.flow.images_by_name import Found
from fromscratch.flow.output import Built
from fromscratch.flow.slim_start import check_start
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.trace import recognise, text
from fromscratch.formats.trace.events import Trace
from fromscratch.host.images.layer_cache import Packer
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.entry import File, Origin
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.reference import Reference, full_repository
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, shown
from fromscratch.progress import SILENT, Progress
from fromscratch.recipe import slimming
from fromscratch.recipe.slimming import SlimRecipe
from fromscratch.regular_file import read_bytes
from fromscratch.slimming import fitness
from fromscratch.slimming.configured import search_path
from fromscratch.slimming.options import SlimOptions
from fromscratch.slimming.report import Report, report
from fromscratch.slimming.selection import Selection, select
from fromscratch.slimming.split import split, used_of, with_reasons
from fromscratch.transforms.layering import Part

REPORT, TRACE, RECIPE = "slim-report.json", "slim.trace", "slim.yaml"
_BASE = "org.opencontainers.image.base."


class SlimJob(Struct, frozen=True, kw_only=True):
    """An image that is to be slimmed by a recipe, whose traces are named from the current folder.

    In traces of others the root of the container is `trace_root`.
    """

    found: Found
    recipe: SlimRecipe
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


class Slimmed(Struct, frozen=True, kw_only=True):
    """The small image, what was found of its files, and the packed sizes of both images' layers.

    `cold` is the size of the layer with what was not used, in an image that has it.
    """

    built: Built
    report: Report
    full_packed: int
    packed: int
    cold: int = 0


class Chosen(Struct, frozen=True, kw_only=True):
    """The full image, its tree, what the traces say, and what is to be kept."""

    full: Image
    tree: Rootfs
    trace: Trace
    selection: Selection


def slim(job: SlimJob) -> Slimmed:
    """Make the small image, in an OCI layout in the output folder, with its evidence. Raises what `choose` raises."""
    job.store.lock_against_removal()
    chosen = choose(job)
    full, tree = chosen.full, chosen.tree
    small = tree if job.recipe.split else chosen.selection.tree
    start = check_start(small, tree, full.config, full.platform, job.progress)
    with output.held(job.output, job.progress):
        output.check_replaceable(job.output)
        return _write(job, full, tree, chosen.trace, chosen.selection, start)


def choose(job: SlimJob) -> Chosen:
    """What of an image is kept by the traces and options of a job.

    Raises UsageError for a trace that is empty or of another image, ImageError for one that does not fit.
    """
    tree = job.found.tree(job.store, job.limits)
    full = job.found.image or Image(layers=(), config=RunConfig(), platform=Platform.of_this_machine())
    trace = _traces(job, tree, full.config)
    any_image = job.recipe.any_image
    fitness.check_digest(digest(job.found), job.recipe.digest, job.found.where, any_image=any_image)
    fitness.check_recorded(trace, digest(job.found), job.found.where, any_image=any_image)
    with job.progress.task(f"slim {job.found.where}", total=None, unit="entries"):
        selection = select(tree, trace, full.config, full.platform, _options(job.recipe), _origins(job.found))
    recorded_here = fitness.is_recorded_in(trace, digest(job.found))
    fitness.check_fit(selection, job.found.where, any_image=any_image or recorded_here)
    for note in fitness.notes(selection):
        job.progress.note(note)
    return Chosen(full=full, tree=tree, trace=trace, selection=selection)


def _origins(found: Found) -> Callable[[TreePath], tuple[Origin, ...]] | None:
    """The reasons for the entries of an image that was built here, which name packages without any database."""
    known = found.evidence
    return None if known is None else lambda path: evidence.origins(known, path)


def digest(found: Found) -> str:
    """The manifest's digest of an image; empty for a plain root."""
    return str(image_documents(found.image).descriptor.digest) if found.image else ""


def _traces(job: SlimJob, tree: Rootfs, config: RunConfig) -> Trace:
    """The traces as one, each in the form that it has."""
    programs = _Programs(tree)
    reading = recognise.Reading(
        root=job.trace_root,
        search=tuple(search_path(config)),
        exists=programs.exists,
        note=job.progress.note,
    )
    found = recognise.read_all({str(path): _bytes(path) for path in map(Path, job.recipe.traces)}, reading)
    for name in programs.unknown():
        job.progress.note(f"{shown(name)}, which a trace names without a folder, is in none of the folders of PATH")
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


def _write(
    job: SlimJob, full: Image, tree: Rootfs, trace: Trace, selection: Selection, start: list[StartFinding]
) -> Slimmed:
    result = report(tree, selection)
    if job.recipe.split:
        parts, remaining = split(tree, used_of(tree, selection.tree)), with_reasons(tree, selection.tree)
    else:
        parts, remaining = (Part("what is used of the image", selection.tree),), selection.tree
    with LayoutWriter(job.layout, durable=False) as layout:
        packer = Packer(layout=layout, store=job.store, threads=job.jobs, progress=job.progress)
        layers = []
        for part in parts:
            layer, facts = packer.layer(part.tree, title=f"pack {full.platform}", comment=part.comment)
            created_by = f"fromscratch: {len(part.tree)} of the {len(tree)} entries of an image"
            layers.append((replace(layer, created_by=created_by), facts))
        annotations = {**full.annotations, **dict(_base(full, job.found))}
        image = replace(
            full, layers=tuple(layer for layer, _ in layers), annotations=annotations, original=None, name=""
        )
        layout.finish([image], tag="latest")
    output.write_dockerfile(job.output, [image], job.recipe.name, job.progress, job.spell)
    dropped = {} if job.recipe.split else {path: SLIMMED for path in tree if path not in selection.tree}
    proof = evidence.gather(full.platform, layers, remaining, dropped, start)
    recipe = _recipe(job, full)
    made = Evidence(
        name=recipe.name,
        inputs=_inputs(job, image),
        epoch=full.created,
        recipe={"slim": msgspec.to_builtins(recipe)},
        images=[proof],
    )
    evidence.write(job.output, made)
    disk.write_atomically(job.output / TRACE, text.write(trace))
    disk.write_atomically(job.output / RECIPE, slimming.text(recipe).encode())
    disk.write_atomically(job.output / REPORT, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return Slimmed(
        built=Built(images=(image,), evidence=made, fresh=True),
        report=result,
        full_packed=sum(each.size for each in full.layers),
        packed=image.layers[-1].size,
        cold=sum(each.size for each in image.layers[:-1]),
    )


def _base(full: Image, found: Found) -> Iterator[tuple[str, str]]:
    """The annotations that name the image that this one was made of: image-spec/annotations.md."""
    if found.image is None:
        return
    yield f"{_BASE}digest", digest(found)
    try:
        reference = Reference.parse(full.name) if full.name and not full.name.startswith(":") else None
    except UsageError:
        reference = None
    if reference is not None:
        yield f"{_BASE}name", full_repository(reference) + (f":{reference.tag}" if reference.tag else "")


def _inputs(job: SlimJob, image: Image) -> str:
    layers = " ".join(str(layer.diff_id) for layer in image.layers)
    return f"sha256:{hashlib.sha256(f'{__version__} {digest(job.found)} {layers}'.encode()).hexdigest()}"


def _recipe(job: SlimJob, full: Image) -> SlimRecipe:
    """By what the same image can be made again, beside its trace."""
    return replace(job.recipe, digest=digest(job.found), platform=str(full.platform), traces=[TRACE])


def _options(recipe: SlimRecipe) -> SlimOptions:
    return SlimOptions(
        keep=tuple(recipe.keep),
        keep_packages=tuple(recipe.keep_packages),
        drop=tuple(recipe.drop),
        exclude=tuple(recipe.exclude),
        package_records=recipe.package_records,
    )
