"""The form of `docker save`: a tar with a manifest.json, which `docker load` reads.

What we write is an OCI layout as well, under the names that containerd, podman and skopeo look for,
so each of them loads it with its name and with the very same configuration: the image ID stays.
"""

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from fromscratch.digest import Digest
from fromscratch.errors import FormatError, MissingBlob, UsageError
from fromscratch.formats.docker.archive_list import Listed, check_listed, listed_images
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.archive import ArchiveBlobs, blob_name, layout_members, small, tar_of
from fromscratch.formats.oci.config import image_documents, parse_config
from fromscratch.formats.oci.graph import graph
from fromscratch.formats.oci.history import LayerNote
from fromscratch.formats.oci.reader import images_below
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.content import Content, digest_of
from fromscratch.model.image import Image, Layer, Original
from fromscratch.model.reference import Reference, full_form, full_name
from fromscratch.model.rootfs import Rootfs

MANIFEST_FILE = "manifest.json"
_MAGIC = ((b"\x1f\x8b", oci.LAYER_GZIP), (b"\x28\xb5\x2f\xfd", oci.LAYER_ZSTD))


def docker_archive(image: Image, name: Reference, limits: Limits = DEFAULT_LIMITS) -> Iterator[bytes]:
    """The bytes of the archive, in pieces. Same image and name, same bytes.

    Raises IntegrityError for a layer that is not what its descriptor says, UsageError for a name without a tag.
    """
    if not name.tag:
        raise UsageError(f"{name} has no tag, and an archive names an image by its tag", "write it as NAME:TAG")
    documents = image_documents(image)
    annotations = {oci.FULL_NAME: full_name(name), oci.REF_NAME: name.tag}
    listing = {
        "Config": blob_name(documents.config_descriptor),
        "RepoTags": [f"{name.repository}:{name.tag}"],
        "Layers": [blob_name(layer) for layer in image.layers],
    }
    members = layout_members(graph([image], limits), annotations)
    members[MANIFEST_FILE] = b"[" + oci.canonical(listing, MANIFEST_FILE) + b"]"
    return tar_of(members)


def is_docker_archive(tree: Rootfs) -> bool:
    """Whether a tar that was read as a tree has what `docker load` looks for."""
    return tree.find(MANIFEST_FILE) is not None


def docker_archive_images(tree: Rootfs, label: str, name: str | None = None) -> list[Image]:
    """The image called `name`, or the only one, of an archive that was read as a tree.

    Raises UsageError for a name that is not there, FormatError for an archive that is damaged. Layers
    are verified while they are read.
    """
    blobs = ArchiveBlobs(tree, label)
    what = f"{MANIFEST_FILE} of {label}"
    listed = listed_images(small(blobs.content(MANIFEST_FILE), what), what)
    known = _in_layout(blobs)
    check_listed(blobs, listed, list(known.values()))
    return [
        replace(known.get(entry.config) or _image(blobs, entry), name=_name_in_archive(entry, name))
        for entry in _chosen(listed, label, name)
    ]


def check_both(tree: Rootfs, label: str) -> None:
    """Raises FormatError for an archive in which docker finds another image than those who read it as a layout."""
    blobs = ArchiveBlobs(tree, label)
    what = f"{MANIFEST_FILE} of {label}"
    listed = listed_images(small(blobs.content(MANIFEST_FILE), what), what)
    check_listed(blobs, listed, list(_in_layout(blobs).values()))


def _name_in_archive(listed: Listed, requested: str | None) -> str:
    """The name that was asked for as the archive has it, or the first of its names."""
    names = [tag for tag in listed.repo_tags or () if requested is None or full_form(tag) == full_form(requested)]
    return names[0] if names else ""


def _in_layout(blobs: ArchiveBlobs) -> dict[str, Image]:
    """The images of an archive that is a layout too, by the name of the configuration: so manifests stay as they are.

    docker itself reads manifest.json: where a document of the layout is not there, there is none.
    """
    try:
        index = oci.parse_index(small(blobs.content(oci.INDEX_FILE), blobs.label), f"{oci.INDEX_FILE} of {blobs.label}")
        found = images_below(blobs, index.manifests)
    except MissingBlob:
        return {}
    return {f"blobs/sha256/{Digest.of(image.original.config).hex}": image for image in found if image.original}


def _chosen(listed: list[Listed], label: str, name: str | None) -> list[Listed]:
    names = sorted({tag for entry in listed for tag in entry.repo_tags or ()})
    if name is None:
        if len(listed) > 1:
            raise UsageError(
                f"{label} holds several images: {', '.join(names)}", f"name one of them, as in {label}:NAME:TAG"
            )
        found = listed
    else:
        searched = full_form(name)
        found = [entry for entry in listed if searched in map(full_form, entry.repo_tags or ())][:1]
    if not found:
        there = f"it holds {', '.join(names)}" if names else "no image in it has a name: leave the name out"
        raise UsageError(f"{label} has no image named {name!r}" if name else f"{label} holds no image", there)
    return found


def _image(blobs: ArchiveBlobs, listed: Listed) -> Image:
    what = f"the configuration {listed.config} of {blobs.label}"
    document = small(blobs.content(listed.config), what)
    config = parse_config(document, what)
    layer_files = listed.layers or []
    if len(config.diff_ids) != len(layer_files):
        raise FormatError(
            f"{blobs.label} has {len(layer_files)} layers, but its configuration lists {len(config.diff_ids)}",
            "save the image again",
        )
    # A list may name one file any number of times.
    files = {path: _File(blobs, path) for path in dict.fromkeys(layer_files)}
    layers = tuple(
        files[path].layer(diff_id, note)
        for path, diff_id, note in zip(layer_files, config.diff_ids, config.notes, strict=True)
    )
    return Image(
        layers=layers,
        config=config.run,
        platform=config.platform,
        created=config.created,
        author=config.author,
        original=Original(document),
    )


class _File:
    """The file of a layer, looked at once."""

    def __init__(self, blobs: ArchiveBlobs, path: str) -> None:
        self._blobs, self._content = blobs, blobs.content(path)
        self._kind = _kind(self._content)
        # A plain layer is its own diff_id; a compressed one is mostly named by its digest, else it must be read.
        plain = self._kind == oci.LAYER_TAR
        self._digest = None if plain else _digest_in(path) or digest_of(self._content)

    def layer(self, diff_id: Digest, note: LayerNote) -> Layer:
        digest, size = self._digest or diff_id, self._content.size
        descriptor = oci.Descriptor(media_type=self._kind, digest=digest, size=size)
        opened = partial(self._blobs.open, self._content, descriptor)
        return Layer(diff_id, digest, size, self._kind, opened, note.comment, note.created_by)


def _kind(content: Content) -> str:
    with content.open() as stream:
        start = stream.read(4)
    return next((kind for magic, kind in _MAGIC if start.startswith(magic)), oci.LAYER_TAR)


def _digest_in(path: str) -> Digest | None:
    folder, _, name = path.rpartition("/")
    try:
        return Digest.exact(f"sha256:{name}") if folder == "blobs/sha256" else None
    except FormatError:
        return None
