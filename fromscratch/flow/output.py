"""The output folder of a build: what is in it, whether it is complete, and which of its files are ours to remove.

Nothing of it is synced to the disk, which would take longer than a small build: whatever a power cut leaves empty or
cut is found by its digest, size or form, told by the verbs that read it, and built again by `build`.

oci/            the OCI layout
evidence.json   the reasons of every file
Dockerfile      how the image runs, to read and to commit
build.log       what the programs said that were run
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.advice import Command, Setting, advice
from fromscratch.errors import FormatError, ImageError, IntegrityError, NotFetched, UsageError
from fromscratch.flow import evidence
from fromscratch.flow.evidence import Evidence
from fromscratch.host.images.layout import is_layout, read_layout, remove_layout
from fromscratch.host.storage import disk, locks, staging
from fromscratch.host.storage.own_folders import WRITTEN
from fromscratch.host.storage.store import Store
from fromscratch.model.image import Image, Layer, Platform
from fromscratch.progress import Progress

LAYOUT, DOCKERFILE, LOG, TRACE = "oci", "Dockerfile", "build.log", "bundle.trace"


class Built(Struct, frozen=True, kw_only=True):
    """A finished build. `fresh` is False when nothing had changed since the last one."""

    images: tuple[Image, ...]
    evidence: Evidence
    fresh: bool


@contextmanager
def held(folder: Path, progress: Progress) -> Iterator[None]:
    """Keep others that build into this folder, or clean it, away until the block ends. Raises ImageError."""
    with ExitStack() as stack:
        with disk.explained(folder):
            note = f"waiting for another process that works in {folder}"
            stack.enter_context(locks.locked_folder(folder, lambda: progress.note(note)))
            for name in WRITTEN:  # of a build that was killed at its end too, when nothing is to be built again
                staging.sweep(folder / name, disk.remove)
        yield


def finished(folder: Path, inputs: str | None = None, store: Store | None = None) -> Built | None:
    """The build in this folder, if it is whole and (when given) was made of these inputs.

    With a store, which remembers what it has read, its layers are whole to the last byte, else by their size.
    """
    try:
        proof = evidence.read(folder)
        if proof is None or not is_layout(folder / LAYOUT) or inputs not in (None, proof.inputs):
            return None
        images = tuple(read_layout(folder / LAYOUT))
    except (FormatError, IntegrityError):
        if inputs is None:
            raise
        return None  # damaged: it is what building again fixes
    if [[str(layer.digest) for layer in image.layers] for image in images] != [image.layers for image in proof.images]:
        return None  # another build was killed between the layout and its evidence
    layers = [layer for image in images for layer in image.layers] if inputs is not None else []
    if not all(_has_whole(folder / LAYOUT, layer, store) for layer in layers):
        return None  # a layer was cut, damaged or lost since
    if inputs is not None and (folder / DOCKERFILE).is_file() and not _text(folder / DOCKERFILE):
        return None  # a power cut has left its name only
    return Built(images=images, evidence=proof, fresh=False)


def last_evidence(folder: Path) -> Evidence | None:
    """What the last build of this folder knew of itself; None if there was none, or it is damaged."""
    try:
        return evidence.read(folder)
    except FormatError:
        return None


def need_built(folder: Path, platforms: Sequence[Platform]) -> Built:
    """The build in this folder, as far as it is for these platforms; all of it if none is named.

    Raises NotFetched if there is none.
    """
    built = finished(folder)
    if built is None:
        raise NotFetched(f"nothing is built in {folder}", advice("run `", Command(("fetch", "build")), "` first"))
    chosen = {str(platform) for platform in platforms}
    if not chosen:
        return built
    images = tuple(image for image in built.images if str(image.platform) in chosen)
    if not images:
        there = ", ".join(str(image.platform) for image in built.images)
        raise NotFetched(
            f"{folder} holds {there}, not {', '.join(sorted(chosen))}",
            advice("build it with ", Setting("platform", ",".join(sorted(chosen)))),
        )
    return replace(built, images=images)


def _has_whole(layout: Path, layer: Layer, store: Store | None) -> bool:
    """Whether the layer's blob is there with all its bytes."""
    blob = layout / "blobs" / layer.digest.algorithm / layer.digest.hex
    if not blob.is_file() or blob.stat().st_size != layer.size:
        return False
    return store is None or store.matches(blob.absolute(), layer.digest)


