"""The parts of an Alpine package or index: gzip files one behind another, each with a piece of one tar archive.

The first may hold signatures; apk-v2(5) calls the next one of a package its control segment. Only the last ends with
the blocks of zeros that end an archive. All this is untrusted: what is unpacked into memory is bounded.
"""

import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.web_page import PAGE_HINT, START, page
from fromscratch.regular_file import open_buffered

SIGNATURE = ".SIGN."
_GZIP = b"\x1f\x8b"
_ADB = b"ADB"
_READ = 1 << 16
_LIMIT = 16 << 20  # unpacked; control segments of some kilobytes are usual
ADVICE = "the file may be cut or damaged: remove it and run fetch again"


class Segment(Struct, frozen=True):
    """One gzip file, from `start` to `end` of the whole, with the files in its piece of the archive.

    `modified` is the latest time that the archive gives one of them, in seconds since 1970.
    """

    start: int
    end: int
    files: Mapping[str, bytes]
    modified: int = 0

    @property
    def is_signature(self) -> bool:
        return any(name.startswith(SIGNATURE) for name in self.files)


def first_segments(path: Path, shown: str, count: int, *, limit: int = _LIMIT) -> list[Segment]:
    """Up to `count` segments from the start, and no more than one behind the signatures.

    Raises FormatError, also for one that unpacks to more than `limit` bytes.
    """
    found: list[Segment] = []
    with open_buffered(path) as stream:
        _check_start(stream.read(START), shown)
        start = 0
        while len(found) < count:
            stream.seek(start)
            if not stream.read(1):
                break
            stream.seek(start)
            raw, length = _unpacked(stream, shown, limit)
            files, modified = _files(raw, shown)
            found.append(Segment(start, start + length, files, modified))
            start += length
            if not found[-1].is_signature:
                break
    return found


def _check_start(start: bytes, shown: str) -> None:
    if what := page(start):
        raise FormatError(f"{shown} is {what}, and not a file of an Alpine repository", PAGE_HINT)
    if start.startswith(_ADB):
        raise FormatError(
            f"{shown} is of version 3 of apk's formats (ADB), which is not read yet",
            "take a repository with files of version 2, as Alpine's own releases have them",
        )
    if not start.startswith(_GZIP):
        raise FormatError(f"{shown} is not a file of an Alpine repository: it is not compressed with gzip", ADVICE)


def _unpacked(stream: BinaryIO, shown: str, limit: int) -> tuple[bytes, int]:
    """The plain bytes of the gzip file that begins here, and its own length."""
    decoder = zlib.decompressobj(31)
    raw, length = bytearray(), 0
    try:
        while not decoder.eof:
            packed = stream.read(_READ)
            if not packed:
                raise FormatError(f"{shown} is cut", ADVICE)
            length += len(packed)
            while packed and not decoder.eof:
                raw += decoder.decompress(packed, _READ)
                packed = decoder.unconsumed_tail
                if len(raw) > limit:
                    raise FormatError(f"{shown}: what describes it unpacks to more than {limit} bytes", ADVICE)
    except zlib.error as error:
        raise FormatError(f"{shown} is not a sound gzip file: {error}", ADVICE) from error
    return bytes(raw), length - len(decoder.unused_data)


def _files(raw: bytes, shown: str) -> tuple[dict[str, bytes], int]:
    """The files in a piece of an archive, and the latest of their times."""
    files: dict[str, bytes] = {}
    modified = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None or entry.size > len(raw):  # a sparse one: its holes could be of any size
                    continue
                if entry.name in files:
                    raise FormatError(f"{shown} has {entry.name!r} twice", ADVICE)
                files[entry.name] = content.read()
                modified = max(modified, int(entry.mtime))
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        raise FormatError(f"{shown} has a segment that is not a tar archive: {error}", ADVICE) from error
    return files, modified
