"""The build attributes of ARM files: what processor they were made for.

Follows the ABI for the Arm Architecture, "Addenda to, and Errata in, the ABI", chapter 3. They stand in a
section that is not loaded, so they are found through the section headers, and are there only where those are.
"""

import struct
from collections.abc import Iterator

from fromscratch.errors import FormatError
from fromscratch.formats.elf.headers import DAMAGED, MAX_OFFSET, Elf, Read
from fromscratch.formats.elf.sections import sections

SHT_ARM_ATTRIBUTES = 0x70000003

_TAG_FILE, _TAG_CPU_ARCH, _TAG_COMPATIBILITY = 1, 6, 32
_TEXTS = frozenset({4, 5})  # below 32 the tags say for themselves what they hold: these a text, all others a number
_MAX_ATTRIBUTES = 1 << 16


def cpu_arch(elf: Elf, read: Read) -> int | None:
    """Tag_CPU_arch of a 32-bit file; None if it has none. Raises FormatError for damaged attributes."""
    try:
        return _cpu_arch(_attributes(elf, read), elf.order)
    except (struct.error, IndexError) as error:
        raise FormatError("its build attributes lead beyond their end", DAMAGED) from error


def _attributes(elf: Elf, read: Read) -> bytes:
    for section in sections(elf, read):
        if section.type == SHT_ARM_ATTRIBUTES and section.offset < MAX_OFFSET:
            return read(section.offset, min(section.size, _MAX_ATTRIBUTES))
    return b""


def _cpu_arch(section: bytes, order: str) -> int | None:
    place = 1  # behind the version of the format, the letter A
    while place + 4 < len(section) and section[:1] == b"A":
        (length,) = struct.unpack_from(f"{order}I", section, place)
        vendor, _, rest = section[place + 4 : place + length].partition(b"\0")
        if vendor == b"aeabi" and rest[:1] == bytes([_TAG_FILE]):
            (size,) = struct.unpack_from(f"{order}I", rest, 1)
            return dict(_numbers(rest[5:size])).get(_TAG_CPU_ARCH)
        place += max(length, 4)
    return None


def _numbers(raw: bytes) -> Iterator[tuple[int, int]]:
    """The attributes that hold a number. Of those from 32 on, odd tags hold a text and even ones a number."""
    place = 0
    while place < len(raw):
        tag, place = _uleb128(raw, place)
        if tag == _TAG_COMPATIBILITY or not (tag in _TEXTS or (tag > _TAG_COMPATIBILITY and tag % 2)):
            number, place = _uleb128(raw, place)
            yield tag, number
        if tag in _TEXTS or tag == _TAG_COMPATIBILITY or (tag > _TAG_COMPATIBILITY and tag % 2):
            end = raw.find(b"\0", place)
            place = len(raw) if end < 0 else end + 1


def _uleb128(raw: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = raw[place]
        value |= (byte & 0x7F) << min(shift, 63)
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return value, place
