"""ld.so.cache, which lists the libraries that are in none of the loader's default directories.

There is no specification; the layout is that of GLIBC's sysdeps/generic/dl-cache.h, the order and the look-up are
those of elf/cache.c and elf/dl-cache.c. Caches of every GLIBC since 2.2 are read, for both byte orders, with or
without the table of libc5 before the present one. What is written is what ldconfig writes since 2.32.
"""

import struct
from collections.abc import Iterable
from functools import cached_property
from struct import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.ldso.cache_abi import also_accepted
from fromscratch.formats.ldso.cache_order import canonical, key
from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple
from fromscratch.paths import decode, encode

if TYPE_CHECKING:
    from typing import Literal

    Order = Literal["<", ">"]

_OLD_MAGIC = b"ld.so-1.7.0"
_MAGIC = b"glibc-ld.so.cache1.1"
_EXTENSIONS = 0xEAA42174
_GENERATOR, _HWCAPS = 0, 1  # tags of extension sections
_LITTLE, _BIG = 2, 3  # what the header's flags say of the byte order
_IN_HWCAPS_LIST = 1 << 62  # the hwcap field is an index into the names of glibc-hwcaps
_MAX_ISA_LEVEL = 0x3FF
_MAX_STRING = 4096
_HINT = "let ldconfig write it anew, or leave it out: the loader does without"


class _Layout(NamedTuple):
    """The structures of the format in one byte order."""

    word: Struct
    header: Struct  # magic, count, bytes of strings, flags, offset of the extensions
    entry: Struct  # flags, offset of the soname, of the path, OS version, hwcap
    old_entry: Struct  # flags, offset of the soname, of the path
    section: Struct  # tag, flags, offset, size


_LAYOUTS: "dict[Order, _Layout]" = {
    order: _Layout(*(Struct(f"{order}{fields}") for fields in ("I", "20sIIB3xI12x", "iIIIQ", "iII", "IIII")))
    for order in ("<", ">")
}


class Entry(NamedTuple):
    """A library by its soname. `flags` tell its ABI, as `flags_of` gives them.

    `hwcaps` names the glibc-hwcaps subdirectory that it lies in, and `isa_level` is then the bit of
    GNU_PROPERTY_X86_ISA_1_NEEDED that its processor must have. `legacy` is the mask of processor features that
    a GLIBC before 2.37 asked for; later ones pass over the entry.
    """

    soname: str
    path: str
    flags: int
    hwcaps: str | None = None
    isa_level: int = 0
    legacy: int = 0


class Answer(NamedTuple):
    """`baseline` is what the loader finds on any processor; `variants`, best first, are preferred to it by some."""

    baseline: str | None
    variants: tuple[Entry, ...]


class _Cache(NamedTuple):
    entries: tuple[Entry, ...]
    big_endian: bool = False
    generator: str = ""


