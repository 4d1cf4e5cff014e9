"""The flow: recipe → sources → tree → transforms → layers → image → a transport of images/.

`fetch` is the only phase that uses the network. `build` needs nothing but the store and ends in
the job's output folder; `flow.delivery`, or the `write` of a transport, reads from there. Phases
meet on disk, so they may run in one process or in three.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fromscratch import __version__
from fromscratch.address import without_secrets
from fromscratch.checks.contract import Check
from fromscratch.errors import MissingTool
from fromscratch.flow import evidence, output, recipe_changes
from fromscratch.flow.base_images import named_image
from fromscratch.flow.evidence import Evidence, ImageEvidence
from fromscratch.flow.output import Built
from fromscratch.flow.present_packages import PackagesBelow
from fromscratch.flow.recipe_changes import with_changes
from fromscratch.flow.smoke_checks import Plan, SmokeChecks, check_again, digest_of_scripts, planned
from fromscratch.flow.source_evidence import source_evidence
from fromscratch.flow.start_checks import StartChecks
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.host.storage.own_folders import OwnFolders
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Layer, Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.progress import SILENT, Progress
from fromscratch.recipe import annotations as about
from fromscratch.recipe.folders import Project
from fromscratch.recipe.items import Item
from fromscratch.recipe.schema import Recipe
from fromscratch.recipe.variables import escaped
from fromscratch.sources.catalogue import bind, kinds, word_of
from fromscratch.sources.contract import Base, Based, Context, DecidesPlatform, Source
from fromscratch.transforms.layering import layered
from fromscratch.transforms.scripted.account_numbers import GivenNumbers

if TYPE_CHECKING:
    from fromscratch.formats.packing.layer import Packed


class Job(Struct, frozen=True, kw_only=True):
    """One recipe to be built: everything that the result may depend on, besides the store's content.

    `folder` is where the recipe's relative paths start; `epoch` counts seconds since 1970. `beside` are further
    folders that builds write, and none reads. `limits` bound what archives may expand to. `spell` writes the settings
    and commands that files for people name. `checks` are made besides those of the recipe; none are without
    `is_checked`. With `may_bring` repositories that the recipe names may be downloaded.
    """

    recipe: Recipe
    folder: Path
    store: Store
    output: Path
    platforms: tuple[Platform, ...]
    epoch: int = 0
    progress: Progress = SILENT
    jobs: int = 2
    beside: tuple[Path, ...] = ()
    spell: Callable[[str], str] = str
    limits: Limits = DEFAULT_LIMITS
    checks: tuple[Check, ...] = ()
    is_checked: bool = True
    may_bring: bool = False

    def checkout(self, url: str, commit: str) -> Path:
        """The files of a repository that a part of the recipe came from, out of the store."""
        from fromscratch.host.machine.git_commit import checkout

        return checkout(self.store, url, commit, bring=self.may_bring, progress=self.progress)

    @property
    def layout(self) -> Path:
        return self.output / output.LAYOUT


Bound = Sequence[tuple[Item, Source]]
"""The items of a recipe with their sources, bound to one platform."""

Bind = Callable[[Any, Context], Source]
"""What makes the source of an item's options."""


def fetch(job: Job) -> None:
    """Bring everything that the recipe needs into the store. Raises ImageError for one that cannot be written."""
    store = job.store.without_fallback()
    job = replace(job, store=store, may_bring=True)
    for platform in job.platforms:
        for _item, source in sources(job, platform):
            with job.progress.task(f"fetch {source.label}", total=None, unit="steps"):
                source.fetch(store)


