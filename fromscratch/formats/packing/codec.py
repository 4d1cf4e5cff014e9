"""The codecs of layers, which compress block by block, so that any number of threads gives the same bytes.

gzip is RFC 1952, its deflate stream RFC 1951; zstd is RFC 8878. `fast` is gzip by ISA-L, several times
as fast and a tenth larger: it chooses its way by the CPU, so its bytes may differ from one machine to another.
Whatever the codec, the diff_id is that of the tar.
"""

import struct
from typing import Any, Literal, Protocol, assert_never

from msgspec import Struct

from fromscratch.errors import MissingTool

CodecName = Literal["gzip", "zstd", "smallest", "fast", "none"]

_MIB = 1 << 20
_MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar"
# RFC 1952: magic, deflate, no flags, no time, no extra flags, unknown system: nothing of the machine.
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_LAST_DEFLATE_BLOCK = b"\x03\0"  # an empty block with the final bit set
_DEFLATE_WINDOW = 32768
_ZSTD_WINDOW = 22  # log2 of a block: a frame sees all of itself, 1.5% smaller than by level 3's own 21

Bytes = bytes | memoryview


class Codec(Protocol):
    """`name` has codec, version and level; blocks of `block_size` bytes are compressed each on its
    own, but for the `window` bytes before it, which are given as `before`."""

    @property
    def name(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def block_size(self) -> int: ...
    @property
    def window(self) -> int: ...

    def begin(self) -> bytes:
        """The bytes before the first block."""

    def compress(self, block: memoryview, before: bytes) -> tuple[Bytes, ...]:
        """One block compressed. Called in several threads at once."""

    def checksum(self, block: memoryview, value: int) -> int:
        """The checksum that `end` wants, carried on over one more block."""

    def end(self, checksum: int, size: int) -> bytes:
        """The bytes after the last block; `size` is that of all blocks."""


def codec(name: CodecName, level: int | None = None) -> Codec:
    """The codec of that name; without a level, by its default. Raises MissingTool if its library is not installed.

    gzip is zlib-ng at level 5 with a memLevel of 7 (deflate blocks of half the usual length, whose Huffman
    codes fit better). Measured on 180 MB of Debian's minbase: 10% less time than level 6 at zlib's usual 8, and
    smaller too, 1.7% above zlib level 6 instead of 2.1%. Level 4 is 7% faster still, but 3% above.
    """
    match name:
        case "none":
            return Plain()
        case "gzip":
            return _gzip(level)
        case "fast":
            isal, library = import_isal()
            level = 1 if level is None else level
            return Gzip(f"gzip isal {isal.ISAL_VERSION} level {level}, digest may vary", level, library)
        case "zstd" | "smallest":
            zstandard = import_zstandard()
            usual = 3 if name == "zstd" else 22
            level = usual if level is None else level
            version = ".".join(str(part) for part in zstandard.ZSTD_VERSION)
            return Zstd(f"zstd {version} level {level}", level, zstandard)
        case _:
            assert_never(name)


def _gzip(level: int | None) -> "Gzip":
    library, version = deflate_library()
    if library.__name__ == "zlib":  # its memory is the size of its hash table too, and its levels are other ones
        level = 6 if level is None else level
        return Gzip(f"gzip {version} level {level}", level, library)
    level = 5 if level is None else level
    return Gzip(f"gzip {version} level {level}", level, library, memory=7)


def import_isal() -> tuple[Any, Any]:
    """The package isal and its module like zlib. Raises MissingTool, telling how to get it."""
    try:
        import isal
        from isal import isal_zlib
    except ImportError as error:
        raise MissingTool(
            "fast compression needs the Python package isal, which is not installed",
            "install it beside fromscratch (pip install isal, or pipx inject …), or write compression: gzip",
        ) from error
    return isal, isal_zlib


def import_zstandard() -> Any:
    """The module zstandard. Raises MissingTool, telling how to get it."""
    try:
        import zstandard
    except ImportError as error:
        raise MissingTool(
            "zstd needs the Python package zstandard, which is not installed",
            "install it beside fromscratch: pip install zstandard, or pipx inject fromscratch zstandard",
        ) from error
    return zstandard


def import_lz4() -> Any:
    """The module lz4.frame. Raises MissingTool, telling how to get it."""
    try:
        from lz4 import frame
    except ImportError as error:
        raise MissingTool(
            "lz4 needs the Python package lz4, which is not installed",
            "install it beside fromscratch: pip install lz4, or pipx inject fromscratch lz4",
        ) from error
    return frame


def deflate_library() -> tuple[Any, str]:
    """zlib-ng, or the standard library's zlib where that is missing; and what to call it."""
    try:
        from zlib_ng import zlib_ng
    except ImportError:  # a system that zlib-ng was not built for: the same format, other bytes
        import zlib

        return zlib, f"zlib {zlib.ZLIB_RUNTIME_VERSION}"
    version = getattr(zlib_ng, "ZLIBNG_RUNTIME_VERSION", None) or zlib_ng.ZLIBNG_VERSION
    return zlib_ng, f"zlib-ng {version}"


class Plain(Struct, frozen=True):
    """No compression."""

    name: str = "none"
    media_type: str = _MEDIA_TYPE
    block_size: int = _MIB
    window: int = 0

    def begin(self) -> bytes:
        return b""

    def compress(self, block: memoryview, before: bytes) -> tuple[Bytes, ...]:
        return (block,)

    def checksum(self, block: memoryview, value: int) -> int:
        return 0

    def end(self, checksum: int, size: int) -> bytes:
        return b""


class Gzip(Struct, frozen=True):
    """One gzip member of deflate blocks that end on a byte, each primed with the 32 KiB before it.

    `memory` is zlib's memLevel.
    """

    name: str
    level: int
    library: Any
    memory: int = 8
    media_type: str = _MEDIA_TYPE + "+gzip"
    block_size: int = _MIB
    window: int = _DEFLATE_WINDOW

    def begin(self) -> bytes:
        return _GZIP_HEADER

    def compress(self, block: memoryview, before: bytes) -> tuple[Bytes, ...]:
        library = self.library
        options = (self.level, library.DEFLATED, -15, self.memory, library.Z_DEFAULT_STRATEGY)
        stream = library.compressobj(*options, before) if before else library.compressobj(*options)
        return stream.compress(block), stream.flush(library.Z_SYNC_FLUSH)

    def checksum(self, block: memoryview, value: int) -> int:
        return int(self.library.crc32(block, value))

    def end(self, checksum: int, size: int) -> bytes:
        return _LAST_DEFLATE_BLOCK + struct.pack("<II", checksum, size & 0xFFFFFFFF)


class Zstd(Struct, frozen=True):
    """Frames that stand for themselves; one after the other they are one zstd stream."""

    name: str
    level: int
    library: Any
    media_type: str = _MEDIA_TYPE + "+zstd"
    block_size: int = 4 * _MIB  # smaller ones cost size: 3.5% at 2 MiB, 7.5% at 1
    window: int = 0

    def begin(self) -> bytes:
        return b""

    def compress(self, block: memoryview, before: bytes) -> tuple[Bytes, ...]:
        parameters = self.library.ZstdCompressionParameters.from_level(
            self.level, source_size=len(block), window_log=_ZSTD_WINDOW
        )
        return (self.library.ZstdCompressor(compression_params=parameters).compress(block),)

    def checksum(self, block: memoryview, value: int) -> int:
        return 0

    def end(self, checksum: int, size: int) -> bytes:
        return b""
