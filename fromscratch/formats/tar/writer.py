"""The writer of tar archives. The same tree gives the same bytes.

The form is ustar, with pax extended headers where needed (`tar.header`). Names are relative, a
directory's ends in a slash, and owner names are left empty, since only numbers mean the same
everywhere. The readers, `tar.reader` and `tar.tree`, take archives of other kinds too; packing does not
load them.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import assert_never

from fromscratch.errors import FormatError, ImageError
from fromscratch.formats.tar.header import BLOCK, NUL_BLOCK, header
from fromscratch.formats.tar.holes import extents
from fromscratch.model.content import ArchiveMember, Content, HostFile, Inline, SparseMember, changed
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, encode

__all__ = ["BLOCK_SIZE", "blocks", "estimated_size"]

BLOCK_SIZE = 1 << 20
_END = NUL_BLOCK * 2
_ZEROS = memoryview(bytes(1 << 16))
_OPEN_ARCHIVES = 32


def _new_buffer() -> bytearray:
    return bytearray(BLOCK_SIZE)


def blocks(tree: Rootfs, buffer: Callable[[], bytearray] = _new_buffer) -> Iterator[memoryview]:
    """The bytes of the tar of a tree, in pieces of BLOCK_SIZE; only the last may be shorter.

    Each piece is a view of what `buffer` gave, whose length must be a multiple of 512; whoever
    passes `buffer` may give the same one again once its piece is used. The root has an entry, `./`,
    only if it is not a plain 0755 directory of root.

    Raises IntegrityError, naming the file, when one is not what it was when the tree was read,
    ImageError when one cannot be read, and FormatError for an entry that no tar can hold.
    """
    with _Output(buffer) as output:
        for path, entry in tree.items():
            if path == ROOT and _is_plain(entry.meta):
                continue
            head = _header(path, entry)
            if not output.took(head):
                yield from output.put(head)
            if isinstance(entry, File) and entry.content.size and not output.took_whole(entry.content):
                yield from output.pour(entry.content)
        yield from output.put(_END)
        yield output.rest()


def estimated_size(tree: Rootfs) -> int:
    """About how many bytes `blocks` will give: exact for a tree that needs no pax record."""
    sizes = (entry.content.size if isinstance(entry, File) else 0 for entry in tree.values())
    return sum(BLOCK + size + -size % BLOCK for size in sizes) + len(_END) - BLOCK * _is_plain(tree[ROOT].meta)


def _is_plain(meta: Meta) -> bool:
    return (meta.mode, meta.uid, meta.gid, meta.xattrs) == (0o755, 0, 0, ())


def _header(path: TreePath, entry: Entry) -> bytes:
    """The header of one entry."""
    name = encode(path)[1:]
    match entry:
        case File():
            return header(name, b"0", entry.meta, size=entry.content.size)
        case Directory():
            return header(name + b"/" if name else b"./", b"5", entry.meta)
        case Symlink():
            return header(name, b"2", entry.meta, link=encode(entry.target))
        case HardLink():
            # Engines give owner and attributes to every name they make, and a chown(2) drops the file
            # capabilities of the inode: so each name carries them all.
            return header(name, b"1", entry.meta, link=encode(entry.target)[1:])
        case Device():
            try:
                return header(name, b"3" if entry.kind == "c" else b"4", entry.meta, device=(entry.major, entry.minor))
            except FormatError as error:
                raise FormatError(f"{path}: {error.message}", error.hint) from error
        case Fifo():
            return header(name, b"6", entry.meta)
        case _:
            assert_never(entry)


class _Output:
    """The block that is being filled, and the archives that contents come from.

    `put` and `pour` give each block that becomes full.
    """

    def __init__(self, buffer: Callable[[], bytearray]) -> None:
        self._buffer = buffer
        self._archives: dict[Path, int] = {}
        self._begin()

    def __enter__(self) -> "_Output":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._archives:
            os.close(self._archives.popitem()[1])

    def _begin(self) -> None:
        self._view = memoryview(self._buffer())
        self._size, self._used = len(self._view), 0

    def took(self, head: bytes) -> bool:
        """Whether these whole blocks of 512 bytes fit, and so were put. (A generator for each would cost time.)"""
        end = self._used + len(head)
        if end > self._size:
            return False
        self._view[self._used : end] = head
        self._used = end
        return True

    def took_whole(self, content: Content) -> bool:
        """Whether the block had room for all of a file of this machine, and so holds it.

        Most files are smaller than a block: this reads them without a generator for each. What goes
        wrong here goes wrong again in `pour`, which reports it.
        """
        end = self._used + content.size
        if end > self._size or not isinstance(content, HostFile):
            return False
        descriptor = content.descriptor()
        try:
            if os.readv(descriptor, (self._view[self._used : end],)) != content.size:
                return False
            content.check(descriptor)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        self._used = end
        self._pad(content.size)
        return True

    def put(self, data: bytes) -> Iterator[memoryview]:
        """`data`, and zeros up to a multiple of 512."""
        done, length = 0, len(data)
        while done < length:
            if self._used == self._size:
                yield self._view
                self._begin()
            step = min(length - done, self._size - self._used)
            self._view[self._used : self._used + step] = data if step == length else data[done : done + step]
            self._used += step
            done += step
        self._pad(length)

    def pour(self, content: Content) -> Iterator[memoryview]:
        """The bytes of a content, and zeros up to a multiple of 512."""
        match content:
            case Inline():
                yield from self.put(content.data)
            case HostFile():
                descriptor = content.descriptor()
                try:
                    content.check(descriptor)
                    for start, end, hole in extents(descriptor, content.size):
                        piece = self._zeros(end - start) if hole else self._copy(descriptor, start, end, content.path)
                        yield from piece
                    content.check(descriptor)
                finally:
                    os.close(descriptor)
                self._pad(content.size)
            case ArchiveMember():
                descriptor = self._archive(content.archive)
                yield from self._copy(descriptor, content.offset, content.offset + content.size, content.archive)
                self._pad(content.size)
            case SparseMember():
                with content.open() as stream:
                    while data := stream.read(BLOCK_SIZE):
                        # Only the last is not a multiple of 512, and so gets padding.
                        yield from self.put(data)
            case _:
                assert_never(content)

    def rest(self) -> memoryview:
        """What the last block holds."""
        return self._view[: self._used]

    def _copy(self, descriptor: int, offset: int, end: int, path: Path | str) -> Iterator[memoryview]:
        while offset < end:
            if self._used == self._size:
                yield self._view
                self._begin()
            part = self._view[self._used : self._used + end - offset]
            try:
                count = os.preadv(descriptor, (part,), offset)
            except OSError as error:
                raise ImageError(f"cannot read {path}: {error.strerror}", "see whether its disk is healthy") from error
            if not count:
                raise changed(str(path))
            self._used += count
            offset += count

    def _zeros(self, length: int) -> Iterator[memoryview]:
        while length:
            if self._used == self._size:
                yield self._view
                self._begin()
            step = min(length, self._size - self._used, len(_ZEROS))
            self._view[self._used : self._used + step] = _ZEROS[:step]
            self._used += step
            length -= step

    def _pad(self, length: int) -> None:
        # A block is a multiple of 512 bytes long, so there is always room for this much.
        padding = -length % BLOCK
        self._view[self._used : self._used + padding] = NUL_BLOCK[:padding]
        self._used += padding

    def _archive(self, path: Path) -> int:
        """A descriptor of an archive, kept open since its members come one after the other."""
        descriptor = self._archives.pop(path, None)
        if descriptor is None:
            if len(self._archives) >= _OPEN_ARCHIVES:
                os.close(self._archives.pop(next(iter(self._archives))))
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise ImageError(
                    f"cannot read {path}: {error.strerror}", "run fetch again: the store has lost a file"
                ) from error
        self._archives[path] = descriptor  # at the end: the first is the one not used for longest
        return descriptor
