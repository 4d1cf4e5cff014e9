"""Slices from an image: found by its name, its used files by package, one file each."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import ImageError
from fromscratch.flow import slim
from fromscratch.flow.slim import SlimJob
from fromscratch.formats import slice as slices
from fromscratch.formats.slice import Slice
from fromscratch.host.storage import disk
from fromscratch.paths import TreePath
from fromscratch.slimming.slices import slices_of

_COMMENT = """\
What is used of this package in {image}, as fromscratch found it by traces and by what programs link to.
Read it, change it and commit it: a recipe names it in place of the package."""


class WrittenSlices(Struct, frozen=True):
    """The slices by their files, and the used paths that belong to no package."""

    slices: dict[Path, Slice]
    unowned: tuple[TreePath, ...]


def write(job: SlimJob, only: Sequence[str]) -> WrittenSlices:
    """Write a slice for each package of an image, or for these and those they need, into the output folder.

    Raises ImageError for an image of which no package is known, and what `slim.basis` and `slim.choose` raise.
    """
    job = replace(job, recipe=replace(job.recipe, package_records=False))
    chosen = slim.choose(job, slim.basis(job))
    records = chosen.selection.packages
    found = slices_of(chosen.basis.tree, chosen.selection.tree, records, only)
    if not found.slices:
        raise ImageError(
            f"no package of {job.found.where} is known to have what is used of it",
            "; ".join(records.notes) or "an image without a database of packages has no slices: slim it instead",
        )
    for note in records.notes:
        job.progress.note(note)
    made = {}
    with disk.explained(job.output):
        job.output.mkdir(parents=True, exist_ok=True)
    for name, one in found.slices.items():
        text = slices.written(one, _COMMENT.format(image=job.found.where))
        disk.write_atomically(job.output / name, text.encode())
        made[job.output / name] = one
    return WrittenSlices(made, found.unowned)
