"""OCI layouts in a folder: image-spec/image-layout.md v1.1.

A layout is written beside its place and swapped in whole: whoever reads, or kills us, finds the old one or the new one.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Literal

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import FormatError, ImageError, UsageError
from fromscratch.formats import oci
from fromscratch.formats.oci_graph import graph
from fromscratch.formats.oci_images import images, reachable
from fromscratch.formats.verified import check_bytes, verified
from fromscratch.host import disk, swap
from fromscratch.model.image import Blob, Image, Layer
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import Task

if TYPE_CHECKING:
    from fromscratch.formats.layer import Packed


def write_layout(
    directory: Path, images: Sequence[Image], *, tag: str | None, keep_others: bool = False
) -> oci.Descriptor:
    """Write these images, one for each platform, as the layout at `directory`; the answer is the descriptor of `tag`.

    Replaces a layout that is there, or with `keep_others` only what has this tag in it. Raises
    ImageError, and IntegrityError for a layer that is not what it says.
    """
    with LayoutWriter(directory) as writer:
        return writer.finish(images, tag=tag, keep_others=keep_others)


class LayoutWriter:
    """A layout under way. A layer is packed straight into it; `finish` gives it its place, else nothing stays.

    with LayoutWriter(Path("build/hello/oci")) as writer:
        layer, _ = writer.pack(tree, comment="busybox")
        image = Image(layers=(layer,), config=config, platform=platform)
        writer.finish([image], tag="latest")
    """

    def __init__(self, directory: Path) -> None:
        """Raises UsageError when something else than a layout is at `directory`."""
        self.directory = Path(os.path.realpath(directory))
        _check_replaceable(self.directory)
        self._stack = ExitStack()
        self._root = self.directory

    def __enter__(self) -> "LayoutWriter":
        with disk.explained(self.directory):
            self._root = self._stack.enter_context(swap.staged(self.directory))
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
        with disk.explained(path):
            os.replace(path, self._blob(digest))

    def pack(
        self,
        tree: Rootfs,
        *,
        codec: Literal["gzip", "zstd", "none"] = "gzip",
        threads: int = 2,
        comment: str = "",
        progress_task: Task | None = None,
    ) -> "tuple[Layer, Packed]":
        """Pack a tree into this layout, as formats.layer.pack does; the second answer tells which codec did it."""
        from fromscratch.formats import layer as layers

        with disk.explained(self.directory), self.blob_file() as out:
            packed = layers.pack(tree, out, codec=codec, threads=threads, progress_task=progress_task)
        self.add_blob(Path(out.name), packed.digest)
        layer = self.layer(packed.diff_id, packed.digest, packed.size, packed.media_type, comment=comment)
        return layer, packed

    def layer(self, diff_id: Digest, digest: Digest, size: int, media_type: str, *, comment: str = "") -> Layer:
        """A layer whose blob is in this layout; it can be opened while the layout is under way and afterwards."""
        descriptor = oci.Descriptor(media_type=media_type, digest=digest, size=size)
        return Layer(diff_id, digest, size, media_type, partial(self._open, descriptor), comment)

    def reuse(self, digest: Digest, size: int) -> bool:
        """Take a blob over from the layout that is to be replaced; False if it has no such blob.

        Its bytes are read once, to see that they are still the right ones. They are copied only where
        the filesystem, or the kernel for somebody else's file, allows no hard link. Raises OSError.
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
                shutil.copyfileobj(stream, out, CHUNK)
            self.add_blob(Path(out.name), digest)
        return True

    def finish(self, images: Sequence[Image], *, tag: str | None, keep_others: bool = False) -> oci.Descriptor:
        """Write configurations, manifests and index and put the layout in its place.

        One image is named by `tag` itself; several are under an image index of that name. The
        answer is the descriptor that `index.json` holds, without annotations.
        """
        annotations = {oci.REF_NAME: oci.check_tag(tag)} if tag is not None else {}
        with disk.explained(self.directory):
            whole = graph(images)
            for blob in whole.blobs:
                self._bring(blob)
            top = whole.top
            others = self._others(tag) if keep_others and is_layout(self.directory) else []
            index = oci.Index(manifests=(*others, replace(top, annotations=annotations)))
            (self._root / oci.LAYOUT_FILE).write_bytes(oci.LAYOUT)
            (self._root / oci.INDEX_FILE).write_bytes(oci.index_bytes(index))
            swap.swap_in(self._root, self.directory)
            self._root = self.directory
        return top

    def _others(self, tag: str | None) -> list[oci.Descriptor]:
        """What the layout that is there calls by other names, with all blobs of it taken over."""
        blobs = LayoutBlobs(self.directory)
        index = oci.parse_index(_read(self.directory, oci.INDEX_FILE), f"index.json of {blobs.label}")
        kept = [entry for entry in index.manifests if entry.annotations.get(oci.REF_NAME) != tag]
        for entry in (found for top in kept for found in reachable(blobs, top)):
            if not self.reuse(entry.digest, entry.size):
                raise FormatError(f"{blobs.label} lacks {entry.digest}, or it is damaged", "name a new folder")
        return kept

    def _bring(self, blob: Blob) -> None:
        if self.reuse(blob.digest, blob.size):
            return
        with (
            verified(blob.open(), blob.digest, blob.size, f"the blob {blob.digest}") as stream,
            self.blob_file() as out,
        ):
            shutil.copyfileobj(stream, out, CHUNK)
        self.add_blob(Path(out.name), blob.digest)

    def _open(self, descriptor: oci.Descriptor) -> BinaryIO:
        return LayoutBlobs(self._root).layer(descriptor)()

    def _blob(self, digest: Digest) -> Path:
        return self._blob_folder(digest.algorithm) / digest.hex

    def _blob_folder(self, algorithm: str) -> Path:
        return self._root / "blobs" / algorithm


