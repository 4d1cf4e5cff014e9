"""Layers that are put on top of an existing image: of folders and files of this machine, and of tar archives.

Their blobs go into the store. The same files give the same layer: times are the epoch's, and owners are given.
"""

from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.errors import Conflict, FormatError, UnsafePath, UsageError
from fromscratch.formats.archive_kind import check_is_root, image_form
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.packing.decompress import kind
from fromscratch.formats.packing.layer import CodecName, Packed, pack, pack_tar
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.images.archives import plain_archive
from fromscratch.host.images.layers import note_own
from fromscratch.host.machine.scan import scan
from fromscratch.host.storage import disk
from fromscratch.host.storage.blob_file import BlobFile
from fromscratch.host.storage.store import Store
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.content import HostFile
from fromscratch.model.entry import Directory, Entry, File, Meta, Origin
from fromscratch.model.image import Layer
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath
from fromscratch.regular_file import open_buffered
from fromscratch.transforms.normalise import normalised
from fromscratch.transforms.placement import landed, placed

_BY_COMPRESSION = {"gzip": oci.LAYER_GZIP, "zstd": oci.LAYER_ZSTD}
_MAGIC = slice(257, 262)  # of ustar and its successors, in the first header


def tree_of(path: Path, into: TreePath, owner: tuple[int, int] | None, epoch: int) -> Rootfs:
    """The files of a folder, or one file, as they are to land at `into`. Raises ImageError for what cannot be read."""
    origin = Origin("layer", "found in", str(path))
    if path.is_dir():
        tree = scan(path, origin, owner=owner)
        check_is_root(tree, str(path), str(path), folder=True)
        return normalised(placed(tree, into), epoch)
    with disk.readable(path):
        facts = path.stat()
    uid, gid = owner or (facts.st_uid, facts.st_gid)
    meta = Meta(0o755 if facts.st_mode & 0o111 else 0o644, uid, gid, 0)
    file = File(meta, HostFile.of(path.resolve(), facts), (origin,))
    return normalised(Rootfs({into: file}), epoch)


def over(below: Rootfs, tree: Rootfs) -> Rootfs:
    """The tree as a layer over `below`: where its entries land, with the directories that are there as they are.

    So a folder that is laid over an image does not change the mode of its /tmp, nor replace its symlink /bin.
    Raises Conflict for a file in place of a directory, or the reverse, as `Rootfs.merged` does.
    """
    below.merged(tree, replace=True, directories="keep")

    def settled(path: TreePath, entry: Entry) -> Entry:
        present = below.get(path)
        return present if isinstance(entry, Directory) and isinstance(present, Directory) else entry

    return landed(tree, below).mapped(settled)


def tree_layer(tree: Rootfs, store: Store, *, codec: CodecName = "gzip", threads: int = 2) -> Layer:
    """A tree packed into the store."""
    with store.temporary() as path:
        with disk.explained(path), open(path, "wb") as out:
            packed = pack(tree, out, codec=codec, threads=threads)
        layer = _adopted(packed, path, store)
    note_own(layer, store)
    return layer


def tar_layer(path: Path, store: Store, *, threads: int = 2, limits: Limits = DEFAULT_LIMITS) -> Layer:
    """A tar as a layer: its bytes stay as they are, compressed by gzip or zstd if it is; else it is compressed here.

    Names that begin with .wh. delete what is below, as in every layer. Raises FormatError for what is not a tar.
    """
    with disk.readable(path), open_buffered(path) as stream:
        digest = store.add_stream(stream)
    plain = plain_archive(digest, store, str(path), limits)
    _check_kind(plain, path, limits)
    media_type = _BY_COMPRESSION.get(kind(store.path(digest), str(path)))
    if media_type is None:
        with disk.readable(plain), open_buffered(plain) as stream, store.temporary() as packed_file:
            with disk.explained(packed_file), open(packed_file, "wb") as out:
                packed = pack_tar(stream, out, threads=threads)
            return _adopted(packed, packed_file, store)
    with disk.readable(plain), open_buffered(plain) as stream:
        diff_id = Digest.of_stream(stream)
    size = store.path(digest).stat().st_size
    return Layer(diff_id, digest, size, media_type, _opener(store, digest, size))


def _check_kind(plain: Path, path: Path, limits: Limits) -> None:
    """Raises UsageError for what is not the tar of a layer."""
    try:
        tree = read_tree(plain, Origin("layer", "found in", str(path)), title=str(path), limits=limits)
    except (FormatError, Conflict, UnsafePath) as error:
        with open_buffered(plain) as stream:
            is_tar = stream.read(_MAGIC.stop)[_MAGIC] == b"ustar"
        if not is_tar:
            hint = f"to put the file itself into the image, say where, as in {path.name}:/usr/bin/{path.name}"
            raise UsageError(f"{path} is not a tar archive", hint) from error
        return  # a layer may have what no root has, such as a hard link to a file of the layers below
    form = image_form(tree)
    if form is not None:
        raise UsageError(f"{path} is {form.title}, and not the tar of a layer", "name it with its kind, as an image")


def _adopted(packed: Packed, path: Path, store: Store) -> Layer:
    store.adopt(path, packed.digest)
    opener = _opener(store, packed.digest, packed.size)
    return Layer(packed.diff_id, packed.digest, packed.size, packed.media_type, opener, verified=True)


def _opener(store: Store, digest: Digest, size: int) -> BlobFile:
    return BlobFile(store.path(digest), digest, size, f"the layer {digest}")
