"""The flow: recipe → sources → tree → transforms → layer → image → sinks.

`fetch` is the only phase that uses the network. `build` needs nothing but the store and ends in
the job's output folder; `deliver` reads from there. Phases meet on disk, so they may run in one
process or in three.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from fromscratch import __version__, evidence
from fromscratch.errors import FormatError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.evidence import Evidence, ImageEvidence
from fromscratch.formats.dockerfile import SIGNED, metadata_dockerfile
from fromscratch.host import disk
from fromscratch.host.layout import LayoutWriter, is_layout, read_layout
from fromscratch.host.store import Store
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, Layer, Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import SILENT, Progress
from fromscratch.recipe import Item, Recipe
from fromscratch.sinks.contract import IndexSink, Receipt, Sink
from fromscratch.sources.catalogue import bind
from fromscratch.sources.contract import Context, Source
from fromscratch.transforms.accounts import with_accounts
from fromscratch.transforms.normalise import normalised
from fromscratch.transforms.overlay import overlaid
from fromscratch.transforms.trim import selected

_DOCKERFILE = "Dockerfile"
_WRITTEN = ("oci", evidence.NAME, _DOCKERFILE, "build.log")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One recipe to be built: everything that the result may depend on, besides the store's content.

    `folder` is where the recipe's relative paths start; `epoch` counts seconds since 1970.
    """

    recipe: Recipe
    folder: Path
    store: Store
    output: Path
    platforms: tuple[Platform, ...]
    epoch: int = 0
    progress: Progress = SILENT
    jobs: int = 2

    @property
    def layout(self) -> Path:
        return self.output / "oci"


@dataclass(frozen=True, kw_only=True)
class Built:
    """A finished build. `fresh` is False when nothing had changed since the last one."""

    images: tuple[Image, ...]
    evidence: Evidence
    fresh: bool


def fetch(job: Job) -> None:
    """Bring everything that the recipe needs into the store."""
    for platform in job.platforms:
        for _item, source in sources(job, platform):
            source.fetch(job.store)


def build(job: Job) -> Built:
    """Make the image of each platform, in an OCI layout in the output folder, with its evidence.

    Raises NotFetched when `fetch` has to run first, Conflict when sources disagree.
    """
    with job.store.lock(f"output {job.output.resolve()}"):
        inputs = fingerprint(job)
        present = finished(job, inputs)
        if present is not None:
            return present
        _see_whose(job.output / _DOCKERFILE)
        images: list[Image] = []
        proofs: list[ImageEvidence] = []
        with LayoutWriter(job.layout) as layout:
            for platform in job.platforms:
                tree, removed = root(job, platform)
                with job.progress.task(f"pack {platform}", total=tree.size) as task:
                    layer, packed = layout.pack(
                        tree,
                        codec=job.recipe.compression,
                        threads=job.jobs,
                        comment=job.recipe.name,
                        progress_task=task,
                    )
                images.append(_image(job, platform, layer))
                proofs.append(evidence.gather(platform, [layer], packed.codec, tree, removed))
            layout.finish(images, tag="latest")
        _write_dockerfile(job, images[0])
        made = Evidence(
            name=job.recipe.name,
            inputs=inputs,
            epoch=job.epoch,
            recipe=msgspec.to_builtins(job.recipe),
            images=proofs,
        )
        evidence.write(job.output, made)
        return Built(images=tuple(images), evidence=made, fresh=True)


def deliver(images: Sequence[Image], sink: Sink, reference: str) -> Receipt:
    """Bring finished images, one for each platform, to a place. Raises UsageError if it takes one only."""
    if len(images) == 1:
        return sink.deliver(images[0], reference)
    if isinstance(sink, IndexSink):
        return sink.deliver_all(images, reference)
    there = ", ".join(str(image.platform) for image in images)
    raise UsageError(f"only one platform can go there, and this build has {there}", "say which with --platform")


def root(job: Job, platform: Platform) -> tuple[Rootfs, Mapping[TreePath, str]]:
    """The tree of one platform, and what was trimmed from it, by which rule."""
    tree = Rootfs()
    for item, source in sources(job, platform):
        with job.progress.task(f"read {source.label}", total=None, unit="entries"):
            upper = source.build(job.store)
        lay = overlaid if item.kind == "overlay" else Rootfs.merged
        tree = lay(tree, upper, replace=item.replace)
    accounts = job.recipe.accounts
    if accounts is not None:
        origin = Origin("recipe", "asked for", "accounts")
        tree = with_accounts(
            tree, [user.user() for user in accounts.users], [group.group() for group in accounts.groups], origin
        )
    removed = selected(tree, job.recipe.trim)
    return normalised(tree.without(removed), job.epoch, job.recipe.times), removed


