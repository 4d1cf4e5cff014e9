"""Decompression of gzip, xz, lzma, bzip2, zstd, lz4 and lzip files, recognised by their first bytes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, assert_never

from fromscratch.errors import FormatError
from fromscratch.formats.packing.codec import deflate_library, import_lz4, import_zstandard
from fromscratch.formats.web_page import PAGE_HINT, START, page
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.regular_file import open_buffered, open_unbuffered

Packed = Literal["gzip", "xz", "lzma", "bzip2", "zstd", "lz4", "lzip"]
Compression = Packed | Literal["none"]

_READ = 1 << 18
MAGIC = 16
_XZ_MEMORY = 1 << 28  # four times what the largest level of xz needs to be read; a header could ask for 4 GiB
_WRITE = 1 << 20
_ZSTD_PIECE = 1 << 10
_BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_FOREIGN = (
    (b"\x1f\x9d", "compress"),
    (b"\x02\x21\x4c\x18", "legacy lz4"),
    (b"\x89LZO\0", "lzop"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)


class _Decoder(Protocol):
    """One compressed stream. `decompress` gives at most about `limit` bytes and keeps the rest for the
    next call; it takes no more data until `needs_input`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, limit: int) -> bytes: ...


def kind(path: Path, title: str = "") -> Compression:
    """How a file is compressed, by its first bytes. Raises FormatError for a form that we do not read."""
    with open_buffered(path) as stream:
        start = stream.read(START)
    if what := page(start):
        raise FormatError(f"{title or path} is {what}, and not an archive", PAGE_HINT)
    for magic, name in _FOREIGN:
        if start.startswith(magic):
            raise FormatError(
                f"{title or path} is a {name} file, which we do not read",
                "compress it with gzip, xz, bzip2, zstd, lz4 or lzip instead",
            )
    return kind_of(start[:MAGIC])


def kind_of(start: bytes) -> Compression:
    """The compression that begins with these bytes; MAGIC of them tell."""
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if start.startswith(b"BZh") and start[4:10] in _BZIP2_BLOCKS:
        return "bzip2"
    # RFC 8878: a frame, or a skippable frame before it.
    if start.startswith(b"\x28\xb5\x2f\xfd") or (start[1:4] == b"\x2a\x4d\x18" and start[0] & 0xF0 == 0x50):
        return "zstd"
    if start.startswith(b"\x04\x22\x4d\x18"):
        return "lz4"
    if start.startswith(b"LZIP\x01"):
        return "lzip"
    return "lzma" if _is_lzma(start) else "none"


def _is_lzma(start: bytes) -> bool:
    """Whether these are the usual properties of the older form of lzma, a dictionary, and a size that fits, or none."""
    dictionary, size = int.from_bytes(start[1:5], "little"), int.from_bytes(start[5:13], "little")
    return start[:3] == b"\x5d\0\0" and dictionary.bit_count() in (1, 2) and (size < 1 << 48 or size == (1 << 64) - 1)


def expand(blob: Path, target: Path, *, title: str = "", limits: Limits = DEFAULT_LIMITS) -> None:
    """Write the plain bytes of `blob` to `target`; a file that is not compressed is copied.

    Every stream of a file of several is read, and zeros behind the last are padding. Messages call the
    file `title`, or else by its path. Raises FormatError for one that is damaged or cut, TooLarge while
    it expands to more than `limits` allow, MissingTool for zstd or lz4 without its library, and OSError.
    """
    title = title or str(blob)
    compression = kind(blob, title)
    if compression == "none":
        import shutil  # slow to import: it loads every compression

        shutil.copyfile(blob, target)
        return
    with open_unbuffered(blob) as source, open(target, "wb") as out:
        try:
            limit = limits.for_blob(blob.stat().st_size)
            out.writelines(limit.bounded(pieces(source, compression), title))
        except DamagedData as error:
            raise FormatError(
                f"{title} is not a sound {compression} file: {error}", "fetch or make it again"
            ) from error


