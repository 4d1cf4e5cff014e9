"""Layers that need not be packed again: each is recorded in the store under all that its bytes depend on.

That is every path of its tree with metadata and link, codec with library, version and level, our own
version, and the identity of each content, told without reading it: bytes that we made by their
digest, a slice of a blob of the store by the blob's, a file of this machine by what lstat(2) told
of it when the tree was read, the time of the last change to the inode included, which no program can set.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Literal, assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from fromscratch import __version__
from fromscratch.digest import Digest, Facts
from fromscratch.errors import ImageError
from fromscratch.formats.packing.layer import Packed, codec_of
from fromscratch.host.images.layers import note_own
from fromscratch.host.images.layout import LayoutWriter
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.verified_files import is_settled
from fromscratch.model.content import ArchiveMember, Content, HostFile, Inline, SparseMember
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Symlink
from fromscratch.model.image import Layer
from fromscratch.model.rootfs import Rootfs
from fromscratch.progress import SILENT, Progress

_RECORD = "packed-layer"
_NAMED_BY_DIGEST = ("blobs", "derived")


class _Record(msgspec.Struct, frozen=True):
    """`Packed`, as text."""

    diff_id: str
    digest: str
    size: int
    media_type: str
    uncompressed_size: int
    codec: str


class Packer(Struct, frozen=True, kw_only=True):
    """Brings layers into a layout under way."""

    layout: LayoutWriter
    store: Store
    codec: Literal["gzip", "zstd", "fast", "none"] = "gzip"
    threads: int = 2
    progress: Progress = SILENT

    def layer(self, tree: Rootfs, *, title: str, comment: str = "") -> tuple[Layer, Packed]:
        """The layer of a tree: taken over from the layout that is to be replaced if that has it, else packed.

        `title` is what the progress of packing is called. Nothing is recorded when a file has changed so
        lately that its next change might have the same time, or while it was packed. Errors as for
        `LayoutWriter.pack`.
        """
        name = codec_of(tree, self.codec).name
        outside = _Outside(self.store)
        key = _key(tree, name, outside)
        packed = _recorded(self.store, key) if key else None
        with disk.explained(self.layout.directory):
            if packed is not None and self.layout.reuse(packed.digest, packed.size):
                layer = self.layout.layer(
                    packed.diff_id, packed.digest, packed.size, packed.media_type, comment=comment
                )
                return layer, packed
        with self.progress.task(title, total=tree.size) as task:
            layer, packed = self.layout.pack(
                tree, codec=self.codec, threads=self.threads, comment=comment, progress_task=task
            )
        if key is not None and packed.codec == name and outside.is_unchanged():
            note_own(layer, self.store)
            _record(self.store, key, packed)
        return layer, packed


def _recorded(store: Store, key: str) -> Packed | None:
    data = store.record(_RECORD, key)
    if data is None:
        return None
    try:
        found = msgspec.json.decode(data, type=_Record)
        return Packed(
            Digest.parse(found.diff_id),
            Digest.parse(found.digest),
            found.size,
            found.media_type,
            found.uncompressed_size,
            found.codec,
        )
    except (msgspec.DecodeError, ImageError):
        return None  # damaged: it is written again


def _record(store: Store, key: str, packed: Packed) -> None:
    facts = {**asdict(packed), "diff_id": str(packed.diff_id), "digest": str(packed.digest)}
    store.write_record(_RECORD, key, msgspec.json.encode(msgspec.convert(facts, _Record)))


def _key(tree: Rootfs, codec: str, outside: "_Outside") -> str | None:
    """A digest of all that the layer's bytes depend on; None if a file of it has changed just now."""
    known = Facts()
    known.add((__version__, codec))
    for path, entry in tree.items():
        what = _facts(entry, outside)
        if what is None:
            return None
        meta = entry.meta
        known.add((path, type(entry).__name__, meta.mode, meta.uid, meta.gid, meta.mtime, meta.xattrs, what))
    return known.hexdigest()


def _facts(entry: Entry, outside: "_Outside") -> object:
    """What an entry is besides its metadata."""
    match entry:
        case File():
            return outside.identity(entry.content)
        case Symlink() | HardLink():
            return entry.target
        case Device():
            return entry.kind, entry.major, entry.minor
        case Directory() | Fifo():
            return ""
        case _:
            assert_never(entry)


class _Outside:
    """The files that the contents of a tree lie in, outside the store, and what was known of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files: list[HostFile] = []
        self._archives: dict[Path, object] = {}

    def identity(self, content: Content) -> object:
        """What tells a content from every other, or None where nothing does."""
        match content:
            case Inline():
                return hashlib.sha256(content.data).hexdigest()
            case HostFile():
                self._files.append(content)
                return _identity(content)
            case ArchiveMember() | SparseMember():
                if content.archive not in self._archives:
                    self._archives[content.archive] = self._archive(content.archive)
                archive = self._archives[content.archive]
                where = content.offset if isinstance(content, ArchiveMember) else content.parts
                return archive and (archive, where, content.size)
            case _:
                assert_never(content)

    def is_unchanged(self) -> bool:
        """Whether all that has been identified is still so."""
        return all(_looked_at(file.path) == file for file in self._files) and all(
            self._archive(path) == known for path, known in self._archives.items()
        )

    def _archive(self, path: Path) -> object:
        """Blobs of the store, and what is made of them, never change under their names."""
        parts = self._store.whole_name(path)
        if len(parts) == 3 and parts[0] in _NAMED_BY_DIGEST:
            return parts
        found = _looked_at(os.path.realpath(path))
        return found and _identity(found)


def _identity(file: HostFile) -> object:
    if not is_settled(file.ctime_ns):
        return None
    return str(file.path), file.inode, file.size, file.mtime_ns, file.ctime_ns


def _looked_at(path: Path | str) -> HostFile | None:
    """A file as it is now."""
    try:
        facts = os.lstat(path)
    except OSError:
        return None
    return HostFile.of(path, facts) if stat.S_ISREG(facts.st_mode) else None
