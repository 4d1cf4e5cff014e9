"""Sequences of tar headers, each made by a number: most are read by somebody, and not by all alike."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from fromscratch.formats.tar.header import BLOCK, header
from fromscratch.model.entry import Meta

END = bytes(2 * BLOCK)
_MAGIC, _PREFIX = 257, 345
_FILES = b"0\x0057"  # Linux keeps attributes of users for files and directories only
_REGULAR = b"0\x007"
_KEYS = (
    *(b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime", b"atime", b"uname", b"comment", b"hdrcharset"),
    *(b"SCHILY.xattr.user.x", b"LIBARCHIVE.xattr.user.y", b"GNU.sparse.name"),
)
_RARE = {b"1": "hard link", b"7": "contiguous", b"V": "label"}
_NUMBERS = {"mode": (100, 8), "uid": (108, 8), "gid": (116, 8), "mtime": (136, 12)}
# What only some engines read, or no released one of them reads, and what none of them can do.
REFUSED = {
    "docker": frozenset({"label", "contiguous", "replaced"}),
    "podman": frozenset({"label", "contiguous", "replaced", "attribute of no file"}),
    "umoci": frozenset({"label", "contiguous", "global", "attribute of no file"}),
}
# What stands here is read in another way by GNU tar, by bsdtar, or by both than by every engine.
READ_DIFFERENTLY = frozenset(
    {
        "global",
        "several x",
        "long and path",
        "several long",
        "libarchive",
        "slash",
        "odd number",
        "odd magic",
        "empty",
        "label",
    }
    | {"attribute of no file", "size of no file", "replaced"}
)


@dataclass(frozen=True)
class Case:
    """Entries below a folder of their own; `habits` names what is in them that programs may read in different ways."""

    number: int
    data: bytes
    habits: frozenset[str]

    @property
    def folder(self) -> str:
        return f"/c/{self.number}"


def case(number: int) -> Case:
    builder = _CaseBuilder(number)
    return Case(number, b"".join(builder.blocks()), frozenset(builder.habits))


def patched(block: bytes, *changes: tuple[int, bytes]) -> bytes:
    """A header with some bytes changed and its checksum made right again."""
    raw = bytearray(block[:BLOCK])
    for offset, data in changes:
        raw[offset : offset + len(data)] = data
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw) + block[BLOCK:]


def record(key: bytes, value: bytes) -> bytes:
    bare = len(key) + len(value) + 3
    length = next(size for size in range(bare, bare + 9) if size == bare + len(str(size)))
    return b"%d %b=%b\n" % (length, key, value)


def member(name: bytes, flag: bytes, data: bytes = b"", *, link: bytes = b"") -> bytes:
    meta, device = Meta(0o644, 0, 0, 10**18), (1, 3) if flag == b"3" else (0, 0)
    return header(name, flag, meta, size=len(data), link=link, device=device) + data + bytes(-len(data) % BLOCK)


class _CaseBuilder:
    def __init__(self, number: int) -> None:
        self._chance, self._top = random.Random(number), b"c/%d/" % number
        self.habits: set[str] = set()
        self._globals = 0

    def blocks(self) -> Iterator[bytes]:
        yield member(self._top, b"5")
        yield member(self._top + b"file", b"0", b"there")
        for _ in range(self._chance.randint(1, 3)):
            entry = self._entry()
            yield from self._before(entry[156:157])
            yield entry
        yield member(self._top + b"end", b"0", b"end")  # nothing goes on into the next case

    def _before(self, flag: bytes) -> Iterator[bytes]:
        """What stands before a header of this type and says something of it."""
        kinds = self._chance.choices(
            ["x", "g", "L", "K"], [6, 2, 3, 2], k=self._chance.choice([0, 0, 1, 1, 1, 2, 2, 3])
        )
        names = [kind for kind in kinds if kind in "LK"]
        if kinds.count("x") > 1:
            self.habits.add("several x")
        if len(set(names)) < len(names):
            self.habits.add("several long")
        if "x" in kinds and names:
            self.habits.add("long and path")
        for kind in kinds:
            match kind:
                case "x":
                    yield member(b"pax", b"x", b"".join(self._records(flag)))
                case "g":
                    self.habits.add("global")
                    self._globals += 1
                    yield member(self._top + b"global%d" % self._globals, b"g", b"".join(self._records(flag)))
                case _:
                    name = self._name() if self._chance.random() < 0.95 else b""
                    if not name:
                        self.habits.add("empty")
                    yield member(b"././@LongLink", kind.encode(), name + self._chance.choice([b"\0", b"", b"\0rest"]))

    def _name(self) -> bytes:
        name = self._chance.choice(
            [
                b"a",
                b"b",
                b"d",
                b"d/e",
                b"a/",
                b"file",
                b"a" * 120,
                b"\xc3\xa4",
                b"./b",
                b"f",
                b"g",
                b"h/",
                b"d/i",
                b"k/l/",
            ]
        )
        if name.endswith(b"/"):
            self.habits.add("slash")
        return self._top + name

    def _records(self, flag: bytes) -> Iterator[bytes]:
        for _ in range(self._chance.randint(0, 3)):
            key = self._chance.choice(_KEYS)
            value = self._value(key)
            if not value:
                self.habits.add("empty")
            if key == b"size" and flag not in _REGULAR:
                self.habits.add("size of no file")
            if key.startswith(b"LIBARCHIVE"):
                self.habits.add("libarchive")
            if key.startswith(b"SCHILY"):
                if not value:
                    self.habits.add("empty attribute")
                if flag not in _FILES:
                    self.habits.add("attribute of no file")
            yield record(key, value)

    def _value(self, key: bytes) -> bytes:
        if self._chance.random() < 0.1:
            return b""
        match key:
            case b"path" | b"linkpath" | b"GNU.sparse.name":
                return self._name()
            case b"size":
                return self._chance.choice([b"0", b"3", b"600"])
            case b"uid" | b"gid":
                return self._chance.choice([b"7", b"4000000", b"007"])
            case b"mtime" | b"atime":
                return self._chance.choice([b"5", b"1234567890.5", b"7.000000001", b"99."])
            case b"LIBARCHIVE.xattr.user.y":
                return b"eA=="
            case b"hdrcharset":
                return b"BINARY"
        return self._chance.choice([b"v", b"longer value"])

    def _entry(self) -> bytes:
        flag = self._chance.choices(
            [b"0", b"\0", b"1", b"2", b"3", b"5", b"6", b"7", b"V", b"X", b"N"], [30, 8, 5, 8, 2, 8, 2, 2, 1, 1, 1]
        )[0]
        if flag in _RARE:
            self.habits.add(_RARE[flag])
        data = self._chance.choice([b"", b"one", b"x" * 600]) if flag in b"0\x007" else b""
        link = (self._top + b"file") if flag == b"1" else self._chance.choice([b"file", b"d"]) if flag == b"2" else b""
        name = self._name()
        if len(name) > 99 or not name.isascii():
            name = self._top + b"b"
        return patched(member(name, flag, data, link=link), *self._changes(flag))

    def _changes(self, flag: bytes) -> Iterator[tuple[int, bytes]]:
        if flag not in b"34" and self._chance.random() < 0.3:  # without numbers they are whiteouts of overlayfs
            magic = self._chance.choice([b"ustar  \0", b"ustar\0\0\0", b"ustar\x00  ", bytes(8), b"ustar   "])
            yield _MAGIC, magic
            if magic != b"ustar  \0":
                self.habits.add("odd magic")
            if self._chance.random() < 0.5:
                self.habits.add("odd magic")
                yield _PREFIX, self._top + b"d"
        if self._chance.random() < 0.2:
            self.habits.add("odd number")
            start, length = _NUMBERS[self._chance.choice(list(_NUMBERS))]
            digits = self._chance.choice([b"7", b"644", b"0000644", b" 644", b"644 ", b"\0\x00644", b"6 4", b"64\x009"])
            if self._chance.random() < 0.2:
                digits = b"\x80" + bytes(length - 3) + b"\x01\xa4"
            yield start, digits.ljust(length, self._chance.choice([b"\0", b" "]))[:length]
