"""ELF files that no loader of Linux takes, by what they are: they are often beside programs, and named by mistake."""

import struct

from fromscratch.formats.elf.headers import ET_CORE, ET_REL, MAGIC, MAX_OFFSET, Read

_MODULE, _DEBUG = frozenset({b".modinfo", b".gnu.linkonce.this_module"}), b".debug_"
_NOBITS = 8
_SYSTEMS = {2: "NetBSD", 6: "Solaris", 9: "FreeBSD", 12: "OpenBSD"}  # EI_OSABI
_TABLES = {1: (32, "I", 46, "IIIIII"), 2: (40, "Q", 58, "IIQQQQ")}  # by EI_CLASS: where the header says it, and a row
_MAX_SECTIONS, _MAX_NAMES = 20_000, 1 << 20


def unloaded_kind(read: Read) -> str:
    """What a file is that no loader takes, with an article; empty for a program, a library, and what is not ELF."""
    head = read(0, 64)
    if len(head) < 52 or head[:4] != MAGIC or head[4] not in _TABLES:
        return ""
    order = ">" if head[5] == 2 else "<"
    (kind,) = struct.unpack_from(f"{order}H", head, 16)
    if kind == ET_CORE:
        return "a core dump"
    if kind == ET_REL:
        is_module = _MODULE & _sections(read, head, order).keys()
        return "a kernel module, which the kernel loads" if is_module else "an object file, which no loader takes"
    if head[7] in _SYSTEMS:
        return f"a file for {_SYSTEMS[head[7]]}, which Linux does not load"
    sections = _sections(read, head, order)
    if sections.get(b".text") == _NOBITS and any(name.startswith(_DEBUG) for name in sections):
        return "debug information that was split off a program or library"
    return ""


def _sections(read: Read, head: bytes, order: str) -> dict[bytes, int]:
    """The names of sections with their types; empty where the headers of sections are missing or damaged."""
    place, word, counts, form = _TABLES[head[4]]
    try:
        (table,) = struct.unpack_from(order + word, head, place)
        size, count, names_at = struct.unpack_from(f"{order}HHH", head, counts)
        row = struct.Struct(order + form)
        if size < row.size or table >= MAX_OFFSET or not names_at < count <= _MAX_SECTIONS:
            return {}
        raw = read(table, size * count)
        rows = [row.unpack_from(raw, number * size) for number in range(count)]
    except struct.error:
        return {}
    offset, length = rows[names_at][4], rows[names_at][5]
    names = read(offset, min(length, _MAX_NAMES)) if offset < MAX_OFFSET else b""
    return {names[each[0] : names.find(b"\0", each[0])]: each[1] for each in rows if each[0] < len(names)}


def is_packed(read: Read) -> bool:
    """Whether UPX has packed a program, so that nothing of what it needs can be seen."""
    return b"UPX!" in read(0, 4096)
