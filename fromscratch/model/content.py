"""The content of a file, as a reference to where its bytes are.

Content is lazy: a tree holds only the reference, and the bytes are read when a layer is written. `Content` is the
union; each kind knows its size before it is opened.
"""

import io
import os
from bisect import bisect_right
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct

from fromscratch.digest import CHUNK, Digest
from fromscratch.errors import ImageError, IntegrityError
from fromscratch.record import PartlyShown
from fromscratch.regular_file import open_unbuffered

# A pipe that has taken the place of a file since must not be waited for.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Inline(PartlyShown, frozen=True):
    """Bytes in memory, for small generated files."""

    unshown = ("data",)

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class HostFile(Struct, frozen=True):
    """A file of this machine, with its lstat(2) facts from when the tree was read. Times are in nanoseconds."""

    path: Path | str  # a str where a whole folder is scanned: a Path would cost a fifth of the time
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path | str, facts: os.stat_result) -> "HostFile":
        """The file with these lstat(2) facts."""
        return cls(path, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)

    def open(self) -> BinaryIO:
        """Raises IntegrityError if the file has changed since the tree was read; never follows a symlink."""
        descriptor = self.descriptor()
        try:
            self.check(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")

    def descriptor(self) -> int:
        """A new file descriptor for reading, which the caller closes; see `check`. Never follows a symlink."""
        try:
            return os.open(self.path, _READING)
        except OSError as error:
            raise ImageError(
                f"cannot read {self.path}: {error.strerror}", "make it readable, or leave it out of the recipe"
            ) from error

    def check(self, descriptor: int) -> None:
        """Raises IntegrityError if the open file is not as it was when the tree was read.

        Called when everything has been read, it also finds what changed meanwhile.
        """
        now = os.fstat(descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise changed(str(self.path))


class ArchiveMember(Struct, frozen=True):
    """`size` bytes at `offset` of an uncompressed archive file."""

    archive: Path
    offset: int
    size: int

    def open(self) -> BinaryIO:
        parts = ((0, self.offset, self.size),) if self.size else ()
        return cast(BinaryIO, io.BufferedReader(_Parts(_opened(self.archive), self.size, parts)))


class SparseMember(PartlyShown, frozen=True):
    """`size` bytes of a sparse file: an uncompressed archive file holds `parts` of it, and the rest is zeros.

    A part is its offset in the content, its offset in the archive, and its length; they are in order.
    """

    unshown = ("parts",)

    archive: Path
    size: int
    parts: tuple[tuple[int, int, int], ...]

    def open(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Parts(_opened(self.archive), self.size, self.parts), CHUNK))


Content = Inline | HostFile | ArchiveMember | SparseMember


class _Parts(io.RawIOBase):
    """A seekable stream over the parts of a content in an archive; see `SparseMember`.

    An archive that ends before a part does is an error, never a short read.
    """

    def __init__(self, archive: io.FileIO, size: int, parts: tuple[tuple[int, int, int], ...]) -> None:
        self._archive, self._size, self._parts, self._position = archive, size, parts, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)[: max(0, self._size - self._position)]  # type: ignore[arg-type]
        if not len(view):
            return 0
        following = bisect_right(self._parts, self._position, key=itemgetter(0))
        place, offset, length = self._parts[following - 1] if following else (0, 0, 0)
        into = self._position - place
        if into < length:
            count = os.preadv(self._archive.fileno(), (view[: length - into],), offset + into)
            if not count:
                raise changed(str(self._archive.name))
        else:
            end = self._parts[following][0] if following < len(self._parts) else self._size
            count = min(len(view), end - self._position)
            view[:count] = bytes(count)
        self._position += count
        return count

    def close(self) -> None:
        self._archive.close()
        super().close()


def _opened(archive: Path) -> io.FileIO:
    try:
        return open_unbuffered(archive)
    except OSError as error:
        raise ImageError(
            f"cannot read {archive}: {error.strerror}", "run fetch again: the store has lost a file"
        ) from error


def changed(what: str) -> IntegrityError:
    """The error for bytes that are not what they were when the tree was read."""
    return IntegrityError(f"{what} changed while the image was built", "run build again when nothing writes to it")


def read(content: Content) -> bytes:
    """All bytes at once; for small files."""
    if isinstance(content, Inline):
        return content.data
    with content.open() as stream:
        return stream.read()


def digest_of(content: Content) -> Digest:
    """The sha256 of the content, read in bounded pieces."""
    with content.open() as stream:
        return Digest.of_stream(stream)


def same_bytes(left: Content, right: Content) -> bool:
    """Whether two contents hold the same bytes; reading stops at the first difference."""
    if left == right:
        return True
    if left.size != right.size:
        return False
    with left.open() as one, right.open() as other:
        while piece := one.read(CHUNK):
            if piece != other.read(len(piece)):
                return False
    return True