class Cache(_Cache):
    """`entries` are in the file's order; `generator` is the name of the program that wrote it, often empty."""

    @cached_property
    def by_soname(self) -> dict[str, list[Entry]]:
        """The entries of each soname, by its `canonical` spelling."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(canonical(entry.soname), []).append(entry)
        return found


_NOTHING = Answer(None, ())


def lookup(cache: Cache, soname: str, flags: int) -> Answer:
    """What a loader of this ABI, whose own libraries have these flags, takes for `soname`."""
    entries = cache.by_soname.get(canonical(soname))
    if entries is None:
        return _NOTHING
    accepted = (flags, *also_accepted(flags))
    ours = [entry for entry in entries if entry.flags in accepted]
    baseline = next((entry.path for entry in ours if entry.hwcaps is None and not entry.legacy), None)
    variants = [entry for entry in ours if entry.hwcaps is not None or entry.legacy]
    if len(variants) > 1:
        # Of x86-64-v3 and -v4, z14 and z15, power9 and power10 the loader prefers the later one.
        variants.sort(key=lambda entry: (entry.hwcaps is not None, key(entry.hwcaps or "")), reverse=True)
    return Answer(baseline, tuple(variants))


def read(data: bytes) -> Cache:
    """The whole cache. Raises FormatError for anything that is damaged, even where a loader would not mind."""
    try:
        return _read(data)
    except struct.error as error:
        raise FormatError("the ld.so.cache is cut short", _HINT) from error


def _read(data: bytes) -> Cache:
    if data.startswith(_MAGIC):
        return _Reader(data, 0, _order_at(data, 0)).cache()
    if not data.startswith(_OLD_MAGIC):
        raise FormatError("it is not an ld.so.cache: it does not start as one", _HINT)
    for order in _LAYOUTS:
        (count,) = _LAYOUTS[order].word.unpack_from(data, 12)
        end = 16 + 12 * count
        for start in (end + -end % 8, end):
            if data.startswith(_MAGIC, start):
                return _Reader(data, start, _order_at(data, start)).cache()
        if end <= len(data):
            return _Reader(data, end, order).old(count)
    raise FormatError("the ld.so.cache is cut short", _HINT)


def _order_at(data: bytes, start: int) -> "Order":
    """The byte order that a header tells, or that fits for one that is too old to have the field."""
    _, count, strings, order_flag, _ = _LAYOUTS["<"].header.unpack_from(data, start)
    if order_flag & 3 == 1:
        raise FormatError("the ld.so.cache says itself that it is invalid", _HINT)
    if order_flag & 3 == 0:
        return "<" if 48 + count * 24 + strings <= len(data) - start else ">"
    return ">" if order_flag & 3 == _BIG else "<"


class _Reader:
    """`start` is where the header lies, or the strings of an old cache; offsets of strings count from there."""

    def __init__(self, data: bytes, start: int, order: "Order") -> None:
        self.data, self.start, self.order, self.layout = data, start, order, _LAYOUTS[order]
        self.strings: dict[int, str] = {}
        self.budget = 16 * len(data)  # strings share their ends, but not so that they outgrow the file

    def cache(self) -> Cache:
        _, count, _, _, extensions = self.layout.header.unpack_from(self.data, self.start)
        first = self.start + self.layout.header.size
        rows = self._part(first, count * self.layout.entry.size)
        generator, names = self._extensions(extensions) if extensions else ("", [])
        entries = tuple(
            Entry(self._string(soname), self._string(path), flags, *self._hwcap(hwcap, names))
            for flags, soname, path, _, hwcap in self.layout.entry.iter_unpack(rows)
        )
        return Cache(entries, self.order == ">", generator)

    def old(self, count: int) -> Cache:
        rows = self._part(16, count * self.layout.old_entry.size)
        entries = tuple(
            Entry(self._string(soname), self._string(path), flags)
            for flags, soname, path in self.layout.old_entry.iter_unpack(rows)
        )
        return Cache(entries, self.order == ">")

    def _extensions(self, offset: int) -> tuple[str, list[str]]:
        """The generator, and the names of the glibc-hwcaps subdirectories by their index."""
        magic, count = struct.unpack(f"{self.order}II", self._part(offset, 8))
        if magic != _EXTENSIONS or offset % 4:
            raise FormatError("the extensions of the ld.so.cache do not start as such", _HINT)
        generator, names = "", []
        for tag, _, start, size in self.layout.section.iter_unpack(self._part(offset + 8, 16 * count)):
            part = self._part(start, size) if tag in (_GENERATOR, _HWCAPS) else b""
            if tag == _GENERATOR:
                generator = decode(part)
            elif tag == _HWCAPS and size % 4 == start % 4 == 0:
                # These offsets count from the start of the file, whatever comes before the header.
                names = [self._string(place - self.start) for (place,) in self.layout.word.iter_unpack(part)]
        return generator, names

    def _hwcap(self, hwcap: int, names: list[str]) -> tuple[str | None, int, int]:
        if not hwcap:
            return None, 0, 0
        if hwcap >> 32 & ~_MAX_ISA_LEVEL != _IN_HWCAPS_LIST >> 32:
            return None, 0, hwcap
        if hwcap & 0xFFFFFFFF >= len(names):
            raise FormatError("an entry of the ld.so.cache has a glibc-hwcaps subdirectory without a name", _HINT)
        return names[hwcap & 0xFFFFFFFF], hwcap >> 32 & _MAX_ISA_LEVEL, 0

    def _part(self, offset: int, size: int) -> bytes:
        if offset + size > len(self.data):
            raise FormatError("the ld.so.cache is cut short", _HINT)
        return self.data[offset : offset + size]

    def _string(self, offset: int) -> str:
        known = self.strings.get(offset)
        if known is None:
            start = self.start + offset
            end = self.data.find(b"\0", start, start + _MAX_STRING) if start >= 0 else -1
            self.budget -= end - start
            if end < 0 or self.budget < 0:
                raise FormatError("a name in the ld.so.cache has no end", _HINT)
            known = self.strings[offset] = decode(self.data[start:end])
        return known


def write(entries: Iterable[Entry], *, big_endian: bool = False, generator: str = "fromscratch") -> bytes:
    """The bytes that ldconfig would write for these entries, given in any order; the first of equals comes first.

    Raises FormatError for a name that holds a NUL, and for one that the reader would refuse as too long.
    """
    layout = _LAYOUTS[">" if big_endian else "<"]
    ordered = sorted(sorted(sorted(entries, key=_preference), key=_flags, reverse=True), key=_soname, reverse=True)
    names = sorted({encode(entry.hwcaps) for entry in ordered if entry.hwcaps is not None})
    index = {name: place for place, name in enumerate(names)}
    base = layout.header.size + len(ordered) * layout.entry.size
    table, places = _shared({*names, *(encode(text) for entry in ordered for text in entry[:2])})
    rows = [
        layout.entry.pack(
            entry.flags, base + places[encode(entry.soname)], base + places[encode(entry.path)], 0, _field(entry, index)
        )
        for entry in ordered
    ]
    extensions = base + len(table) + -(base + len(table)) % 4
    header = layout.header.pack(_MAGIC, len(ordered), len(table), _BIG if big_endian else _LITTLE, extensions)
    body = b"".join([header, *rows, table]).ljust(extensions, b"\0")
    hwcaps = b"".join(layout.word.pack(base + places[name]) for name in names)
    return body + _sections(layout, extensions, hwcaps, encode(generator))


def _soname(entry: Entry) -> tuple[int, ...]:
    return key(entry.soname)


def _flags(entry: Entry) -> int:
    return entry.flags


def _preference(entry: Entry) -> tuple[int, int, int, bytes]:
    """Of one soname and ABI: glibc-hwcaps first, by their names, then what asks more of a processor."""
    if entry.hwcaps is not None:
        return 0, 0, 0, encode(entry.hwcaps)
    return 1, -entry.legacy.bit_count(), -entry.legacy, b""


def _field(entry: Entry, index: dict[bytes, int]) -> int:
    if entry.hwcaps is None:
        return entry.legacy
    return _IN_HWCAPS_LIST | entry.isa_level << 32 | index[encode(entry.hwcaps)]


def _sections(layout: _Layout, start: int, hwcaps: bytes, generator: bytes) -> bytes:
    count = 2 if hwcaps else 1
    data = start + 8 + layout.section.size * count
    head = [layout.word.pack(_EXTENSIONS), layout.word.pack(count)]
    head.append(layout.section.pack(_GENERATOR, 0, data + len(hwcaps), len(generator)))
    if hwcaps:
        head.append(layout.section.pack(_HWCAPS, 0, data, len(hwcaps)))
    return b"".join([*head, hwcaps, generator])


def _shared(strings: set[bytes]) -> tuple[bytes, dict[bytes, int]]:
    """A table of strings, and the offset of each: one that is the end of another lies within it."""
    table = bytearray()
    places: dict[bytes, int] = {}
    before = b""
    for string in sorted(strings, key=lambda string: string[::-1], reverse=True):
        if b"\0" in string or len(string) >= _MAX_STRING:
            raise FormatError(
                f"an ld.so.cache cannot hold the name {decode(string[:80])!r}", "give the file another name"
            )
        if places and before.endswith(string):
            places[string] = places[before] + len(before) - len(string)
        else:
            places[string] = len(table)
            table += string + b"\0"
        before = string
    return bytes(table), places
