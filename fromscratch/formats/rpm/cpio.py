"""Payloads of packages: cpio archives as `newc` has them, with checksums or without, and RPM's own stripped form.

A stripped entry (rpm's lib/cpio.c: "07070X") is the magic number and the index of the file in the header,
which says all else; so files may be larger than 4 GiB.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.regular_file import open_buffered

_NEWC, _CRC, _STRIPPED = b"070701", b"070702", b"07070X"
_FIELDS, _FIELDS_SIZE, _INDEX_SIZE = 13, 104, 8
_END = b"TRAILER!!!"
_MOST_NAME = 4096 + 2
_SIZE_FIELD, _NAME_FIELD = 6, 11
_HINT = "the file may be cut or damaged: remove it and run fetch again"


class Member(Struct, frozen=True):
    """`size` bytes at `offset`; `name` is empty for a stripped entry, whose `index` counts."""

    name: bytes
    index: int
    offset: int
    size: int


def members(archive: Path, sizes: Callable[[int], int], title: str) -> Iterator[Member]:
    """The entries of an uncompressed payload; `sizes` gives how many bytes the file of an index has in a stripped one.

    Raises FormatError for what is damaged or cut.
    """
    with open_buffered(archive) as stream:
        end = os.fstat(stream.fileno()).st_size
        while True:
            magic = stream.read(len(_NEWC))
            if magic == _STRIPPED:
                index = _hexadecimal(stream.read(_INDEX_SIZE), title)
                member = Member(b"", index, _padded(stream), sizes(index))
            elif magic in (_NEWC, _CRC):
                member = _with_name(stream, title)
            elif not magic and not end:
                return  # a package without files has no archive at all
            else:
                raise FormatError(f"{title}: its payload has no entry at byte {stream.tell() - len(magic)}", _HINT)
            if member.name == _END:
                return
            if member.offset + member.size > end:
                raise FormatError(f"{title}: its payload is cut", _HINT)
            yield member
            stream.seek(member.offset + member.size)
            _padded(stream)


def _with_name(stream: BinaryIO, title: str) -> Member:
    raw = stream.read(_FIELDS_SIZE)
    if len(raw) < _FIELDS_SIZE:
        raise FormatError(f"{title}: its payload is cut", _HINT)
    size = _hexadecimal(raw[8 * _SIZE_FIELD : 8 * _SIZE_FIELD + 8], title)
    length = _hexadecimal(raw[8 * _NAME_FIELD : 8 * _NAME_FIELD + 8], title)
    if not 0 < length <= _MOST_NAME:
        raise FormatError(f"{title}: its payload has a name of {length} bytes", _HINT)
    name = stream.read(length)
    if len(name) < length or name[-1:] != b"\0":
        raise FormatError(f"{title}: its payload has a damaged name", _HINT)
    return Member(name[:-1], -1, _padded(stream), size)


def _padded(stream: BinaryIO) -> int:
    """Go on to the next multiple of four; return it."""
    return stream.seek(-stream.tell() % 4, os.SEEK_CUR)


def _hexadecimal(raw: bytes, title: str) -> int:
    if len(raw) != _INDEX_SIZE or not all(byte in b"0123456789abcdefABCDEF" for byte in raw):
        raise FormatError(f"{title}: its payload has a damaged number", _HINT)
    return int(raw, 16)
