"""Whether a slice still fits its package, and whether what it takes does what its checks ask for."""

from pathlib import Path

import msgspec
from msgspec import Struct

from fromscratch.advice import Setting, advice
from fromscratch.errors import UsageError
from fromscratch.flow import assembly, evidence
from fromscratch.flow.assembly import Job
from fromscratch.flow.images_by_name import Found
from fromscratch.flow.output import Built
from fromscratch.formats.slice import Slice
from fromscratch.host.storage.store import Store
from fromscratch.limits import Limits
from fromscratch.model.reference import slug
from fromscratch.model.rootfs import Rootfs
from fromscratch.nearest import nearest
from fromscratch.recipe import schema
from fromscratch.recipe.schema import Recipe
from fromscratch.slimming.packages import PackageRecords, packages
from fromscratch.slimming.slice_comparison import Comparison, compare
from fromscratch.sources.catalogue import kinds
from fromscratch.sources.contract import PackageArchive


class ImageContents(Struct, frozen=True):
    """The packages of an image, its tree, and where it was found."""

    where: str
    tree: Rootfs
    records: PackageRecords


def contents_of(found: Found, store: Store, limits: Limits) -> ImageContents:
    """The packages of an image, by its databases and, where it was built here, by its evidence."""
    tree, known = found.tree(store, limits), found.evidence
    records = packages(tree, None if known is None else lambda path: evidence.origins(known, path))
    return ImageContents(found.where, tree, records)


def compare_with_image(one: Slice, there: ImageContents) -> Comparison:
    """Compare a slice with the package that an image has. Raises UsageError for one that it does not have."""
    records = there.records
    alike = [each for each in records.packages if (each.manager, each.name) == (one.manager, one.package)]
    here = [each for each in alike if one.architecture in ("", each.architecture)] or alike
    if not here:
        near = nearest(one.package, [each.name for each in records.packages], count=3)
        hint = f"it has {', '.join(near)}" if near else "; ".join(records.notes) or "see whether the image is right"
        raise UsageError(f"{there.where} has no package {one.package} of {one.manager}", hint)
    own = {path for path in there.tree if records.owner(path) == here[0]} | set(records.files(here[0]))
    return compare(one, here[0].version, there.tree, own)


def recipe_of(one: Slice, path: Path, release: str, like: Recipe | None) -> Recipe:
    """A recipe of the slice alone, with its checks; its package comes from where the items of `like` come from.

    Raises UsageError for a manager whose packages no kind of source takes slices of, RecipeError for wrong checks.
    """
    word, kind = next(((word, kind) for word, kind in kinds().items() if kind.manager == one.manager), ("", None))
    if kind is None or kind.for_slice is None:
        raise UsageError(
            f"packages of {one.manager} are not fetched, of which {path} is a slice",
            advice("compare it with an image that has the package: say ", Setting("image", "IMAGE")),
        )
    base = next((item.options for item in like.items() if item.kind == word), None) if like else None
    options = msgspec.to_builtins(kind.for_slice(one, path.absolute(), release, base))
    whole = {"name": slug(f"slice-{one.package}", "slice"), "rootfs": [{word: options}], "checks": one.checks}
    return schema.parse(msgspec.json.encode(whole).decode(), str(path))


def compare_with_archive(one: Slice, job: Job) -> Comparison:
    """Compare a slice with the newest version of its package; `job` is of its recipe. Uses the network."""
    for _item, source in assembly.sources(job, job.platforms[0]):
        if isinstance(source, PackageArchive):
            there = source.contents(job.store, one.package)
            return compare(one, there.version, there.tree, there.files)
    raise AssertionError("the recipe of a slice has an item of packages")


def prove(job: Job) -> Built:
    """Make an image of the slice and those that it needs, and run its checks. Raises ChecksFailed."""
    assembly.fetch(job)
    return assembly.build(job)
