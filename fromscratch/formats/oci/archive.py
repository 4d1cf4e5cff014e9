"""An OCI layout as one tar: what other tools call oci-archive. Same images, same bytes.

The tar is written member by member, layers streamed from where they lie. `ArchiveBlobs` reads the
blobs of any such archive that was read as a tree.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.digest import CHUNK
from fromscratch.errors import MissingBlob
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.graph import Graph, graph
from fromscratch.formats.oci.reader import images
from fromscratch.formats.oci.verified import check_bytes, verified
from fromscratch.formats.tar.header import BLOCK, header
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.content import Content, read
from fromscratch.model.entry import File, HardLink, Meta
from fromscratch.model.image import Blob, Image, Layer
from fromscratch.model.rootfs import Rootfs

_FILE, _FOLDER = Meta(0o644), Meta(0o755)


Members = Mapping[str, bytes | Blob]
"""Name of a member -> its bytes, or the blob that it is."""


def oci_archive(
    of: Sequence[Image],
    *,
    tag: str | None,
    name: str = "",
    artifacts: Sequence[Graph] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[bytes]:
    """The bytes of the archive, in pieces; several images are under one image index, and artifacts listed behind it.

    `name` is the full name that containerd and podman give the image when they load it. Raises
    IntegrityError for a layer that is not what its descriptor says.
    """
    annotations = {oci.REF_NAME: oci.check_tag(tag)} if tag is not None else {}
    if name:
        annotations[oci.FULL_NAME] = name
    return tar_of(layout_members(graph(of, limits), annotations, artifacts))


def layout_members(
    of: Graph, annotations: Mapping[str, str], artifacts: Sequence[Graph] = ()
) -> dict[str, bytes | Blob]:
    """The files of a layout that holds these blobs, the topmost with these annotations, and artifacts."""
    tops = (replace(of.top, annotations=annotations), *(each.top for each in artifacts))
    members: dict[str, bytes | Blob] = {blob_name(blob): blob for each in (of, *artifacts) for blob in each.blobs}
    members[oci.INDEX_FILE] = oci.index_bytes(oci.Index(manifests=tops))
    members[oci.LAYOUT_FILE] = oci.LAYOUT
    return members


def blob_name(blob: oci.Descriptor | Blob | Layer) -> str:
    return f"blobs/{blob.digest.algorithm}/{blob.digest.hex}"


def tar_of(members: Members) -> Iterator[bytes]:
    """The tar of these files and of the folders above them, sorted by name."""
    folders = {name[:end] for name in members for end in range(len(name)) if name[end] == "/"}
    for name in sorted({*members, *folders}):
        content = members.get(name)
        if content is None:
            yield header(f"{name}/".encode(), b"5", _FOLDER)
            continue
        size = len(content) if isinstance(content, bytes) else content.size
        yield header(name.encode(), b"0", _FILE, size=size)
        if isinstance(content, bytes):
            yield content
        else:
            with verified(content.open(), content.digest, size, f"the blob {content.digest}") as stream:
                while piece := stream.read(CHUNK):
                    yield piece
        yield bytes(-size % BLOCK)
    yield bytes(2 * BLOCK)


class ArchiveBlobs(Struct, frozen=True):
    """The blobs of an archive that was read as a tree, verified as they are read. `label` names it in messages."""

    tree: Rootfs
    label: str

    def document(self, descriptor: oci.Descriptor) -> bytes:
        content = self.content(blob_name(descriptor))
        return check_bytes(
            small(content, f"the blob {descriptor.digest} of {self.label}"),
            descriptor.digest,
            descriptor.size,
            f"the blob {descriptor.digest} of {self.label}",
        )

    def layer(self, descriptor: oci.Descriptor) -> Callable[[], BinaryIO]:
        return partial(self.open, self.content(blob_name(descriptor)), descriptor)

    def open(self, content: Content, descriptor: oci.Descriptor) -> BinaryIO:
        what = f"the layer {descriptor.digest} of {self.label}"
        return verified(content.open(), descriptor.digest, descriptor.size, what)

    def content(self, name: str) -> Content:
        """The content of a file of the archive. Raises FormatError."""
        entry = self.tree.find(name)
        if isinstance(entry, HardLink):
            entry = self.tree[entry.target]
        if not isinstance(entry, File):
            raise MissingBlob(
                f"{self.label} lacks {name}", "the archive is cut or of another kind; save the image again"
            )
        return entry.content


def small(content: Content, what: str) -> bytes:
    """All bytes of a document. Raises FormatError if no document can be that large."""
    oci.check_size(content.size, what)
    return read(content)


def oci_archive_images(tree: Rootfs, label: str, tag: str | None = None) -> list[Image]:
    """The images of an archive that was read as a tree; errors as `reader.images` has them."""
    blobs = ArchiveBlobs(tree, label)
    oci.check_layout(small(blobs.content(oci.LAYOUT_FILE), label), f"{oci.LAYOUT_FILE} of {label}")
    return images(blobs, small(blobs.content(oci.INDEX_FILE), label), tag)