def sources(job: Job, platform: Platform) -> Iterator[tuple[Item, Source]]:
    """The items of the recipe, each bound to what surrounds it."""
    for index, item in enumerate(job.recipe.items()):
        context = Context(
            folder=job.folder,
            place=f"rootfs[{index}]",
            platform=platform,
            progress=job.progress,
            jobs=job.jobs,
            log=job.output / "build.log",
        )
        yield item, bind(item.options, context)


def fingerprint(job: Job) -> str:
    """A digest over all that `build` depends on: recipe, epoch, platforms, every source, and our own version."""
    hasher = hashlib.sha256(f"{__version__} {job.epoch}".encode())
    hasher.update(msgspec.json.encode(job.recipe, order="sorted"))
    for platform in job.platforms:
        for _item, source in sources(job, platform):
            hasher.update(f"\0{platform}\0{source.fingerprint(job.store)}".encode())
    return f"sha256:{hasher.hexdigest()}"


def finished(job: Job, inputs: str | None = None) -> Built | None:
    """The build in the output folder, if it is whole and (when given) was made of these inputs."""
    try:
        proof = evidence.read(job.output)
        if proof is None or not is_layout(job.layout) or inputs not in (None, proof.inputs):
            return None
        images = tuple(read_layout(job.layout))
    except (FormatError, IntegrityError):
        if inputs is None:
            raise
        return None  # damaged: it is what building again mends
    if [[str(layer.digest) for layer in image.layers] for image in images] != [image.layers for image in proof.images]:
        return None  # another build was killed between the layout and its evidence
    if inputs is not None and not all(_has_whole(job.layout, layer) for image in images for layer in image.layers):
        return None  # a layer was cut or lost since
    return Built(images=images, evidence=proof, fresh=False)


def _has_whole(layout: Path, layer: Layer) -> bool:
    """Whether the layer's blob is there with all its bytes, as far as its size tells."""
    blob = layout / "blobs" / layer.digest.algorithm / layer.digest.hex
    return blob.is_file() and blob.stat().st_size == layer.size


def need_built(job: Job, platforms: Sequence[Platform]) -> Built:
    """The build in the output folder, as far as it is for these platforms; all of it if none is named.

    Raises NotFetched if there is none.
    """
    built = finished(job)
    if built is None:
        raise NotFetched(f"nothing is built in {job.output}", "run `fromscratch fetch build` first")
    wanted = {str(platform) for platform in platforms}
    if not wanted:
        return built
    images = tuple(image for image in built.images if str(image.platform) in wanted)
    if not images:
        there = ", ".join(str(image.platform) for image in built.images)
        raise NotFetched(
            f"{job.output} holds {there}, not {', '.join(sorted(wanted))}",
            f"build it with --platform {','.join(sorted(wanted))}",
        )
    return replace(built, images=images)


def remove(output: Path) -> list[str] | None:
    """Remove what `build` wrote, and the folder if nothing else is in it; the names of what else is in it.

    None if there is no build. Raises ImageError when the folder does not look like one.
    """
    with disk.explained(output):
        if not output.exists():
            return None
        names = {path.name for path in output.iterdir()}
        if names and not names & {evidence.NAME, "oci"}:
            raise ImageError(f"{output} does not look like a build", "remove it by hand if it is one")
        ours = [name for name in names if name in _WRITTEN or name.startswith(".oci.new-")]
        for name in ours:
            disk.remove(output / name)
        kept = sorted(names - {*ours})
        if not kept and output.resolve() != Path.cwd():
            output.rmdir()
        return kept


def _see_whose(dockerfile: Path) -> None:
    """Raises UsageError when somebody else's Dockerfile would be replaced."""
    if dockerfile.is_file() and SIGNED not in dockerfile.read_text("utf-8", "replace").partition("\n")[0]:
        raise UsageError(
            f"{dockerfile} is not one that build wrote, and would be replaced", "name a folder of its own with --output"
        )


def _write_dockerfile(job: Job, image: Image) -> None:
    """The metadata Dockerfile beside the layout; none, and a note, for a configuration that none can hold."""
    place = job.output / _DOCKERFILE
    try:
        text = metadata_dockerfile(image.config, f"{job.recipe.name}-root")
    except UsageError as error:
        place.unlink(missing_ok=True)
        job.progress.note(f"no Dockerfile is written: {error.message}")
        return
    disk.write_atomically(place, text.encode())


def _image(job: Job, platform: Platform, layer: Layer) -> Image:
    options = job.recipe.image
    return Image(
        layers=(layer,),
        config=options.run_config(),
        platform=platform,
        created=job.epoch,
        author=options.author,
        annotations=options.annotations,
    )
