"""Packages of RPM made from nothing, as rpmbuild makes them: header, payload, digests, and a signature if asked."""

import bz2
import gzip
import hashlib
import lzma
import stat
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import zstandard
from msgspec import Struct

_INT8, _INT16, _INT32, _INT64, _STRING, _BINARY, _STRINGS = 2, 3, 4, 5, 6, 7, 8
_CODES = {_INT8: "B", _INT16: "H", _INT32: "I", _INT64: "Q"}
MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
_SENSES = {"<": 2, ">": 4, "=": 8, "<=": 10, ">=": 12, "": 0}


class Made(Struct, frozen=True, kw_only=True):
    """A file of a package; `link` is the target of a symlink, `same_as` another path of the same inode."""

    data: bytes = b""
    mode: int = 0o100644
    user: str = "root"
    group: str = "root"
    flags: int = 0
    capabilities: str = ""
    link: str = ""
    same_as: str = ""
    rdev: int = 0


def directory(mode: int = 0o755, user: str = "root", group: str = "root") -> Made:
    return Made(mode=stat.S_IFDIR | mode, user=user, group=group)


def program(data: bytes, **more: Any) -> Made:
    return Made(data=data, mode=0o100755, **more)


def symlink(target: str) -> Made:
    return Made(mode=0o120777, link=target)


def header(values: Sequence[tuple[int, int, Any]], *, region: int = 0) -> bytes:
    """A header without its magic number, of tags, types and values, in the order of the tags."""
    entries, data = b"", b""
    for tag, kind, value in sorted(values, key=lambda each: each[0]):
        data += bytes(-len(data) % {_INT16: 2, _INT32: 4, _INT64: 8}.get(kind, 1))
        entries += struct.pack(">IIII", tag, kind, len(data), 1 if kind == _STRING else len(value))
        if kind in _CODES:
            data += struct.pack(f">{len(value)}{_CODES[kind]}", *value)
        elif kind == _BINARY:
            data += value
        else:
            data += b"".join(text.encode() + b"\0" for text in ([value] if kind == _STRING else value))
    count = len(values)
    if region:
        count += 1
        entries = struct.pack(">IIII", region, _BINARY, len(data), 16) + entries
        data += struct.pack(">IIiI", region, _BINARY, -16 * count, 16)
    return struct.pack(">II", count, len(data)) + entries + data


def package(
    name: str,
    files: Mapping[str, Made | bytes] | None = None,
    *,
    version: str = "1.0",
    release: str = "1",
    epoch: int | None = None,
    arch: str = "x86_64",
    compressor: str = "gzip",
    stripped: bool = False,
    relations: Mapping[str, Sequence[str]] | None = None,
    scripts: Mapping[int, str] | None = None,
    more: Sequence[tuple[int, int, Any]] = (),
    signer: Any = None,
    whole_signature: bool = False,
    modified: Any = None,
) -> bytes:
    """A package; `relations` has texts such as `libc >= 2` by the words requires, provides, conflicts and so on.

    `more` are further tags, each with its type and value. `signer` signs as pysequoia does; `modified` changes the
    payload after its digest was taken.
    """
    shown = {path: file if isinstance(file, Made) else Made(data=file) for path, file in sorted((files or {}).items())}
    payload = packed(cpio(shown, stripped=stripped), compressor)
    values: list[tuple[int, int, Any]] = [
        (1000, _STRING, name), (1001, _STRING, version), (1002, _STRING, release), (1004, _STRING, f"{name} package"),
        (1006, _INT32, [1_700_000_000]), (1014, _STRING, "MIT"), (1016, _STRING, "Unspecified"),
        (1021, _STRING, "linux"), (1022, _STRING, arch), (1044, _STRING, f"{name}-{version}-{release}.src.rpm"),
        (1124, _STRING, "cpio"), (5092, _STRINGS, [hashlib.sha256(payload).hexdigest()]), (5093, _INT32, [8]),
    ]  # fmt: skip
    if compressor != "none":
        values.append((1125, _STRING, compressor))
    if epoch is not None:
        values.append((1003, _INT32, [epoch]))
    values += [(tag, _STRING, text) for tag, text in (scripts or {}).items()]
    values += _of_relations(
        {
            **(relations or {}),
            "provides": [f"{name} = {_evr(epoch, version, release)}", *(relations or {}).get("provides", ())],
        }
    )
    values += [*_of_files(shown), *more]
    raw = MAGIC + header(values, region=63)
    changed = payload if modified is None else modified(payload)
    signature = [(273, _STRING, hashlib.sha256(raw).hexdigest()), (1000, _INT32, [len(raw) + len(payload)])]
    if signer is not None and whole_signature:
        signature.append((1002, _BINARY, signed(signer, raw + payload)))
    elif signer is not None:
        signature.append((268, _BINARY, signed(signer, raw)))
    second = MAGIC + header(signature, region=62)
    lead = b"\xed\xab\xee\xdb\3\0" + bytes(70) + b"\0\1\0\5" + bytes(16)
    return lead + second + bytes(-len(second) % 8) + raw + changed


