"""Reading and writing OCI layouts: image-spec/image-layout.md v1.1.

A layout is written beside its place and then swapped in: at any time, the old one or the new one is there, complete.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Literal

from msgspec.structs import replace

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import FormatError, UsageError
from fromscratch.formats.oci import documents as oci
from fromscratch.formats.oci.graph import Graph, graph
from fromscratch.formats.oci.reader import Blobs, images
from fromscratch.formats.oci.verified import read_out, verified
from fromscratch.host.images.layout_blobs import LayoutBlobs, read_file
from fromscratch.host.storage import disk, locks, staged_folder
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.image import Blob, Image, Layer
from fromscratch.progress import Task

if TYPE_CHECKING:
    from fromscratch.formats.oci.layout import Others
    from fromscratch.formats.packing.layer import Packed
    from fromscratch.model.rootfs import Rootfs


def write_layout(
    directory: Path,
    images: Sequence[Image],
    *,
    tag: str | None,
    keep_others: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> oci.Descriptor:
    """Write these images, one for each platform, as the layout at `directory`; the answer is the descriptor of `tag`.

    It replaces an existing layout, or with `keep_others` only the images of this tag in it. Raises
    ImageError, and IntegrityError for a corrupt layer.
    """
    with LayoutWriter(directory) as writer:
        return writer.finish(images, tag=tag, keep_others=keep_others, limits=limits)


class LayoutWriter:
    """A layout that is being written. Layers are packed into it; `finish` puts it in its place, else nothing stays.

    Unless it is `durable`, a power cut soon afterwards may leave files of it empty or cut: for a layout that is
    looked at for damage before it is used again, and can be made again.

    with LayoutWriter(Path("build/hello/oci")) as writer:
        layer, _ = writer.pack(tree, comment="busybox")
        image = Image(layers=(layer,), config=config, platform=platform)
        writer.finish([image], tag="latest")
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        """Raises UsageError when something else than a layout is at `directory`."""
        self._durable = durable
        self.directory = Path(os.path.realpath(directory))
        _check_replaceable(self.directory)
        self._stack = ExitStack()
        self._root = self.directory

    def __enter__(self) -> "LayoutWriter":
        with disk.explained(self.directory):
            self._root = self._stack.enter_context(staged_folder.staged(self.directory))
            self._blob_folder("sha256").mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def blob_file(self) -> BinaryIO:
        """A new file in the layout to write a blob to, open for reading too; `add_blob` gives it its name."""
        with disk.explained(self._root):
            path = self._root / f"blob-{os.urandom(8).hex()}"
            return self._stack.enter_context(open(path, "x+b"))

    def add_blob(self, path: Path, digest: Digest) -> None:
        """Move a finished file, made by `blob_file`, to its name. The caller has computed the digest."""
        place = self._blob(digest)
        with disk.explained(path):
            place.parent.mkdir(exist_ok=True)
            os.replace(path, place)

    def pack(
        self,
        tree: "Rootfs",
        *,
        codec: Literal["gzip", "zstd", "smallest", "fast", "none"] = "gzip",
        threads: int = 2,
        comment: str = "",
        progress_task: Task | None = None,
    ) -> "tuple[Layer, Packed]":
        """Pack a tree into this layout, as formats.layer.pack does; the second answer has the codec."""
        from fromscratch.formats.packing import layer as layers

        with disk.explained(self.directory), self.blob_file() as out:
            packed = layers.pack(tree, out, codec=codec, threads=threads, progress_task=progress_task)
        self.add_blob(Path(out.name), packed.digest)
        layer = self.layer(packed.diff_id, packed.digest, packed.size, packed.media_type, comment=comment)
        return layer, packed

    def layer(self, diff_id: Digest, digest: Digest, size: int, media_type: str, *, comment: str = "") -> Layer:
        """A layer that was packed into this layout, now or before; it can be opened before `finish` and after it."""
        descriptor = oci.Descriptor(media_type=media_type, digest=digest, size=size)
        return Layer(diff_id, digest, size, media_type, partial(self._open, descriptor), comment, verified=True)

    def reuse(self, digest: Digest, size: int) -> bool:
        """Reuse a blob of the layout that is to be replaced; False if it has no such blob.

        Its digest is verified. The blob is copied only if the filesystem, or the kernel for a file of another
        user, allows no hard link. Raises OSError.
        """
        old, new = self.directory / "blobs" / digest.algorithm / digest.hex, self._blob(digest)
        if new.exists():
            return True
        try:
            if old.stat().st_size != size or _digest_of_file(old, digest) != digest:
                return False
        except OSError:
            return False
        new.parent.mkdir(exist_ok=True)
        try:
            os.link(old.resolve(), new)
        except OSError:
            with open(old, "rb") as stream, self.blob_file() as out:
                _copy(stream, out)
            self.add_blob(Path(out.name), digest)
        return True

    def finish(
        self,
        images: Sequence[Image],
        *,
        tag: str | None,
        keep_others: bool = False,
        artifacts: Sequence[Graph] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> oci.Descriptor:
        """Write configurations, manifests and index and put the layout in its place.

        One image is named by `tag` itself; several are under an image index of that name. `artifacts`
        are listed behind it. The answer is the descriptor that `index.json` holds, without annotations.
        """
        from fromscratch.formats.oci.layout import others

        annotations = {oci.REF_NAME: oci.check_tag(tag)} if tag is not None else {}
        whole = graph(images, limits)
        graphs = [Graph(replace(whole.top, annotations=annotations), whole.blobs), *artifacts]
        with disk.explained(self.directory):
            new = {blob.digest for each in graphs for blob in each.blobs}
            self._place(graphs, partial(others, tag=tag, new=new) if keep_others else None)
        return whole.top

    def attach(self, artifacts: Sequence[Graph]) -> None:
        """Add these to all that the layout holds, such as an SBOM that refers to an image in it."""
        from fromscratch.formats.oci.layout import everything

        with disk.explained(self.directory):
            self._place(artifacts, everything)

    def _place(self, graphs: Sequence[Graph], remain: "Callable[[Blobs, oci.Index], Others] | None") -> None:
        """Put the layout in its place: with what remains of the existing one, and then these.

        Several writers of one layout take turns, and each continues from the result of the one before. All of a
        durable one is synced before the swap: after a power cut the old layout or the new one is there, complete.
        """
        for blob in (blob for each in graphs for blob in each.blobs):
            self._add(blob)
        tops = tuple(each.top for each in graphs)
        while True:
            with locks.writer_turn(self.directory) as present:
                index = self._index(tops, remain)
                (self._root / oci.LAYOUT_FILE).write_bytes(oci.LAYOUT)
                (self._root / oci.INDEX_FILE).write_bytes(index)
                if self._durable:
                    disk.sync_tree(self._root)
                if present:
                    staged_folder.swap_in(self._root, self.directory)
                elif not staged_folder.take_empty_place(self._root, self.directory):
                    continue  # another writer was quicker: wait for the turn after it
                if self._durable:
                    disk.sync_folder(self.directory.parent)
            break
        self._root = self.directory

    def _index(self, tops: tuple[oci.Descriptor, ...], remain: "Callable[[Blobs, oci.Index], Others] | None") -> bytes:
        """The index.json of the new layout, after adding all blobs that it refers to."""
        if remain is None or not is_layout(self.directory):
            return oci.index_bytes(oci.Index(manifests=tops))
        blobs, known = LayoutBlobs(self.directory), read_file(self.directory, oci.INDEX_FILE)
        what = f"index.json of {blobs.label}"
        remaining = remain(blobs, oci.parse_index(known, what))
        self._reuse_all(blobs, remaining.blobs)
        return oci.joined_index(known, remaining.places, tops, what)

    def _reuse_all(self, blobs: LayoutBlobs, remaining: Sequence[oci.Descriptor]) -> None:
        for entry in remaining:
            if blobs.has(entry) and not self.reuse(entry.digest, entry.size):
                raise FormatError(f"{entry.digest} of {blobs.label} is damaged", "name a new folder")

    def _add(self, blob: Blob) -> None:
        if self.reuse(blob.digest, blob.size):
            if blob.must_be_read:
                with blob.open() as stream:
                    read_out(stream)
            return
        with (
            verified(blob.open(), blob.digest, blob.size, f"the blob {blob.digest}") as stream,
            self.blob_file() as out,
        ):
            _copy(stream, out)
        self.add_blob(Path(out.name), blob.digest)

    def _open(self, descriptor: oci.Descriptor) -> BinaryIO:
        return LayoutBlobs(self._root).layer(descriptor)()

    def _blob(self, digest: Digest) -> Path:
        return self._blob_folder(digest.algorithm) / digest.hex

    def _blob_folder(self, algorithm: str) -> Path:
        return self._root / "blobs" / algorithm


def read_layout(directory: Path, tag: str | None = None, *, verify: bool = False) -> list[Image]:
    """The images, one for each platform, that `tag` names in the layout at `directory`.

    Documents are verified at once, layers while they are read, or here as well with `verify`.
    Without a tag, the layout must hold one name only. Raises UsageError for a name that is not
    there, FormatError and IntegrityError for a layout that is damaged.
    """
    oci.check_layout(read_file(directory, oci.LAYOUT_FILE), str(directory / oci.LAYOUT_FILE))
    found = images(LayoutBlobs(directory), read_file(directory, oci.INDEX_FILE), tag)
    if verify:
        for layer in (layer for image in found for layer in image.layers):
            with layer.open() as stream:
                read_out(stream)
    return found


def attach(directory: Path, artifacts: Sequence[Graph]) -> None:
    """List artifacts in the layout at `directory`, beside all that it holds."""
    with LayoutWriter(directory) as writer:
        writer.attach(artifacts)


def read_referrers(directory: Path, subject: Digest) -> list[oci.Descriptor]:
    """The manifests in the layout at `directory` that refer to this manifest or image index."""
    from fromscratch.formats.oci.artifact import referrers

    blobs = LayoutBlobs(directory)
    index = oci.parse_index(read_file(directory, oci.INDEX_FILE), f"index.json of {blobs.label}")
    return referrers(blobs, index.manifests, subject)


def remove_layout(directory: Path) -> None:
    """Remove the layout at `directory`, moved aside first, so that nobody finds a part of it. Raises OSError."""
    if directory.is_symlink() or not directory.is_dir():
        disk.remove(directory)
        return
    with staged_folder.staged(directory) as aside, locks.writer_turn(directory):
        directory.rename(aside)


def is_layout(directory: Path) -> bool:
    return (directory / oci.LAYOUT_FILE).is_file()


def _check_replaceable(directory: Path) -> None:
    try:
        empty = not any(directory.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk.explain(error, directory) from error
    if not empty and not is_layout(directory):
        raise UsageError(
            f"{directory} holds something else than an OCI layout, and would be replaced",
            "name a new or an empty folder",
        )


def _copy(source: BinaryIO, out: BinaryIO) -> None:
    """Write all that is left of a stream. shutil, which can do so too, is slow to import."""
    while piece := source.read(CHUNK):
        out.write(piece)


def _digest_of_file(path: Path, like: Digest) -> Digest:
    with open(path, "rb") as stream:
        return Digest(like.algorithm, hashlib.file_digest(stream, like.algorithm).hexdigest())
