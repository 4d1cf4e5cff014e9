"""The plain root as a tar, for systems that take any tar: WSL, LXC, systemd-nspawn, chroot, `docker import`."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from fromscratch.digest import Digest
from fromscratch.errors import UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.packing.layer import pack
from fromscratch.formats.packing.layer_blob import sound_stream
from fromscratch.host.images.layers import passes_unread, root_tar, root_tree
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.host.written import write_stream
from fromscratch.images.contract import Receipt
from fromscratch.model.image import Image, Layer

Codec = Literal["gzip", "zstd", "none"]
_SUFFIXES: dict[str, Codec] = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".tzst": "zstd", ".tar": "none"}
_REFUSED = {".xz", ".txz", ".bz2", ".tbz", ".tbz2", ".lzma", ".tlz", ".lz4", ".lz", ".z", ".zip", ".7z"}
_LAYERS: dict[Codec, str] = {"gzip": oci.LAYER_GZIP, "zstd": oci.LAYER_ZSTD, "none": oci.LAYER_TAR}


class TarballSink(Struct, frozen=True):
    """The suffix says how the file is compressed: .tar (or none), .tar.gz, .tgz, .tar.zst. The reference is not used.

    A single layer that was packed here is written as it is; others are laid over each other first, and what strangers
    packed is read in any case. The digest is that of the file.
    """

    path: Path
    store: Store
    threads: int = 2

    def deliver(self, image: Image, reference: str = "") -> Receipt:
        codec = codec_of(self.path)
        if codec == "none":
            with root_tar(image, self.store) as stream:
                digest = write_stream(self.path, stream)
        elif passes_unread(image, self.store) and image.layers[0].media_type == _LAYERS[codec]:
            digest = self._copied(image.layers[0])
        else:
            tree = root_tree(image, self.store)
            with disk.atomic(self.path, durable=True) as out:
                digest = pack(tree, out, codec=codec, threads=self.threads).digest
        return Receipt(f"tar:{self.path}", digest)

    def _copied(self, layer: Layer) -> Digest:
        """A blob that already has the wanted form, looked into while it is copied."""
        with sound_stream(layer, self.store.limits) as stream:
            return write_stream(self.path, stream)


def codec_of(path: Path) -> Codec:
    """How a tar of this name is compressed. Raises UsageError for a form that we do not write."""
    suffix = path.suffix.lower()
    if suffix in _REFUSED:
        raise UsageError(
            f"{path.name}: a tar is not written in the form {suffix}", "end the name in .tar, .tar.gz or .tar.zst"
        )
    return _SUFFIXES.get(suffix, "none")
