"""An existing image with changes: its configuration, its annotations, and layers on top; all else stays byte for byte.

`images_by_name` finds the images and `delivery` takes them on; layers that are not looked at are not even downloaded.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.checks.start import report
from fromscratch.checks.start.finding import Finding
from fromscratch.errors import UsageError
from fromscratch.formats.oci.config import image_documents, timestamp
from fromscratch.formats.oci.edited import (
    Step,
    attestations_of,
    edited,
    history_fits,
    index_annotations,
    under_index,
)
from fromscratch.host.images.added_layers import over, tar_layer, tree_layer, tree_of
from fromscratch.host.images.layers import root_tree, with_verified_layers
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image, Layer, Platform
from fromscratch.model.image_changes import ImageChanges
from fromscratch.nearest import nearest
from fromscratch.paths import TreePath
from fromscratch.progress import SILENT, Progress

StartCheck = Literal["error", "warn", "off"]


class FilesOnTop(Struct, frozen=True):
    """A folder or file of this machine that lands at `into`. Without an `owner` its files keep theirs."""

    path: Path
    into: TreePath
    owner: tuple[int, int] | None = (0, 0)

    @property
    def title(self) -> str:
        return f"files of {self.path}" + (f" at {self.into}" if self.into != "/" else "")


class TarOnTop(Struct, frozen=True):
    """A tar archive, taken as it is: a layer that something else has made."""

    path: Path

    @property
    def title(self) -> str:
        return f"tar {self.path}"


class ImageOnTop(Struct, frozen=True):
    """All layers of another image, which keep their digests. For each platform it has to have an image, or only one."""

    title: str
    images: tuple[Image, ...]


OnTop = FilesOnTop | TarOnTop | ImageOnTop


class Modification(Struct, frozen=True, kw_only=True):
    """What is to be made of images that have one name: `platforms` names those that change; if it is empty, all do.

    Those of other systems than Linux change only where they are named, or nothing else is there.

    `moment` counts seconds since 1970: the time of the entries in the history, and of files that are put on top; None
    is that of each image. `said` is the call as the history tells it, and `comment` what it says of it. With
    `keeps_history` the only new entries are those that each new layer has to have.
    """

    images: tuple[Image, ...]
    changes: ImageChanges
    on_top: tuple[OnTop, ...] = ()
    platforms: tuple[Platform, ...] = ()
    store: Store
    progress: Progress = SILENT
    threads: int = 2
    moment: int | None = None
    said: str = ""
    comment: str = ""
    keeps_history: bool = False
    start_check: StartCheck = "error"
    limits: Limits = DEFAULT_LIMITS


class Modified(Struct, frozen=True):
    """All images as they are to be written, and those of them that have changed."""

    images: tuple[Image, ...]
    changed: tuple[Image, ...]


def modify(job: Modification) -> Modified:
    """The changed images, with the others beside them.

    Raises UsageError for what is to be removed and is not there, and ImageError for an image that could not start,
    though it could before.
    """
    chosen = _chosen(job)
    old = [image for image, is_chosen in zip(job.images, chosen, strict=True) if is_chosen]
    _check_removals(job, old)
    found: dict[Platform, list[Finding]] = {}
    after: list[Image] = []
    for image, is_chosen in zip(job.images, chosen, strict=True):
        after.append(_changed(job, image, found) if is_chosen else image)
    if any(found.values()):
        for line in report.notes(found, only_warn=job.start_check == "warn"):
            job.progress.note(line)
        if job.start_check == "error":
            report.refuse(found)
    _check_platforms(after)
    made = with_verified_layers(under_index(job.images, after, _index_annotations(job)), job.store)
    _tell(job, old, made)
    return Modified(tuple(made), tuple(image for image, is_chosen in zip(made, chosen, strict=True) if is_chosen))


def _chosen(job: Modification) -> list[bool]:
    """Which of the images change."""
    if job.platforms:
        return [image.platform in job.platforms for image in job.images]
    linux = [image.platform.os == "linux" for image in job.images]
    return linux if any(linux) else [True] * len(linux)


def _check_removals(job: Modification, old: Sequence[Image]) -> None:
    for what, name, there in job.changes.unknown(old):
        near = nearest(name, there)
        known = f"it has {', '.join(there)}" if there else "it has none"
        raise UsageError(
            f"the image has no {what} {name}, which is to be removed", f"did you mean {near[0]}?" if near else known
        )


def _check_platforms(images: Sequence[Image]) -> None:
    """Raises UsageError for two images of one platform, of which nobody could say which one runs."""
    seen: set[tuple[Platform, str]] = set()
    for image in images:
        which = (image.platform, image.platform.os_version)
        if which in seen:
            raise UsageError(
                f"two images would be for {image.platform} under one name",
                "name the one to change with its platform, or give it another platform",
            )
        seen.add(which)


def _changed(job: Modification, image: Image, found: dict[Platform, list[Finding]]) -> Image:
    """One image with its changes; what the start check says of it, and not of the image before, goes to `found`."""
    added: list[Layer] = []
    moment = image.created if job.moment is None else job.moment
    known = history_fits(image)
    for one in job.on_top:
        beneath = replace(image, layers=(*image.layers, *added))
        with job.progress.task(f"add {one.title}", total=None, unit="steps"):
            layers = _layers(job, one, beneath, moment)
        note = {"comment": job.comment, "created_by": f"fromscratch: {one.title}"}
        added += [replace(layer, **note) if known else replace(layer, comment="", created_by="") for layer in layers]
    new = job.changes.of(image)
    if job.changes.entrypoint and job.changes.cmd is None and image.config.cmd:
        job.progress.note(f"the new entry point takes away the cmd of the old one: {shlex.join(image.config.cmd)}")
    made = edited(image, new, added, _steps(job, added, new != image and not job.keeps_history, moment))
    if job.start_check != "off" and (added or job.changes.may_stop_it_starting):
        found[made.platform] = _start(job, image, made)
    elif added:
        root_tree(made, job.store, job.limits)  # raises for a layer that does not fit those below it
    return made


def _steps(job: Modification, added: Sequence[Layer], changes_more: bool, moment: int) -> list[Step]:
    """The entries of the history: one for each layer, and one for what else has changed."""
    created, comment = timestamp(moment), {"comment": job.comment} if job.comment else {}
    steps: list[Step] = [{"created": created, "created_by": layer.created_by, **comment} for layer in added]
    if changes_more:
        steps.append({"created": created, "created_by": job.said or "fromscratch", **comment, "empty_layer": True})
    return steps


def _layers(job: Modification, one: OnTop, beneath: Image, moment: int) -> list[Layer]:
    match one:
        case FilesOnTop(path=path, into=into, owner=owner):
            below = root_tree(beneath, job.store, job.limits)
            tree = over(below, tree_of(path, into, owner, moment))
            return [tree_layer(tree, job.store, threads=job.threads)]
        case TarOnTop(path=path):
            return [tar_layer(path, job.store, threads=job.threads, limits=job.limits)]
        case ImageOnTop():
            return list(_image_on_top(one, beneath.platform).layers)


def _image_on_top(one: ImageOnTop, platform: Platform) -> Image:
    fitting = [image for image in one.images if image.platform == platform] or (
        list(one.images) if len(one.images) == 1 else []
    )
    if fitting:
        return fitting[0]
    there = ", ".join(str(image.platform) for image in one.images)
    raise UsageError(f"{one.title} has no image for {platform} to take layers from", f"it has {there}")


def _start(job: Modification, image: Image, made: Image) -> list[Finding]:
    """What the start check says of the changed image that it would not say of the old one."""
    from fromscratch.checks.start.check import start_check

    findings = start_check(root_tree(made, job.store, job.limits), made.config, made.platform)
    if not findings:
        return []
    known = set(start_check(root_tree(image, job.store, job.limits), image.config, image.platform))
    return [finding for finding in findings if finding not in known]


def _index_annotations(job: Modification) -> Mapping[str, str] | None:
    if not job.changes.index_annotations:
        return None
    present = index_annotations(job.images)
    if present is None:
        raise UsageError(
            "there is no image index to annotate", "the image is for one platform: annotate the image itself"
        )
    return job.changes.index_annotations.of(present)


def _tell(job: Modification, old: Sequence[Image], made: Sequence[Image]) -> None:
    """Note what could not stay as it was, or is not true any more."""
    before = {image_documents(image).descriptor.digest for image in job.images}
    after = {image_documents(image).descriptor.digest for image in made}
    if stale := attestations_of(job.images, before - after):
        names = ", ".join(map(str, stale))
        job.progress.note(f"the index keeps what is attested of the image as it was: {names}")
    if any(image.original and image.original.config and not image.original.manifest for image in job.images):
        job.progress.note("manifests are written in the form of OCI, which changes their digests; those of layers stay")
    if job.on_top and any(not history_fits(image) for image in old):
        job.progress.note("the history of the image does not fit its layers, and is left out")