def pieces(source: BinaryIO, compression: Compression, *, padded: bool = True) -> Iterator[bytes]:
    """The plain bytes of a compressed file, or a part of one, in bounded pieces.

    Zeros behind the last stream are padding, unless not `padded`: then they are damage, as anything else is.
    "xz" also reads the older form of lzma. Raises DamagedData for data that is damaged or cut, MissingTool
    for zstd or lz4 without its library, and OSError.
    """
    if compression == "none":
        while piece := source.read(_WRITE):
            yield piece
        return
    fresh, failures = _decoders(compression)
    try:
        yield from _expanded(source, fresh, b"\0" if padded else b"")
    except failures as error:
        raise DamagedData(str(error) or "it is damaged") from error


class DamagedData(Exception):
    """Data that is not what its compression makes; the text says how."""


class _Cut(Exception):
    """The data ends inside a stream."""

    def __str__(self) -> str:
        return "it is cut before its end"


class _Damaged(Exception):
    """What bz2 says as OSError, which would read as a failure of the disk."""


def _expanded(source: BinaryIO, fresh: Callable[[], _Decoder], padding: bytes) -> Iterator[bytes]:
    data = source.read(_READ)
    if not data:
        raise _Cut
    while data:
        decoder = fresh()
        while not decoder.eof:
            if not data and decoder.needs_input and not (data := source.read(_READ)):
                raise _Cut
            yield decoder.decompress(data, _WRITE)
            data = b""
        data = decoder.unused_data.lstrip(padding)
        while not data and (piece := source.read(_READ)):
            data = piece.lstrip(padding)


def _decoders(compression: Packed) -> tuple[Callable[[], _Decoder], tuple[Any, ...]]:
    """How to make a decoder, and what it raises for bad data."""
    match compression:
        case "gzip":
            library, _ = deflate_library()
            return lambda: _Gzip(library.decompressobj(31)), (library.error, _Cut)
        case "xz" | "lzma":
            import lzma

            return lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY), (lzma.LZMAError, EOFError, _Cut)
        case "bzip2":
            return _Bzip2, (_Damaged, _Cut)
        case "zstd":
            zstandard = import_zstandard()
            # The largest window that the zstd program itself accepts without being asked.
            options = {"max_window_size": 1 << 27}
            return lambda: _Zstd(zstandard.ZstdDecompressor(**options)), (zstandard.ZstdError, _Cut)
        case "lz4":
            library = import_lz4()
            return lambda: _Lz4(library.LZ4FrameDecompressor()), (RuntimeError, _Cut)
        case "lzip":
            from fromscratch.formats.packing import lzip

            return lzip.Decoder, (*lzip.failures(), _Cut)
        case _:
            assert_never(compression)


class _Gzip:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return bytes(self._stream.unused_data)

    def decompress(self, data: bytes, limit: int) -> bytes:
        return bytes(self._stream.decompress(self._stream.unconsumed_tail + data, limit))


class _Bzip2:
    def __init__(self) -> None:
        import bz2

        self._stream = bz2.BZ2Decompressor()

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return self._stream.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, limit: int) -> bytes:
        try:
            return self._stream.decompress(data, limit)
        except (OSError, ValueError) as error:
            raise _Damaged(str(error)) from error


class _Lz4:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    @property
    def needs_input(self) -> bool:
        return bool(self._stream.needs_input)

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data or b""

    def decompress(self, data: bytes, limit: int) -> bytes:
        return bytes(self._stream.decompress(data, limit))


class _Zstd:
    """`limit` is not known to zstandard's streams, which give all that a piece of input holds: up to 128 KiB
    for each four bytes of it (RFC 8878, 3.1.1.2). So the pieces are small."""

    def __init__(self, decompressor: Any) -> None:
        self._stream = decompressor.decompressobj()
        self._rest = memoryview(b"")

    @property
    def needs_input(self) -> bool:
        return not self._rest

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._stream.unused_data) + self._rest

    def decompress(self, data: bytes, limit: int) -> bytes:
        if data:
            self._rest = memoryview(data)
        piece, self._rest = self._rest[:_ZSTD_PIECE], self._rest[_ZSTD_PIECE:]
        return bytes(self._stream.decompress(piece))
