"""`tar:FILE`: a plain root as a tar, for systems that take any: WSL, LXC, systemd-nspawn, chroot, `docker import`."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.tar.tree import read_tree
from fromscratch.host.images.archives import plain_archive
from fromscratch.host.images.layers import passes_unread, root_tar, root_tree
from fromscratch.host.storage import disk
from fromscratch.host.storage.write_stream import write_stream
from fromscratch.images.contract import ALL, Naming, Receipt, Selection
from fromscratch.images.local import LocalTransport
from fromscratch.model.entry import Origin
from fromscratch.model.image import Image, Layer
from fromscratch.model.rootfs import Rootfs
from fromscratch.regular_file import open_buffered

Codec = Literal["gzip", "zstd", "none"]
_SUFFIXES: dict[str, Codec] = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".tzst": "zstd", ".tar": "none"}
_REFUSED = {".xz", ".txz", ".bz2", ".tbz", ".tbz2", ".lzma", ".tlz", ".lz4", ".lz", ".z", ".zip", ".7z"}
_LAYERS: dict[Codec, str] = {"gzip": oci.LAYER_GZIP, "zstd": oci.LAYER_ZSTD, "none": oci.LAYER_TAR}


class RootTar(LocalTransport, frozen=True):
    """The suffix says how a file is compressed that is written: .tar (or none), .tar.gz, .tgz, .tar.zst.

    A single layer that was packed here is written as it is; others are laid over each other first, and what strangers
    packed is read in any case. The digest is that of the file. Nothing in it has a name.
    """

    threads: int = 2

    scheme: ClassVar[str] = "tar:"
    example: ClassVar[str] = "tar:root.tar.gz"
    place: ClassVar[Literal["file"]] = "file"
    suffix: ClassVar[str] = ".tar"
    naming: ClassVar[Naming] = "none"

    def read(self, name: str, selection: Selection = ALL) -> Rootfs:
        """The archive's tree, whatever it is compressed by. Raises UsageError for one that holds an image."""
        self.check_readable()
        with disk.readable(self.path), open_buffered(self.path) as stream:
            digest = self.store.add_stream(stream)
        plain = plain_archive(digest, self.store, self.label, self.limits)
        origin = Origin(self.label, "found in", str(self.path))
        tree = read_tree(plain, origin, title=self.label, limits=self.limits)
        return self.checked_root(tree)

    def write(self, images: Sequence[Image], name: str = "") -> Receipt:
        image = self.only(images)
        codec = codec_of(self.path)
        if codec == "none":
            with root_tar(image, self.store, self.limits) as stream:
                digest = write_stream(self.path, stream)
        elif passes_unread(image, self.store) and image.layers[0].media_type == _LAYERS[codec]:
            digest = self._copied(image.layers[0])
        else:
            digest = self._packed(image, codec)
        return Receipt(self.label, digest)

    def _copied(self, layer: Layer) -> Digest:
        """A blob that already has the wanted form, looked into while it is copied."""
        from fromscratch.formats.packing.layer_blob import checked_stream

        with checked_stream(layer, self.limits) as stream:
            return write_stream(self.path, stream)

    def _packed(self, image: Image, codec: Codec) -> Digest:
        from fromscratch.formats.packing.layer import pack

        tree = root_tree(image, self.store, self.limits)
        with disk.atomic(self.path, durable=True) as out:
            return pack(tree, out, codec=codec, threads=self.threads).digest


def codec_of(path: Path) -> Codec:
    """How a tar of this name is compressed. Raises UsageError for a form that we do not write."""
    suffix = path.suffix.lower()
    if suffix in _REFUSED:
        raise UsageError(
            f"{path.name}: a tar is not written in the form {suffix}", "end the name in .tar, .tar.gz or .tar.zst"
        )
    return _SUFFIXES.get(suffix, "none")
