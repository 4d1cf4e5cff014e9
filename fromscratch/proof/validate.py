"""Whether an image agrees with itself: the checks that every image passes that is read, built or written here.

Where two statements of an image differ, one engine goes by the first and the next by the second. What must agree is in
image-spec/manifest.md, config.md and layer.md v1.1.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from fromscratch.advice import advice
from fromscratch.errors import Conflict, FormatError, ImageError, IntegrityError, TooLarge, UnsafePath, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.config import Config, Documents, image_documents, os_fields, parse_config
from fromscratch.formats.oci.history import layer_steps
from fromscratch.host.images.layers import plain_layer, root_tree
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Image

_HINT = "make or fetch the image again"
# What an image can have wrong with it. Other errors are those of the machine, or of where the bytes come from.
_FAULTS = (Conflict, FormatError, IntegrityError, TooLarge, UnsafePath, UsageError)


def validate(image: Image, store: Store | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
    """Read all of an image and raise an ImageError that says what is wrong with it, and where.

    Checked are each layer (its bytes against digest and size, their compression against the media type, the tar
    against the diff_id), the configuration (that every field can be written and read, history, platform), the
    manifest, and the tree: tars by the strict reader, whiteouts, and links that stay inside the root.

    One fault is raised as it is; several are one FormatError with a line for each. The uncompressed layers are kept in
    `store`, which may be asked again without unpacking them; without one they go to a temporary folder. `limits` bound
    what they may expand to. Raises what opening a layer raises too, and DiskFull where they do not fit on the disk.
    """
    with ExitStack() as stack:
        if store is None:
            store = Store(Path(stack.enter_context(TemporaryDirectory(prefix="fromscratch-"))))
        faults = [*_document_faults(image), *_layer_faults(image, store, limits)]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise FormatError("\n".join(fault.message for fault in faults), _HINT)


def _document_faults(image: Image) -> Iterator[ImageError]:
    """Where configuration and manifest would be read as those of another image."""
    try:
        documents = image_documents(image)
        config = parse_config(documents.config, "the configuration")
        manifest = oci.parse_manifest(documents.manifest, "the manifest")
    except _FAULTS as error:
        yield error
        return
    yield from _config_faults(image, documents, config)
    yield from _manifest_faults(image, documents, manifest)


def _config_faults(image: Image, documents: Documents, config: Config) -> Iterator[ImageError]:
    said, read = image.platform, config.platform
    if os_fields(said) != os_fields(read):
        yield FormatError(f"the platform of the configuration is {said}, and would be read as {read}", f"write {read}")
    if not said.os or not said.architecture:
        yield FormatError("the configuration names no operating system or no architecture", _HINT)
    steps, layers = layer_steps(documents.config), len(config.diff_ids)
    if steps is not None and steps != layers:
        yield FormatError(
            f"the history of the configuration has {steps} steps that make a layer, for {layers} layers", _HINT
        )


def _manifest_faults(image: Image, documents: Documents, manifest: oci.Manifest) -> Iterator[ImageError]:
    actual = {
        "the configuration": documents.config_descriptor,
        **{f"layer {number}": oci.layer_descriptor(layer) for number, layer in enumerate(image.layers, 1)},
    }
    for (name, found), listed in zip(actual.items(), (manifest.config, *manifest.layers), strict=True):
        for what, is_so, said in (
            ("media type", found.media_type, listed.media_type),
            ("digest", found.digest, listed.digest),
            ("size", found.size, listed.size),
        ):
            if said != is_so:
                yield FormatError(f"the manifest: the {what} of {name} is {is_so}, and would be read as {said}", _HINT)


def _layer_faults(image: Image, store: Store, limits: Limits) -> Iterator[ImageError]:
    """What is wrong with the layers, or else with the tree that they make."""
    used, sound = 0, True
    for number, layer in enumerate(image.layers, 1):
        try:
            used += plain_layer(layer, store, used, limits).stat().st_size
        except _FAULTS as error:
            sound = False
            yield _at(f"layer {number} of {len(image.layers)}", error)
    if sound:
        try:
            root_tree(image, store, limits)
        except _FAULTS as error:
            yield error


def _at(place: str, fault: ImageError) -> ImageError:
    return type(fault)(advice(f"{place}: ", fault.message), fault.hint)