def resigned(raw: bytes, values: Sequence[tuple[int, int, Any]]) -> bytes:
    """The package with another signature header, of these tags, types and values."""
    start = raw.index(MAGIC, 100)
    second = MAGIC + header(values, region=62)
    return raw[:96] + second + bytes(-len(second) % 8) + raw[start:]


def signed(signer: Any, data: bytes) -> bytes:
    import pysequoia

    from fromscratch.formats.trust.openpgp import dearmored

    return dearmored(bytes(pysequoia.sign(signer, data, mode=pysequoia.SignatureMode.DETACHED)))


def packed(plain: bytes, compressor: str) -> bytes:
    match compressor:
        case "gzip":
            return gzip.compress(plain, mtime=0)
        case "bzip2":
            return bz2.compress(plain)
        case "xz":
            return lzma.compress(plain)
        case "lzma":
            return lzma.compress(plain, format=lzma.FORMAT_ALONE)
        case "zstd":
            return zstandard.ZstdCompressor().compress(plain)
    return plain


def cpio(files: Mapping[str, Made], *, stripped: bool = False) -> bytes:
    """The payload; of hard links the last has the bytes, as rpmbuild writes them."""
    out = b""
    groups: dict[str, list[str]] = {}
    for path, file in files.items():
        groups.setdefault(file.same_as or path, []).append(path)
    for index, (path, file) in enumerate(files.items()):
        if file.flags & 64:
            continue
        group = groups[file.same_as or path]
        data = file.link.encode() or (files[group[0]].data if path == group[-1] else b"")
        if stripped:
            out += b"07070X%08x" % index
        else:
            name = b"." + path.encode() + b"\0"
            fields = (index + 1, file.mode, 0, 0, len(group), 1, len(data), 0, 0, 0, 0, len(name), 0)
            out += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    if not files:
        return b""
    name = b"TRAILER!!!\0"
    out += b"070701" + b"".join(b"%08x" % field for field in (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(name), 0)) + name
    return out + bytes(-len(out) % 4)


def _of_files(files: Mapping[str, Made]) -> list[tuple[int, int, Any]]:
    if not files:
        return []
    folders = list(dict.fromkeys(path.rpartition("/")[0] + "/" for path in files))
    first = {file.same_as or path: index for index, (path, file) in reversed([*enumerate(files.items())])}

    def whole(path: str) -> Made:
        return files[files[path].same_as or path]

    regular = {path: stat.S_ISREG(file.mode) for path, file in files.items()}
    found: list[tuple[int, int, Any]] = [
        (1028, _INT32, [len(whole(path).data or whole(path).link.encode()) for path in files]),
        (1030, _INT16, [file.mode for file in files.values()]),
        (1033, _INT16, [file.rdev for file in files.values()]),
        (1034, _INT32, [1_700_000_000 for _ in files]),
        (1035, _STRINGS, [hashlib.sha256(whole(path).data).hexdigest() if regular[path] else "" for path in files]),
        (1036, _STRINGS, [file.link for file in files.values()]),
        (1037, _INT32, [file.flags for file in files.values()]),
        (1039, _STRINGS, [file.user for file in files.values()]),
        (1040, _STRINGS, [file.group for file in files.values()]),
        (1095, _INT32, [1 for _ in files]),
        (1096, _INT32, [1 + first[file.same_as or path] for path, file in files.items()]),
        (1097, _STRINGS, ["" for _ in files]),
        (1116, _INT32, [folders.index(path.rpartition("/")[0] + "/") for path in files]),
        (1117, _STRINGS, [path.rpartition("/")[2] for path in files]),
        (1118, _STRINGS, folders),
        (5011, _INT32, [8]),
    ]
    if any(file.capabilities for file in files.values()):
        found.append((5010, _STRINGS, [file.capabilities for file in files.values()]))
    return found


_RELATIONS = {
    "provides": (1047, 1112, 1113), "requires": (1049, 1048, 1050), "conflicts": (1054, 1053, 1055),
    "obsoletes": (1090, 1114, 1115), "recommends": (5046, 5048, 5047), "suggests": (5049, 5051, 5050),
    "supplements": (5052, 5054, 5053), "enhances": (5055, 5057, 5056),
}  # fmt: skip


def _of_relations(relations: Mapping[str, Sequence[str]]) -> list[tuple[int, int, Any]]:
    found: list[tuple[int, int, Any]] = []
    for word, texts in relations.items():
        names, flags, versions = _RELATIONS[word]
        parsed = [relation(text) for text in texts]
        if parsed:
            found.append((names, _STRINGS, [name for name, _, _ in parsed]))
            found.append((flags, _INT32, [_SENSES[sense] for _, sense, _ in parsed]))
            found.append((versions, _STRINGS, [evr for _, _, evr in parsed]))
    return found


def relation(text: str) -> tuple[str, str, str]:
    """Name, comparison and version of a text; a rich one is all name."""
    parts = text.split(" ")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and not text.startswith("(") else (text, "", "")


def _evr(epoch: int | None, version: str, release: str) -> str:
    return (f"{epoch}:" if epoch else "") + f"{version}-{release}"