def build(job: Job, bind: Bind = bind) -> Built:
    """Make the image of each platform, in an OCI layout in the output folder, with its evidence.

    `bind` is for a caller who has looked at the files of an item already, and has a source that knows them.
    Raises NotFetched when `fetch` has to run first, Conflict when sources disagree.
    """
    job = settled(job)
    job.store.lock_against_removal()
    with output.held(job.output, job.progress):
        bound = {platform: tuple(sources(job, platform, bind)) for platform in job.platforms}
        inputs = fingerprint(job, bound)
        present = output.finished(job.output, inputs, job.store)
        if present is not None:
            _tell_of_codec(job, present.evidence, fresh=False)
            return check_again(_plan(job), present, job.output, job.limits) if job.checks else present
        output.check_replaceable(job.output)
        last = output.last_evidence(job.output)
        if job.recipe.compression == "fast":
            job.progress.note("compression: fast: on another CPU layers may have other digests (not other diff_ids)")
        images: list[Image] = []
        proofs: list[ImageEvidence] = []
        starts, smoke = StartChecks(job.recipe, job.progress), SmokeChecks(_plan(job))
        with LayoutWriter(job.layout, durable=False) as layout:  # `finished` finds what a power cut left of it
            for platform in job.platforms:
                tree, removed = root(job, platform, bound[platform])
                based = base(job, bound[platform])
                config = started_with(job.recipe.image.run_config(based.config if based else None), bound[platform])
                starting = starts.allow(platform, tree, removed, [source for _, source in bound[platform]], config)
                if not (starting and smoke.allow(platform, tree, config)):
                    continue  # no image is written, but the others are looked at, so that every error is told at once
                layers = packed(job, platform, layout, tree, [source.label for _, source in bound[platform]])
                images.append(_image(job, platform, [layer for layer, _ in layers], based, config))
                proofs.append(evidence.gather(platform, layers, tree, removed, starts.recorded(platform)))
                items = source_evidence((source for _, source in bound[platform]), job.store)
                proofs[-1] = replace(proofs[-1], checks=smoke.recorded(platform), sources=items)
            starts.report()
            smoke.report()
            layout.finish(images, tag="latest")
        output.write_dockerfile(job.output, images, job.recipe.name, job.progress, job.spell)
        made = _evidence(job, inputs, proofs)
        evidence.write(job.output, made)
        if last is not None:
            _tell_of_codec(job, last, fresh=True)
        return Built(images=tuple(images), evidence=made, fresh=True)


def settled(job: Job) -> Job:
    """The job with all in its recipe written out that is looked up where the recipe lies."""
    image = job.recipe.image
    if image.about is None:
        return job
    image = msgspec.structs.replace(image, about=about.settled(image.about, job.folder, job.output))
    return replace(job, recipe=msgspec.structs.replace(job.recipe, image=image))


def root(job: Job, platform: Platform, bound: Bound | None = None) -> tuple[Rootfs, Mapping[TreePath, str]]:
    """The tree of one platform, and what was removed from it, by which rule of `trim` or item of `paths`."""
    from fromscratch.transforms.normalise import normalised

    tree = Rootfs()
    for item, source in bound or sources(job, platform):
        with job.progress.task(f"read {source.label}", total=None, unit="entries"):
            tree = source.lay(tree, job.store, replace=item.replace)
    tree, removed = with_changes(tree, job.recipe, _project(job, platform), job.progress)
    return normalised(tree, job.epoch, job.recipe.times), removed


def base(job: Job, bound: Bound) -> Base | None:
    """The image that the first item takes its whole tree from, if it does."""
    first = next((source for _, source in bound), None)
    return first.base(job.store) if isinstance(first, Based) else None


def started_with(config: RunConfig, bound: Bound) -> RunConfig:
    """The configuration with the variables that the sources ask for, as far as it speaks of none of their kind."""
    asked = {name: value for _, source in bound for name, value in source.environment}
    if any(name in config.env for name in ("LANG", "LC_ALL", "LC_CTYPE")):
        asked.pop("LANG", None)
    return replace(config, env={**asked, **config.env}) if asked else config


def packed(
    job: Job, platform: Platform, layout: LayoutWriter, tree: Rootfs, items: Sequence[str]
) -> "list[tuple[Layer, Packed]]":
    """The layers of a finished tree in this layout, the lowest first; `items` are the labels of the sources."""
    from fromscratch.host.images.layer_cache import Packer
    from fromscratch.model.provenance import made_of

    parts = layered(tree, job.recipe.layer_rule, items, job.recipe.name)
    packer = Packer(
        layout=layout, store=job.store, codec=job.recipe.compression, threads=job.jobs, progress=job.progress
    )
    several = [f" {number} of {len(parts)}" if len(parts) > 1 else "" for number in range(1, len(parts) + 1)]
    made = []
    for which, part in zip(several, parts, strict=True):
        layer, facts = packer.layer(part.tree, title=f"pack {platform}{which}", comment=part.comment)
        what = made_of(part.tree)
        made.append((replace(layer, created_by=f"fromscratch: {what}" if what else ""), facts))
    return made


