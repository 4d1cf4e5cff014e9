"""Valid archives and documents, and what becomes of them by a few changes that a fuzzer would make.

All is made of a `random.Random`, so that a number is enough to make a case again.
"""

import io
import json
import random
import tarfile
from collections.abc import Callable
from typing import Any

from fromscratch.formats.tar.header import BLOCK, header
from fromscratch.formats.tar.writer import blocks
from fromscratch.model.entry import Meta
from tests.changesets import changeset, random_roots
from tests.formats.tar.test_reader import END, extended, member, patched
from tests.formats.tar.test_sparse import newer, old, older
from tests.trees import tree

_LONG = b"d" * 90 + b"/" + b"f" * 95


def _by_tarfile(form: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for name in ("etc/x", _LONG.decode()):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = 5, 1.5 if form == tarfile.PAX_FORMAT else 1
            tar.addfile(info, io.BytesIO(b"hello"))
        for kind, name, target in ((tarfile.LNKTYPE, "link", "etc/x"), (tarfile.SYMTYPE, "way", "etc")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
    return stream.getvalue()[: 24 * BLOCK]


def _archives() -> list[bytes]:
    every = tree("""
        d 1777 0:0 /
        f 4755 0:0 /bin/su 'su'
        h 4755 0:0 /bin/sudo => /bin/su
        l 0777 0:0 /bin/sh -> su
        f 0644 9999999:0 /naïve/\\xff 'x' {user.note=0x00ff3d0a}
        c 0666 0:0 1,3 /dev/null
        p 0600 1:1 /run/pipe
    """)
    found = [b"".join(map(bytes, blocks(every)))]
    found += [_by_tarfile(form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    sparse = [
        old([(0, 512), (1024, 512)], 4096, bytes(1024)),
        old([(512, 512)], 4096, b"", goes_on=b"\1") + b"%011o\0%011o\0" % (2048, 512) + bytes(488) + bytes(1024),
        newer(b"2\n0\n512\n1024\n512\n", bytes(1024)),
        older(map=b"1024,512", size=b"4096"),
        older(offset=b"512", numbytes=b"512", size=b"4096"),
    ]
    found += [one + member(b"after", data=b"x") + END for one in sparse]
    first, second, third = random_roots(3, cases=6)
    chance = random.Random(0)
    found += [changeset(first, second, chance), changeset(second, third, chance, tame=False)]
    found.append(
        extended({b"comment": b"c", b"SCHILY.xattr.user.all": b"1"}, b"g")
        + member(b"a/", b"5", mode=0o755)
        + extended({b"path": b"a/b", b"SCHILY.xattr.user.one": b"2", b"mtime": b"1.5", b"size": b"3"})
        + member(b"short", data=b"abc")
        + member(b"a/.wh.c")
        + member(b".wh..wh..opq")
        + member(b"d", b"2", link=b"a")
        + member(b"d/e", data=b"through")
        + member(b".wh..wh.plnk/1", data=b"aufs")
        + member(b"f", b"1", link=b".wh..wh.plnk/1")
        + END
    )
    return found


ARCHIVES = _archives()
NAMES = [
    *(
        b"a",
        b"a/b",
        b"./a",
        b"/a",
        b"../a",
        b"a/../b",
        b"..",
        b".",
        b"./",
        b"",
        b"/",
        b"a/",
        b"a//b",
        b"\xff\xfe",
        b"a\0b",
    ),
    *(
        b".wh.a",
        b".wh.",
        b".wh..",
        b".wh...",
        b".wh..wh..opq",
        b"a/.wh..wh..opq",
        b".wh..wh.plnk/1",
        b".wh.a/b",
        b"etc/x",
    ),
    *(b"x" * 100, b"a/" * 49 + b"b", b"bin/su", b"way/y", b"link", b"cases/1/a", b"cases/2/b/c"),
]
LONG_NAMES = [*NAMES, b"x" * 255, b"x" * 256, b"a/" * 2047 + b"b", b"a/" * 2048, b"../" * 1000, b"y" * 5000]
NUMBERS = [0, 1, 7, 511, 512, 513, 1 << 20, (1 << 31) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, 1 << 70]
# where a header has its fields, and how long they are
FIELDS = {"mode": (100, 8), "uid": (108, 8), "gid": (116, 8), "size": (124, 12), "mtime": (136, 12)}
FIELDS |= {"major": (329, 8), "minor": (337, 8), "real size": (483, 12), "region": (386, 12), "length": (398, 12)}
MAGICS = [b"ustar\x0000", b"ustar  \0", bytes(8), b"ustar\x00  "]
KEYS = [
    *(b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime", b"hdrcharset", b"comment", b"SCHILY.realsize"),
    *(b"SCHILY.xattr.user.x", b"SCHILY.xattr.", b"SCHILY.xattr.security.capability", b"LIBARCHIVE.xattr.user.%41"),
    *(b"SCHILY.acl.access", b"GNU.sparse.major", b"GNU.sparse.minor", b"GNU.sparse.realsize", b"GNU.sparse.size"),
    *(b"GNU.sparse.map", b"GNU.sparse.name", b"GNU.sparse.offset", b"GNU.sparse.numbytes", b"", b"\xff"),
]
VALUES = [
    b"",
    b"0",
    b"1",
    b"-1",
    b"1.5",
    b"512",
    b"0,512",
    b"0,512,1024,512",
    b"9" * 25,
    b"x",
    b"QUJD",
    b"\0",
    *LONG_NAMES,
]


def archive(chance: random.Random) -> bytes:
    """One of the archives, changed in a few places."""
    pieces = [bytearray(each) for each in _cut(chance.choice(ARCHIVES))]
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        chance.choice(_CHANGES)(pieces, chance)
    data = b"".join(pieces)
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.05 else data


def _cut(data: bytes) -> list[bytes]:
    return [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]


def _flip(pieces: list[bytearray], chance: random.Random) -> None:
    piece = chance.choice(pieces)
    piece[chance.randrange(len(piece))] ^= 1 << chance.randrange(8)


def _number(pieces: list[bytearray], chance: random.Random) -> None:
    offset, length = FIELDS[chance.choice(list(FIELDS))]
    value = chance.choice(NUMBERS)
    how = chance.randrange(4)
    if how == 0:
        raw = b"%0*o\0" % (length - 1, value)
    elif how == 1:
        raw = b"\x80" + (value % (1 << 8 * (length - 1))).to_bytes(length - 1, "big")
    elif how == 2:
        raw = (-1 - value % (1 << 8 * (length - 1))).to_bytes(length, "big", signed=True)
    else:
        raw = bytes(chance.choice(b"01789 \0x+-_") for _ in range(length))
    _write(pieces, chance, offset, raw[-length:])


def _name(pieces: list[bytearray], chance: random.Random) -> None:
    offset, length = chance.choice(((0, 100), (157, 100), (345, 155)))
    _write(pieces, chance, offset, chance.choice(NAMES)[:length].ljust(length, b"\0"))


def _flag(pieces: list[bytearray], chance: random.Random) -> None:
    _write(pieces, chance, 156, bytes([chance.choice(b"01234567xgLKSVDMAX\0 Z")]))


def _magic(pieces: list[bytearray], chance: random.Random) -> None:
    _write(pieces, chance, 257, chance.choice(MAGICS))


def _write(pieces: list[bytearray], chance: random.Random, offset: int, raw: bytes) -> None:
    """Write into a block and make its checksum right, as far as it is a header."""
    place = chance.randrange(len(pieces))
    if len(pieces[place]) == BLOCK:
        pieces[place] = bytearray(patched(bytes(pieces[place]), (offset, raw)))


def _insert(pieces: list[bytearray], chance: random.Random) -> None:
    place = chance.randrange(len(pieces) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        records = {chance.choice(KEYS): chance.choice(VALUES) for _ in range(chance.randrange(1, 4))}
        new = extended(records, chance.choice((b"x", b"x", b"g", b"X")))
    elif kind == 1:
        new = member(b"././@LongLink", chance.choice((b"L", b"K")), chance.choice(LONG_NAMES) + b"\0")
    elif kind == 2:
        flag = chance.choice((b"0", b"1", b"2", b"5", b"6", b"3"))
        data = b"new" if flag == b"0" else b""
        name, link = (chance.choice(LONG_NAMES).replace(b"\0", b"~") for _ in range(2))
        new = header(name, flag, Meta(0o755), size=len(data), link=link) + data + bytes(-len(data) % BLOCK)
    elif kind == 3:
        new = bytes(BLOCK * chance.randrange(1, 3))
    else:
        other = _cut(chance.choice(ARCHIVES))
        start = chance.randrange(len(other))
        new = b"".join(other[start : start + chance.randrange(1, 6)])
    pieces[place:place] = [bytearray(each) for each in _cut(new)]


def _drop(pieces: list[bytearray], chance: random.Random) -> None:
    if len(pieces) > 1:
        del pieces[chance.randrange(len(pieces))]


def _repeat(pieces: list[bytearray], chance: random.Random) -> None:
    start = chance.randrange(len(pieces))
    part = [bytearray(each) for each in pieces[start : start + chance.randrange(1, 4)]]
    place = chance.randrange(len(pieces) + 1)
    pieces[place:place] = part


def _swap(pieces: list[bytearray], chance: random.Random) -> None:
    one, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    pieces[one], pieces[other] = pieces[other], pieces[one]


_CHANGES: list[Callable[[list[bytearray], random.Random], None]] = [
    *(_flip, _number, _number, _name, _name, _flag, _magic, _insert, _insert, _drop, _repeat, _swap),
]


# Documents.


def document(value: Any, chance: random.Random) -> bytes:
    """A JSON document with a few of its parts replaced, taken out, repeated or moved; now and then with other bytes."""
    value = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 2, 3))):
        value = _mutated(value, chance)
    data = bytearray(json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass"))
    if chance.random() < 0.1:
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.03:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


def _mutated(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = chance.choice(keys)
        how = chance.randrange(8)
        if how == 0:
            del value[key]
        elif how == 1:
            if isinstance(value, dict):
                value[chance.choice([*_TEXTS, *map(str, keys)])] = value[key]
            else:
                value.extend([value[key]] * chance.choice((1, 2, 50)))
        else:
            value[key] = _mutated(value[key], chance)
        return value
    return _made(chance)


_TEXTS = [
    *(
        "",
        "x",
        "sha256:" + "0" * 64,
        "sha512:" + "0" * 128,
        "md5:0",
        "sha256:../../etc",
        "\0",
        "\ud800",
        "é",
        "x" * 5000,
    ),
    *(
        "linux",
        "amd64",
        "a/b:1",
        "../../x",
        "/etc/passwd",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "0000-00-00",
    ),
    *(
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "text/plain",
        "A=b",
        "=",
        "A",
    ),
    *("mediaType", "size", "digest", "layers", "config", "rootfs", "manifests", "annotations", "platform", "os", "Env"),
]


def _made(chance: random.Random) -> Any:
    kind = chance.randrange(6)
    if kind == 0:
        return chance.choice((None, True, False))
    if kind == 1:
        return chance.choice((0, 1, -1, 2, 1 << 31, 1 << 53, 1 << 63, 1 << 64, -(1 << 63), 10**30, 1.5, -0.0, 1e308))
    if kind in (2, 3):
        return chance.choice(_TEXTS)
    if kind == 4:
        return [_made(chance) for _ in range(chance.randrange(4))]
    deep: Any = chance.choice(_TEXTS)
    for _ in range(chance.choice((1, 2, 600))):
        deep = [deep] if chance.random() < 0.5 else {chance.choice(_TEXTS): deep}
    return deep
