"""The inputs of the tar reader: a file, whose contents are skipped, or a stream."""

import os
from typing import BinaryIO, Protocol

from fromscratch.digest import CHUNK
from fromscratch.errors import FormatError
from fromscratch.formats.tar.header import BLOCK

DAMAGED = "the archive is damaged or cut; fetch or make it again"


class ArchiveBytes(Protocol):
    """`position` is where the next byte is read. Every method raises FormatError for an archive that is cut."""

    @property
    def position(self) -> int: ...

    def more(self) -> bool:
        """Whether there is another byte behind what was passed over; zeros that should fill its last block may lack."""

    def read(self, size: int) -> bytes:
        """The next so many bytes, no fewer."""

    def skip(self, size: int) -> None:
        """Pass over a content of this size, and what fills its last block."""

    def last_block(self) -> bytes:
        """The second block of the end marker, or as much of it as there is."""


class FileBytes:
    """An archive that lies in a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._end, self.position = descriptor, os.fstat(descriptor).st_size, 0

    def more(self) -> bool:
        return self.position < self._end

    def read(self, size: int) -> bytes:
        if self.position + size > self._end:
            raise FormatError("the archive ends before its end marker", DAMAGED)
        data = os.pread(self._descriptor, size, self.position)
        if len(data) < size:
            raise FormatError("the archive was cut while it was read", DAMAGED)
        self.position += size
        return data

    def skip(self, size: int) -> None:
        if not 0 <= size <= self._end - self.position:
            raise FormatError(f"its size is {size} bytes, which is more than the archive has left", DAMAGED)
        self.position += size + -size % BLOCK

    def last_block(self) -> bytes:
        return self.read(min(BLOCK, self._end - self.position)) if self.more() else b""


class StreamBytes:
    """An archive that can be read once. A skipped content can be read by `content` until the next header is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.position = stream, 0
        self._content = self._padding = 0
        self._ahead = b""

    def more(self) -> bool:
        while self.content(CHUNK):
            pass
        while self._padding and (zeros := self._stream.read(self._padding)):
            self._padding -= len(zeros)
            self.position += len(zeros)
        self._ahead = self._ahead or self._stream.read(1)
        return bool(self._ahead)

    def read(self, size: int) -> bytes:
        while self.content(CHUNK):
            pass
        self._read(self._padding)
        self._padding = 0
        return self._read(size)

    def skip(self, size: int) -> None:
        if size < 0:
            raise FormatError(f"its size is {size} bytes", DAMAGED)
        self._content, self._padding = size, -size % BLOCK

    def content(self, limit: int) -> bytes:
        """The next bytes of the content that is passed over, `limit` at most; nothing at its end."""
        piece = self._read(min(limit, self._content))
        self._content -= len(piece)
        return piece

    def last_block(self) -> bytes:
        block = self._ahead
        while len(block) < BLOCK and (more := self._stream.read(BLOCK - len(block))):
            block += more
        return block

    def _read(self, size: int) -> bytes:
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        while len(data) < size:
            more = self._stream.read(size - len(data))
            if not more:
                raise FormatError("the archive ends before its end marker", DAMAGED)
            data += more
        self.position += size
        return data
