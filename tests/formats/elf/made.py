"""Small ELF files for tests: of any class, byte order and machine, from one line that says what is in them.

They have program headers and a dynamic section as the loaders want them, and no section headers and no
code: a real loader maps them and lists what they need, but nobody could run them.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fromscratch.formats.elf.headers import Read

X86_64, I386, ARM, AARCH64, RISCV, PPC64, S390, MIPS, LOONGARCH = 62, 3, 40, 183, 243, 21, 22, 8, 258

_NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SYMENT, _SONAME, _RPATH, _RUNPATH = 1, 4, 5, 6, 10, 11, 14, 15, 29
_VERSYM, _FLAGS_1, _VERDEF, _VERDEFNUM = 0x6FFFFFF0, 0x6FFFFFFB, 0x6FFFFFFC, 0x6FFFFFFD
_VERNEED, _VERNEEDNUM, _AUXILIARY, _FILTER = 0x6FFFFFFE, 0x6FFFFFFF, 0x7FFFFFFD, 0x7FFFFFFF
Bits = Literal[32, 64]
_PAGE = 0x10000  # the largest page of any machine, so that every loader maps the files


def elf(
    *,
    bits: Bits = 64,
    big: bool = False,
    machine: int = X86_64,
    type: Literal["dyn", "exec"] = "dyn",  # noqa: A002
    flags: int = 0,
    os_abi: int = 0,
    interpreter: str | None = None,
    soname: str | None = None,
    needed: Sequence[str] = (),
    rpath: str | None = None,
    runpath: str | None = None,
    filters: Sequence[str] = (),
    auxiliaries: Sequence[str] = (),
    flags_1: int = 0,
    needs_versions: Mapping[str, Sequence[str]] | None = None,
    weak_versions: Sequence[str] = (),
    provides_versions: Sequence[str] | None = None,
    imports: Sequence[str] = (),
    exports: Sequence[str] = (),
    notes: Sequence[tuple[str, int, bytes]] = (),
    note_alignment: Literal[4, 8] = 4,
    data: bytes = b"",
) -> bytes:
    """The bytes of an ELF file. Without anything that stands in a dynamic section, an "exec" has none: it is static.

    `needs_versions` maps a file of `needed` to versions, of which `weak_versions` are weak. With `provides_versions`
    the soname is the base definition, as linkers write it. `notes` are (owner, type, description); `data` is data.
    """
    made = _Maker(bits, big, base=0x400000 if type == "exec" else 0)
    strings = [(_NEEDED, each) for each in needed]
    strings += [(_FILTER, each) for each in filters] + [(_AUXILIARY, each) for each in auxiliaries]
    strings += [
        (tag, text) for tag, text in ((_SONAME, soname), (_RPATH, rpath), (_RUNPATH, runpath)) if text is not None
    ]
    versions = [*(needs_versions or {}).values(), *([provides_versions] if provides_versions is not None else [])]
    is_dynamic = bool(type == "dyn" or strings or versions or imports or exports or flags_1)
    made.reserve_headers(2 + (interpreter is not None) + bool(notes) + is_dynamic)
    if interpreter is not None:
        made.segment(3, made.place(interpreter.encode() + b"\0", 1))
    if notes:
        made.segment(4, made.place(_notes(made, notes, note_alignment), note_alignment), note_alignment)
    if data:
        made.place(data, 1)
    if is_dynamic:
        tags = [(tag, made.string(text)) for tag, text in strings]
        tags += [(_FLAGS_1, flags_1)] if flags_1 else []
        tags += made.symbols(imports, exports, bool(versions))
        tags += made.version_needs(needs_versions or {}, frozenset(weak_versions))
        if provides_versions is not None:
            tags += made.version_definitions([soname or "", *provides_versions])
        made.dynamic(tags)
    return made.finished({"exec": 2, "dyn": 3}[type], machine, flags, os_abi)


def _notes(made: "_Maker", notes: Sequence[tuple[str, int, bytes]], alignment: int) -> bytes:
    out = b""
    for owner, kind, description in notes:
        name = owner.encode() + b"\0"
        out = _padded(out + made.pack("III", len(name), len(description), kind) + name, alignment)
        out = _padded(out + description, alignment)
    return out


def _padded(raw: bytes, alignment: int) -> bytes:
    return raw + bytes(-len(raw) % alignment)


@dataclass
class _Maker:
    """Lays out the file front to back: one loaded segment holds all of it."""

    bits: int
    big: bool
    base: int
    body: bytearray = field(default_factory=bytearray)
    strings: bytearray = field(default_factory=lambda: bytearray(b"\0"))
    segments: list[tuple[int, int, int, int]] = field(default_factory=list)

    def pack(self, form: str, *values: int) -> bytes:
        """As struct does; A stands for a word of the class."""
        return struct.pack((">" if self.big else "<") + form.replace("A", "Q" if self.bits == 64 else "I"), *values)

    def reserve_headers(self, count: int) -> None:
        self.body = bytearray((64 if self.bits == 64 else 52) + count * (56 if self.bits == 64 else 32))

    def place(self, raw: bytes, alignment: int = 8) -> tuple[int, int]:
        self.body += bytes(-len(self.body) % alignment)
        self.body += raw
        return len(self.body) - len(raw), len(raw)

    def segment(self, kind: int, where: tuple[int, int], alignment: int = 1) -> None:
        self.segments.append((kind, *where, alignment))

    def string(self, text: str) -> int:
        raw = text.encode("utf-8", "surrogateescape") + b"\0"
        found = self.strings.find(b"\0" + raw)
        if found >= 0:
            return found + 1
        self.strings += raw
        return len(self.strings) - len(raw)

    def address(self, where: tuple[int, int]) -> int:
        return self.base + where[0]

    def symbols(self, imports: Sequence[str], exports: Sequence[str], versioned: bool) -> list[tuple[int, int]]:
        rows = [(0, 0, 0), *((self.string(name), 0, 0) for name in imports)]
        rows += [(self.string(name), self.base + 64, 1) for name in exports]
        table = b""
        for index, (name, value, section) in enumerate(rows):
            info = 0x12 if index else 0  # a global function
            if self.bits == 64:
                table += self.pack("IBBHQQ", name, info, 0, section, value, 0)
            else:
                table += self.pack("IIIBBH", name, value, 0, info, 0, section)
        chains = [index + 1 if index + 1 < len(rows) else 0 for index in range(len(rows))]
        hashes = self.pack(f"{3 + len(rows)}I", 1, len(rows), chains[0], 0, *chains[1:])
        tags = [(_SYMTAB, self.address(self.place(table))), (_SYMENT, 24 if self.bits == 64 else 16)]
        tags.append((_HASH, self.address(self.place(hashes))))
        if versioned:
            tags.append((_VERSYM, self.address(self.place(self.pack(f"{len(rows)}H", 0, *[1] * (len(rows) - 1))))))
        return tags

    def version_needs(self, needs: Mapping[str, Sequence[str]], weak: frozenset[str]) -> list[tuple[int, int]]:
        table, index = b"", 1
        for place, (file, versions) in enumerate(needs.items()):
            size = 16 + 16 * len(versions)
            table += self.pack("HHIII", 1, len(versions), self.string(file), 16, 0 if place == len(needs) - 1 else size)
            for number, version in enumerate(versions):
                index += 1
                following = 0 if number == len(versions) - 1 else 16
                table += self.pack(
                    "IHHII", _hash(version), 2 * (version in weak), index, self.string(version), following
                )
        return [(_VERNEED, self.address(self.place(table))), (_VERNEEDNUM, len(needs))] if needs else []

    def version_definitions(self, names: Sequence[str]) -> list[tuple[int, int]]:
        table = b""
        for index, name in enumerate(names):
            following = 0 if index == len(names) - 1 else 28
            table += self.pack("HHHHIII", 1, index == 0, index + 1, 1, _hash(name), 20, following)
            table += self.pack("II", self.string(name), 0)
        return [(_VERDEF, self.address(self.place(table))), (_VERDEFNUM, len(names))]

    def dynamic(self, tags: list[tuple[int, int]]) -> None:
        table = self.place(bytes(self.strings), 1)
        tags = [*tags, (_STRTAB, self.address(table)), (_STRSZ, table[1]), (0, 0)]
        self.segment(2, self.place(b"".join(self.pack("AA", *tag) for tag in tags)), 8)

    def finished(self, kind: int, machine: int, flags: int, os_abi: int) -> bytes:
        rows = [(0x6474E551, 0, 0, 16), (1, 0, len(self.body), _PAGE), *self.segments]
        head = 64 if self.bits == 64 else 52
        ident = b"\x7fELF" + bytes([self.bits // 32, 1 + self.big, 1, os_abi]) + bytes(8)
        size, entry = (56, 0) if self.bits == 64 else (32, 0)
        header = self.pack(
            "HHIAAAIHHHHHH",
            kind,
            machine,
            1,
            entry,
            head,
            0,
            flags,
            head,
            size,
            len(rows),
            64 if self.bits == 64 else 40,
            0,
            0,
        )
        out = ident + header
        for what, offset, length, alignment in rows:
            where = self.base + offset if length else 0
            if self.bits == 64:
                out += self.pack("IIQQQQQQ", what, 6, offset, where, where, length, length, alignment)
            else:
                out += self.pack("IIIIIIII", what, offset, where, where, length, length, 6, alignment)
        self.body[: len(out)] = out
        return bytes(self.body)


def _hash(name: str) -> int:
    """The hash of the System V ABI, chapter 5."""
    value = 0
    for byte in name.encode("utf-8", "surrogateescape"):
        value = (value << 4) + byte
        value = (value ^ (value & 0xF0000000) >> 24) & 0x0FFFFFFF
    return value


def reader(raw: bytes) -> Read:
    """`raw` as a file to read from."""
    return lambda offset, size: raw[offset : offset + size]
