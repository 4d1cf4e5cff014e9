"""The notes of an ELF file, and the libraries that it says it may dlopen.

Follows the System V ABI, chapter 5, "Note Section", with the padding that Linux uses: to eight bytes in
a segment that is so aligned, else to four, in both classes. Only the notes of segments are read.
"""

import struct
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DAMAGED, MAX_OFFSET, PT_NOTE, Elf, Read
from fromscratch.limits import json_value

NT_GNU_ABI_TAG, NT_GO_BUILD_ID, NT_FDO_DLOPEN = 1, 4, 0x407C0C0A

Priority = Literal["required", "recommended", "suggested"]

_PRIORITIES = ("required", "recommended", "suggested")
_MAX_NOTES = 4 << 20
_REPORT = "tell those who built it; the note is read by the UAPI specification 'ELF dlopen metadata'"


class Note(NamedTuple):
    """`owner` says whose numbers `type` is one of."""

    owner: str
    type: int
    description: bytes


class DlopenNote(NamedTuple):
    """Libraries that the program may dlopen: any one of `sonames` will do, the first is tried first."""

    sonames: tuple[str, ...]
    priority: Priority
    feature: str
    description: str


def notes(elf: Elf, read: Read) -> Iterator[Note]:
    """The notes in the order of the file. Raises FormatError for those that lead beyond their segment."""
    total = 0
    for segment in elf.segments:
        if segment.type != PT_NOTE or not segment.size:
            continue
        total += segment.size
        if total > _MAX_NOTES or segment.offset >= MAX_OFFSET:
            raise FormatError(f"its notes of {total} bytes are more than any program has", DAMAGED)
        block = read(segment.offset, segment.size)
        if len(block) < segment.size:
            raise FormatError("its notes lead beyond its end", DAMAGED)
        yield from _notes(block, f"{elf.order}III", 8 if segment.alignment == 8 else 4)


def _notes(block: bytes, header: str, alignment: int) -> Iterator[Note]:
    place = 0
    while place + 12 <= len(block):
        name_size, size, kind = struct.unpack_from(header, block, place)
        start = _aligned(place + 12 + name_size, alignment)
        if max(place + 12 + name_size, start + size if size else 0) > len(block):
            raise FormatError("one of its notes leads beyond the others", DAMAGED)
        owner = block[place + 12 : place + 12 + name_size].partition(b"\0")[0]
        yield Note(owner.decode("utf-8", "surrogateescape"), kind, block[start : start + size])
        place = _aligned(start + size, alignment)


def _aligned(place: int, alignment: int) -> int:
    return place + -place % alignment


def dlopen_notes(elf: Elf, read: Read) -> tuple[DlopenNote, ...]:
    """What the authors say that the program dlopens.

    A library without a priority, or with one that the specification does not have, is recommended. The single
    object with a single soname of the specification's first drafts is read too. Raises FormatError for a note
    that is not JSON or names no soname, and for damaged notes.
    """
    found: list[DlopenNote] = []
    for note in notes(elf, read):
        if note.owner == "FDO" and note.type == NT_FDO_DLOPEN:
            found += _libraries(note.description)
    return tuple(found)


def _libraries(description: bytes) -> Iterator[DlopenNote]:
    text = description.rstrip(b"\0")
    try:
        value = json_value(text.decode())
    except ValueError as error:
        raise _malformed(text) from error
    for entry in value if isinstance(value, list) else [value]:
        yield _library(entry, text)


def _library(entry: Any, text: bytes) -> DlopenNote:
    sonames = entry.get("soname") if isinstance(entry, dict) else None
    sonames = [sonames] if isinstance(sonames, str) else sonames
    if not isinstance(sonames, list) or not sonames or not all(map(_is_name, sonames)):
        raise _malformed(text)
    priority, feature, about = (entry.get(key) for key in ("priority", "feature", "description"))
    return DlopenNote(
        tuple(sonames),
        cast(Priority, priority) if priority in _PRIORITIES else "recommended",
        feature if isinstance(feature, str) else "",
        about if isinstance(about, str) else "",
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and value != ""


def _malformed(text: bytes) -> FormatError:
    shown = text[:80].decode("utf-8", "backslashreplace")
    return FormatError(f"its note of what it dlopens is malformed: {shown}", _REPORT)
