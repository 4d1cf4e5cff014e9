"""Decompression of lzip files, by the decoder of the standard library: https://www.nongnu.org/lzip/manual/lzip_manual.html,
"File format"."""

import zlib
from typing import Any

_HEADER, _TRAILER = 6, 20
_LARGEST_DICTIONARY = 1 << 28  # of which the decoder takes the memory; a header could ask for 512 MiB


class DamagedMember(Exception):
    """A member whose header or trailer does not fit; the text says how."""


def failures() -> tuple[type[Exception], ...]:
    """What a decoder raises for damaged data."""
    import lzma

    return DamagedMember, lzma.LZMAError, EOFError


class Decoder:
    """One member of a lzip file: a header, a raw stream of LZMA with an end marker, and a trailer that is compared."""

    eof = False

    def __init__(self) -> None:
        self._start, self._end = b"", b""
        self._stream: Any = None
        self._packed, self._size, self._checksum = 0, 0, 0
        self.unused_data = b""

    @property
    def needs_input(self) -> bool:
        return self._stream is None or bool(self._stream.eof or self._stream.needs_input)

    def decompress(self, data: bytes, limit: int) -> bytes:
        self._packed += len(data)
        if self._stream is None:
            self._start += data
            if len(self._start) < _HEADER:
                return b""
            self._stream, data = _stream(self._start[:_HEADER]), self._start[_HEADER:]
        if self._stream.eof:
            return self._finish(data)
        plain = bytes(self._stream.decompress(data, limit))
        self._size += len(plain)
        self._checksum = zlib.crc32(plain, self._checksum)
        if self._stream.eof:
            self._finish(self._stream.unused_data)
        return plain

    def _finish(self, data: bytes) -> bytes:
        self._end += data
        if len(self._end) >= _TRAILER:
            trailer, self.unused_data = self._end[:_TRAILER], self._end[_TRAILER:]
            sizes = self._checksum, self._size, self._packed - len(self.unused_data)
            if trailer != b"".join(n.to_bytes(w, "little") for n, w in zip(sizes, (4, 8, 8), strict=True)):
                raise DamagedMember("its checksum or its size is not the one that it promises")
            self.eof = True
        return b""


def _stream(header: bytes) -> Any:
    """The decoder that a header asks for; bits 5-7 of its last byte are sixteenths to take off the dictionary."""
    if header[:5] != b"LZIP\x01":
        raise DamagedMember("there is something else behind it")
    size = 1 << (header[5] & 31)
    size -= (size >> 4) * (header[5] >> 5)
    if not 1 << 12 <= size <= _LARGEST_DICTIONARY:
        raise DamagedMember(f"it needs a dictionary of {size} bytes")
    import lzma

    return lzma.LZMADecompressor(
        lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": size, "lc": 3, "lp": 0, "pb": 2}]
    )
