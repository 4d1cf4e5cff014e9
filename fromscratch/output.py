"""The folder that a build ends in: what stands in it, whether it is whole, and what of it is ours to remove.

oci/            the OCI layout
evidence.json   the reasons of every file
Dockerfile      how the image runs, to read and to commit
build.log       what the programs said that were run
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fromscratch import evidence
from fromscratch.errors import FormatError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.evidence import Evidence
from fromscratch.formats.dockerfile import SIGNED, metadata_dockerfile
from fromscratch.host import disk
from fromscratch.host.layout import is_layout, read_layout
from fromscratch.model.image import Image, Layer, Platform, RunConfig
from fromscratch.progress import Progress

LAYOUT, DOCKERFILE, LOG = "oci", "Dockerfile", "build.log"
_WRITTEN = (LAYOUT, evidence.NAME, DOCKERFILE, LOG)


@dataclass(frozen=True, kw_only=True)
class Built:
    """A finished build. `fresh` is False when nothing had changed since the last one."""

    images: tuple[Image, ...]
    evidence: Evidence
    fresh: bool


def finished(folder: Path, inputs: str | None = None) -> Built | None:
    """The build in this folder, if it is whole and (when given) was made of these inputs."""
    try:
        proof = evidence.read(folder)
        if proof is None or not is_layout(folder / LAYOUT) or inputs not in (None, proof.inputs):
            return None
        images = tuple(read_layout(folder / LAYOUT))
    except (FormatError, IntegrityError):
        if inputs is None:
            raise
        return None  # damaged: it is what building again mends
    if [[str(layer.digest) for layer in image.layers] for image in images] != [image.layers for image in proof.images]:
        return None  # another build was killed between the layout and its evidence
    if inputs is not None and not all(_has_whole(folder / LAYOUT, layer) for image in images for layer in image.layers):
        return None  # a layer was cut or lost since
    return Built(images=images, evidence=proof, fresh=False)


def need_built(folder: Path, platforms: Sequence[Platform]) -> Built:
    """The build in this folder, as far as it is for these platforms; all of it if none is named.

    Raises NotFetched if there is none.
    """
    built = finished(folder)
    if built is None:
        raise NotFetched(f"nothing is built in {folder}", "run `fromscratch fetch build` first")
    wanted = {str(platform) for platform in platforms}
    if not wanted:
        return built
    images = tuple(image for image in built.images if str(image.platform) in wanted)
    if not images:
        there = ", ".join(str(image.platform) for image in built.images)
        raise NotFetched(
            f"{folder} holds {there}, not {', '.join(sorted(wanted))}",
            f"build it with --platform {','.join(sorted(wanted))}",
        )
    return replace(built, images=images)


def _has_whole(layout: Path, layer: Layer) -> bool:
    """Whether the layer's blob is there with all its bytes, as far as its size tells."""
    blob = layout / "blobs" / layer.digest.algorithm / layer.digest.hex
    return blob.is_file() and blob.stat().st_size == layer.size


def check_replaceable(folder: Path) -> None:
    """Raises UsageError when somebody else's Dockerfile would be replaced."""
    dockerfile = folder / DOCKERFILE
    if dockerfile.is_file() and SIGNED not in dockerfile.read_text("utf-8", "replace").partition("\n")[0]:
        raise UsageError(
            f"{dockerfile} is not one that build wrote, and would be replaced", "name a folder of its own with --output"
        )


def write_dockerfile(folder: Path, config: RunConfig, name: str, progress: Progress) -> None:
    """The metadata Dockerfile beside the layout; none, and a note, for a configuration that none can hold."""
    place = folder / DOCKERFILE
    try:
        text = metadata_dockerfile(config, f"{name}-root")
    except UsageError as error:
        place.unlink(missing_ok=True)
        progress.note(f"no Dockerfile is written: {error.message}")
        return
    disk.write_atomically(place, text.encode())


def remove(folder: Path) -> list[str] | None:
    """Remove what `build` wrote, and the folder if nothing else is in it; the names of what else is in it.

    None if there is no build. Raises ImageError when the folder does not look like one.
    """
    with disk.explained(folder):
        if not folder.exists():
            return None
        names = {path.name for path in folder.iterdir()}
        if names and not names & {evidence.NAME, "oci"}:
            raise ImageError(f"{folder} does not look like a build", "remove it by hand if it is one")
        ours = [name for name in names if name in _WRITTEN or name.startswith(".oci.new-")]
        for name in ours:
            disk.remove(folder / name)
        kept = sorted(names - {*ours})
        if not kept and folder.resolve() != Path.cwd():
            folder.rmdir()
        return kept
