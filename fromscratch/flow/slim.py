"""Slimming: an image, found by its name, cut to what traces show and its programs link to, and written as a build is.

The output folder holds what `build` writes, and besides the trace, the gap report, and the request by which the same
image can be made again.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fromscratch import __version__
from fromscratch.errors import UsageError
from fromscratch.flow import evidence, output
from fromscratch.flow.evidence import Evidence
from fromscratch.flow.images_by_name import Found
from fromscratch.flow.output import Built
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Trace
from fromscratch.host.images.layer_cache import Packer
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Platform, RunConfig
from fromscratch.model.reference import Reference, full_repository
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT, Progress
from fromscratch.regular_file import read_bytes
from fromscratch.slimming import fitness
from fromscratch.slimming.configured import search_path
from fromscratch.slimming.options import SlimOptions
from fromscratch.slimming.path_list import path_list
from fromscratch.slimming.report import Report, report
from fromscratch.slimming.selection import Selection, select

REPORT, TRACE = "slim-report.json", "slim.trace"
_BASE = "org.opencontainers.image.base."


class SlimJob(Struct, frozen=True, kw_only=True):
    """An image that is to be slimmed, by which traces and options, and where to."""

    found: Found
    name: str
    traces: tuple[Path, ...]
    options: SlimOptions
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
    """The small image, what was found of its files, and the packed sizes of both images' layers."""

    built: Built
    report: Report
    full_packed: int
    packed: int


def slim(job: SlimJob) -> Slimmed:
    """Make the small image, in an OCI layout in the output folder, with its evidence.

    Raises UsageError for a trace that is empty or of another image, ImageError for one that does not fit.
    """
    job.store.lock_against_removal()
    tree = job.found.tree(job.store, job.limits)
    full = job.found.image or Image(layers=(), config=RunConfig(), platform=Platform.of_this_machine())
    trace = text.merge(_read(path, tree, full.config) for path in job.traces)
    any_image = job.options.any_image
    fitness.check_recorded(trace, digest(job.found), job.found.where, any_image=any_image)
    with job.progress.task(f"slim {job.found.where}", total=None, unit="entries"):
        selection = select(tree, trace, full.config, full.platform, job.options)
    fitness.check_fit(selection, job.found.where, any_image=any_image)
    for note in fitness.notes(selection):
        job.progress.note(note)
    with output.held(job.output, job.progress):
        output.check_replaceable(job.output)
        return _write(job, full, tree, trace, selection)


def digest(found: Found) -> str:
    """The manifest's digest of an image; empty for a plain root."""
    return str(image_documents(found.image).descriptor.digest) if found.image else ""


def _read(path: Path, tree: Rootfs, config: RunConfig) -> Trace:
    with disk.readable(path):
        try:
            raw = read_bytes(path)
        except FileNotFoundError as error:
            raise UsageError(f"there is no trace {path}", "see whether the path is right") from error
    return text.read(raw, str(path)) if text.is_ours(raw) else path_list(raw, tree, search_path(config))


def _write(job: SlimJob, full: Image, tree: Rootfs, trace: Trace, selection: Selection) -> Slimmed:
    result = report(tree, selection)
    with LayoutWriter(job.layout, durable=False) as layout:
        packer = Packer(layout=layout, store=job.store, threads=job.jobs, progress=job.progress)
        layer, facts = packer.layer(selection.tree, title=f"pack {full.platform}", comment="what is used of the image")
        layer = replace(layer, created_by=f"fromscratch: {len(selection.tree)} of the {len(tree)} entries of an image")
        annotations = {**full.annotations, **dict(_base(full, job.found))}
        image = replace(full, layers=(layer,), annotations=annotations, original=None, name="")
        layout.finish([image], tag="latest")
    output.write_dockerfile(job.output, [image], job.name, job.progress, job.spell)
    proof = evidence.gather(full.platform, [(layer, facts)], selection.tree, {})
    made = Evidence(
        name=job.name, inputs=_inputs(job, facts.diff_id), epoch=full.created, recipe=_request(job), images=[proof]
    )
    evidence.write(job.output, made)
    disk.write_atomically(job.output / TRACE, text.write(trace))
    disk.write_atomically(job.output / REPORT, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return Slimmed(
        built=Built(images=(image,), evidence=made, fresh=True),
        report=result,
        full_packed=sum(each.size for each in full.layers),
        packed=layer.size,
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


def _inputs(job: SlimJob, diff_id: Any) -> str:
    return f"sha256:{hashlib.sha256(f'{__version__} {digest(job.found)} {diff_id}'.encode()).hexdigest()}"


def _request(job: SlimJob) -> dict[str, Any]:
    """What the image was made of, in place of a recipe."""
    options = {name: value for name, value in msgspec.to_builtins(job.options).items() if value}
    return {"slim": {"image": job.found.where, "digest": digest(job.found), **options}}