def check_replaceable(folder: Path) -> None:
    """Raises UsageError when somebody else's Dockerfile would be replaced."""
    if not _is_ours(folder / DOCKERFILE):
        what = f"{folder / DOCKERFILE} is not one that build wrote, and would be replaced"
        raise UsageError(what, advice("name a folder of its own with ", Setting("output")))


def write_dockerfile(
    folder: Path, images: Sequence[Image], name: str, progress: Progress, spell: Callable[[str], str]
) -> None:
    """The metadata Dockerfile beside the layout, which says how to make the base that it names.

    None, and a note, for a configuration that none can hold.
    """
    from fromscratch.formats.docker.dockerfile import metadata_dockerfile

    place = folder / DOCKERFILE
    platform = (Setting("platform", str(images[0].platform)),) if len(images) > 1 else ()
    settings = (Setting("to", "tar"), Setting("image", f"oci:{LAYOUT}"), *platform, Setting("output", "-"))
    remarks = (
        "Its base is the bare root, which this makes of the layout beside it, before `docker build .`:",
        spell(advice("  ", Command(("pack",), settings), f" | docker import - {name}-root")),
    )
    try:
        text = metadata_dockerfile(images[0].config, f"{name}-root", remarks=remarks)
    except UsageError as error:
        place.unlink(missing_ok=True)
        progress.note(f"no Dockerfile is written: {error.message}")
        return
    disk.write_atomically(place, text.encode())


def remove(folder: Path, progress: Progress) -> list[str] | None:
    """Remove what `build` wrote, and the folder if nothing else is in it; the names of what else is in it.

    Waits for a build that is under way there. None if there is no build. Raises ImageError when the folder does not
    look like one.
    """
    with disk.explained(folder):
        if not folder.exists():
            return None
        with held(folder, progress):
            ours, foreign = _ours_and_others(folder)
            for name in ours:
                remove_layout(folder / name) if name == LAYOUT else disk.remove(folder / name)
            if not foreign and not folder.samefile("."):
                folder.rmdir()
            return foreign


def _ours_and_others(folder: Path) -> tuple[list[str], list[str]]:
    """The names that `build` wrote, in the order of their removal, and all other names.

    What marks the folder as a build goes last, so that a removal that was killed can be repeated.
    """
    names = {path.name for path in folder.iterdir()}
    growing = {name for name in names if any(staging.is_of(name, ours) for ours in WRITTEN)}
    marks = {name for name in names if name in (LAYOUT, evidence.NAME) or staging.is_of(name, LAYOUT)}
    others = names - growing - {*WRITTEN} | ({DOCKERFILE} if not _is_ours(folder / DOCKERFILE) else set())
    if others and not marks:
        raise ImageError(f"{folder} does not look like a build", "remove it by hand if it is one")
    last = [name for name in (*sorted(growing & marks), LAYOUT, evidence.NAME) if name in names]
    first = sorted(names - others - {*last})
    return [*first, *last], sorted(others)


def _is_ours(dockerfile: Path) -> bool:
    """Whether `build` wrote it, or there is none. One without any text is what a power cut leaves, and no loss."""
    if not dockerfile.exists():
        return True
    if not dockerfile.is_file():
        return False
    from fromscratch.formats.docker.dockerfile import SIGNED

    text = _text(dockerfile)
    return SIGNED in text.partition("\n")[0] or not text


def _text(dockerfile: Path) -> str:
    """Without the zeros that stand for bytes which never came to the disk."""
    return dockerfile.read_text("utf-8", "replace").strip("\0")