def sources(job: Job, platform: Platform, bind: Bind = bind) -> Iterator[tuple[Item, Source]]:
    """The items of the recipe, each bound to what surrounds it."""
    project, accounts = _project(job, platform), job.recipe.accounts
    below: list[tuple[Item, Source]] = []
    for index, item in enumerate(job.recipe.items()):
        context = Context(
            folder=project.within(item.folder),
            place=f"rootfs[{index}]",
            platform=platform,
            progress=job.progress,
            jobs=job.jobs,
            log=job.output / output.LOG,
            own=project.own,
            limits=job.limits,
            named_image=named_image,
            epoch=job.epoch,
            present=PackagesBelow(tuple(below)),
            numbers=accounts.numbers() if accounts else GivenNumbers(),
        )
        below.append((item, bind(item.options, context)))
        yield below[-1]


def for_own_platform(job: Job, *, bring: bool) -> Job:
    """The same, for the platform that an item's own configuration is for, if one says so: for calls and recipes that
    name none. Only with `bring` the network may be used to find out."""
    if not any(kinds()[word_of(type(item.options))].decides_platform for item in job.recipe.items()):
        return job
    store = job.store.without_fallback() if bring else job.store
    for _item, source in sources(replace(job, may_bring=bring), job.platforms[0]):
        if isinstance(source, DecidesPlatform) and (found := source.own_platform(store, bring=bring)):
            return replace(job, platforms=(found,))
    return job


def _project(job: Job, platform: Platform) -> Project:
    own = OwnFolders(written=(job.output, job.store.root, *job.beside))
    if platform == job.platforms[0]:
        own = replace(own, tell=job.progress.note)  # once, and not for each platform
    return Project(job.folder, job.checkout, own)


def fingerprint(job: Job, bound: Mapping[Platform, Bound]) -> str:
    """A digest over all that `build` depends on: recipe, epoch, platforms, every source, and our own version."""
    hasher = hashlib.sha256(f"{__version__} {job.epoch}".encode())
    # Another password for the same mirror makes no other image, and a digest of one could be guessed.
    hasher.update(without_secrets(msgspec.json.encode(job.recipe, order="sorted").decode()).encode())
    for platform in job.platforms:
        for _item, source in bound[platform]:
            hasher.update(f"\0{platform}\0{source.fingerprint(job.store)}".encode())
    hasher.update(recipe_changes.fingerprint(job.recipe, _project(job, job.platforms[0])).encode())
    hasher.update(digest_of_scripts(job.recipe.smoke_checks(job.folder)).encode())
    return f"sha256:{hasher.hexdigest()}"


def _tell_of_codec(job: Job, last: Evidence, *, fresh: bool) -> None:
    """Note that another library or version packs layers now than packed those of this folder's last build."""
    from fromscratch.formats.packing.codec import codec

    try:
        now = codec(job.recipe.compression).name.partition(" level ")[0]
    except MissingTool:  # nothing is packed, or it would have failed
        return
    others = [name for name in evidence.packers(last) if name != now]
    if not others or last.recipe.get("compression") != job.recipe.compression:
        return
    was = ", ".join(others)
    job.progress.note(
        f"layers are packed by {now} now, and those of the last build were by {was}: "
        "the same files have other digests, and the same diff_ids"
        if fresh
        else f"the layers here were packed by {was}; {now}, which is what this machine has, would give them other "
        "digests, and the same diff_ids: to pack them anew, clean and build"
    )


def _plan(job: Job) -> Plan:
    recipe = job.recipe if job.is_checked else msgspec.structs.replace(job.recipe, checks=[])
    return planned(recipe, job.folder, job.checks, job.store, job.progress)


def _evidence(job: Job, inputs: str, images: list[ImageEvidence]) -> Evidence:
    return Evidence(
        name=job.recipe.name,
        inputs=inputs,
        epoch=job.epoch,
        recipe=evidence.concealed(escaped(msgspec.to_builtins(job.recipe))),
        images=images,
    )


def _image(job: Job, platform: Platform, layers: Sequence[Layer], based: Base | None, config: RunConfig) -> Image:
    options = job.recipe.image
    own = about.annotations_of(options.about, authors=options.author, created=job.epoch)
    annotations = {**about.base_annotations(based), **own}
    return Image(
        layers=tuple(layers),
        config=replace(config, labels={**config.labels, **annotations, **options.labels}),
        platform=platform,
        created=job.epoch,
        author=options.author,
        annotations={**annotations, **options.annotations},
    )