@dataclass(frozen=True, slots=True)
class LayoutBlobs:
    """The blobs of the layout at `root`, verified as they are read."""

    root: Path

    @property
    def label(self) -> str:
        return f"oci:{self.root}"

    def document(self, descriptor: oci.Descriptor) -> bytes:
        if descriptor.size > oci.MAX_DOCUMENT:
            raise FormatError(
                f"{descriptor.digest} of {self.label} is too large for a document", "make the image again"
            )
        path = self._path(descriptor)
        with disk.readable(path), open(path, "rb") as stream:
            data = stream.read(descriptor.size + 1)
        return check_bytes(data, descriptor.digest, descriptor.size, f"the blob {descriptor.digest} of {self.label}")

    def layer(self, descriptor: oci.Descriptor) -> Callable[[], BinaryIO]:
        self._path(descriptor)
        return partial(self._open, descriptor)

    def _open(self, descriptor: oci.Descriptor) -> BinaryIO:
        path = self._path(descriptor)
        with disk.readable(path):
            stream = open(path, "rb", buffering=0)
        what = f"the layer {descriptor.digest} of {self.label}"
        return verified(stream, descriptor.digest, descriptor.size, what)

    def _path(self, descriptor: oci.Descriptor) -> Path:
        path = self.root / "blobs" / descriptor.digest.algorithm / descriptor.digest.hex
        with disk.readable(path):
            there = path.is_file()
        if not there:
            raise FormatError(
                f"{self.label} lacks the blob {descriptor.digest}", "build, copy or fetch the image again"
            )
        return path


def read_layout(directory: Path, tag: str | None = None, *, verify: bool = False) -> list[Image]:
    """The images, one for each platform, that `tag` names in the layout at `directory`.

    Documents are verified at once, layers while they are read, or here as well with `verify`.
    Without a tag, the layout must hold one name only. Raises UsageError for a name that is not
    there, FormatError and IntegrityError for a layout that is damaged.
    """
    oci.check_layout(_read(directory, oci.LAYOUT_FILE), str(directory / oci.LAYOUT_FILE))
    found = images(LayoutBlobs(directory), _read(directory, oci.INDEX_FILE), tag)
    if verify:
        for layer in (layer for image in found for layer in image.layers):
            with layer.open() as stream:
                while stream.read(CHUNK):
                    pass
    return found


def is_layout(directory: Path) -> bool:
    return (directory / oci.LAYOUT_FILE).is_file()


def _read(directory: Path, name: str) -> bytes:
    path = directory / name
    try:
        with open(path, "rb") as stream:
            data = stream.read(oci.MAX_DOCUMENT + 1)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise UsageError(
                f"{directory} is no OCI layout: it has no {name}",
                "name the folder that holds oci-layout and index.json",
            ) from error
        raise ImageError(f"cannot read {path}: {error.strerror}", "make it readable") from error
    if len(data) > oci.MAX_DOCUMENT:
        raise FormatError(f"{path} is larger than any index is", "make the layout again")
    return data


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


def _digest_of_file(path: Path, like: Digest) -> Digest:
    with open(path, "rb") as stream:
        return Digest(like.algorithm, hashlib.file_digest(stream, like.algorithm).hexdigest())
