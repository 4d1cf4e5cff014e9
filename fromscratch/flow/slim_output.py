"""The output folder of a small image: what `build` writes, the merged trace, the gap report, and its recipe."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fromscratch import __version__
from fromscratch.errors import UsageError
from fromscratch.flow import evidence, output
from fromscratch.flow.evidence import SLIMMED, CheckEvidence, Evidence, StartFinding
from fromscratch.flow.images_by_name import Found
from fromscratch.flow.output import Built
from fromscratch.formats.oci.config import image_documents
from fromscratch.formats.packing.layer import Packed
from fromscratch.formats.trace import text
from fromscratch.formats.trace.events import Trace
from fromscratch.host.images.layer_cache import Packer
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Image, Layer
from fromscratch.model.reference import Reference, full_repository
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import Progress
from fromscratch.recipe import slimming
from fromscratch.recipe.slimming import SlimRecipe
from fromscratch.slimming.report import Report, report
from fromscratch.slimming.selection import Selection
from fromscratch.slimming.split import split, used_of, with_reasons
from fromscratch.transforms.layering import Part

REPORT, TRACE, RECIPE = "slim-report.json", "slim.trace", "slim.yaml"
_BASE = "org.opencontainers.image.base."


class Cut(Struct, frozen=True, kw_only=True):
    """An image with its whole tree, and what is kept of it, by which recipe and trace.

    `checks` are titles of those that the small image has passed too.
    """

    found: Found
    full: Image
    tree: Rootfs
    recipe: SlimRecipe
    trace: Trace
    selection: Selection
    start: list[StartFinding]
    checks: tuple[str, ...] = ()


class Slimmed(Struct, frozen=True, kw_only=True):
    """The small image, what was found of its files, and the packed sizes of both images' layers.

    `cold` is the size of the layer with what was not used, in an image that has it.
    """

    built: Built
    report: Report
    full_packed: int
    packed: int
    cold: int = 0


def write(
    cut: Cut, folder: Path, store: Store, progress: Progress, *, jobs: int = 2, spell: Callable[[str], str] = str
) -> Slimmed:
    """Write the small image, and all about it, to a folder that nobody else writes to. Raises ImageError."""
    full, tree, selection = cut.full, cut.tree, cut.selection
    result = report(tree, selection)
    with LayoutWriter(folder / output.LAYOUT, durable=False) as layout:
        packer = Packer(layout=layout, store=store, threads=jobs, progress=progress)
        layers = [_layer(packer, part, cut) for part in _parts(cut)]
        annotations = {**full.annotations, **dict(_base(full, cut.found))}
        image = replace(
            full, layers=tuple(layer for layer, _ in layers), annotations=annotations, original=None, name=""
        )
        layout.finish([image], tag="latest")
    output.write_dockerfile(folder, [image], cut.recipe.name, progress, spell)
    remaining = with_reasons(tree, selection.tree) if cut.recipe.split else selection.tree
    dropped = {} if cut.recipe.split else {path: SLIMMED for path in tree if path not in selection.tree}
    proof = evidence.gather(full.platform, layers, remaining, dropped, cut.start)
    proof = replace(proof, checks=[CheckEvidence(title, "passed") for title in cut.checks])
    recipe = _recipe(cut)
    made = Evidence(
        name=recipe.name,
        inputs=_inputs(cut.found, image),
        epoch=full.created,
        recipe={"slim": msgspec.to_builtins(recipe)},
        images=[proof],
    )
    evidence.write(folder, made)
    disk.write_atomically(folder / TRACE, text.write(cut.trace))
    disk.write_atomically(folder / RECIPE, slimming.text(recipe).encode())
    disk.write_atomically(folder / REPORT, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return Slimmed(
        built=Built(images=(image,), evidence=made, fresh=True),
        report=result,
        full_packed=sum(each.size for each in full.layers),
        packed=image.layers[-1].size,
        cold=sum(each.size for each in image.layers[:-1]),
    )


def _parts(cut: Cut) -> tuple[Part, ...]:
    """The trees of the layers, the lowest first."""
    if cut.recipe.split:
        return split(cut.tree, used_of(cut.tree, cut.selection.tree))
    return (Part("what is used of the image", cut.selection.tree),)


def _layer(packer: Packer, part: Part, cut: Cut) -> tuple[Layer, Packed]:
    layer, facts = packer.layer(part.tree, title=f"pack {cut.full.platform}", comment=part.comment)
    created_by = f"fromscratch: {len(part.tree)} of the {len(cut.tree)} entries of an image"
    return replace(layer, created_by=created_by), facts


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


def _inputs(found: Found, image: Image) -> str:
    layers = " ".join(str(layer.diff_id) for layer in image.layers)
    return f"sha256:{hashlib.sha256(f'{__version__} {digest(found)} {layers}'.encode()).hexdigest()}"


def _recipe(cut: Cut) -> SlimRecipe:
    """By what the same image can be made again, beside its trace."""
    return replace(cut.recipe, digest=digest(cut.found), platform=str(cut.full.platform), traces=[TRACE])


def digest(found: Found) -> str:
    """The manifest's digest of an image; empty for a plain root."""
    return str(image_documents(found.image).descriptor.digest) if found.image else ""
