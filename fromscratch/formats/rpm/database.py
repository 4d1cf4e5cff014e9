"""The database of RPM for packages that were never installed by it: what rpm would have recorded of each."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from fromscratch.formats.rpm.header import ENTRY, START, Header
from fromscratch.formats.rpm.package import Parts
from fromscratch.formats.rpm.tags import SignatureTag, Tag
from fromscratch.lazy_regex import lazy_regex

_CHARACTER, _INT32, _STRING, _BINARY, _STRINGS = 1, 4, 6, 7, 8
_NORMAL, _NOT_INSTALLED = 0, 2  # rpmfileState
# The tables by which rpm finds packages, and the tag that each has the values of: rpm's lib/backend/dbi.c.
_TABLES = {
    "Name": Tag.NAME, "Basenames": Tag.BASE_NAMES, "Group": Tag.GROUP, "Requirename": Tag.REQUIRE_NAME,
    "Providename": Tag.PROVIDE_NAME, "Conflictname": Tag.CONFLICT_NAME, "Obsoletename": Tag.OBSOLETE_NAME,
    "Triggername": Tag.TRIGGER_NAME, "Dirnames": Tag.DIR_NAMES, "Sha1header": Tag.SHA1_HEADER,
    "Filetriggername": Tag.FILE_TRIGGER_NAME, "Transfiletriggername": Tag.TRANSACTION_FILE_TRIGGER_NAME,
    "Recommendname": Tag.RECOMMEND_NAME, "Suggestname": Tag.SUGGEST_NAME, "Supplementname": Tag.SUPPLEMENT_NAME,
    "Enhancename": Tag.ENHANCE_NAME,
}  # fmt: skip
_INSTALL_PREREQUISITE = (1 << 8) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12)  # RPMSENSE_SCRIPT_*, PREREQ
_AT_RUN_TIME = 1 << 14  # RPMSENSE_FIND_REQUIRES
_CONDITIONS, _CONNECTIONS = frozenset({"if", "unless"}), frozenset({"and", "or", "else", "with", "without"})
_PARTS = lazy_regex(r"[^\s()]+(?:\([^()\s]*\))*|[()]")
_COPIED = {  # from the signature header: its tag, the one in the database, the type
    SignatureTag.DSA_HEADER: (Tag.DSA_HEADER, _BINARY),
    SignatureTag.RSA_HEADER: (Tag.RSA_HEADER, _BINARY),
    SignatureTag.SHA1_HEADER: (Tag.SHA1_HEADER, _STRING),
    SignatureTag.SHA256_HEADER: (Tag.SHA256_HEADER, _STRING),
    SignatureTag.OPENPGP: (Tag.OPENPGP, _STRINGS),
    SignatureTag.SHA3_256_HEADER: (Tag.SHA3_256_HEADER, _STRING),
    SignatureTag.MD5: (Tag.SIGNATURE_MD5, _BINARY),
}


class Record(Struct, frozen=True):
    """A package as the database has it: its header, and what it is found by."""

    header: bytes
    keys: Mapping[str, Sequence[tuple[Any, int]]]
    """By the name of a table, each key and the index of its value in the header."""


def record(found: Parts, *, without: frozenset[int] = frozenset()) -> Record:
    """What rpm records of an installed package; `without` are indexes of files that were left out on purpose.

    The time of installation is the one at which the package was built, so that the same packages give the same bytes.
    """
    count = len(found.header.texts(Tag.BASE_NAMES)) or len(found.header.texts(Tag.OLD_FILE_NAMES))
    moment = found.header.number(Tag.BUILD_TIME) or 0
    added: list[tuple[int, int, bytes, int]] = [
        (Tag.INSTALL_TIME, _INT32, struct.pack(">I", moment), 1),
        (Tag.INSTALL_COLOR, _INT32, struct.pack(">I", 0), 1),
        (Tag.INSTALL_TID, _INT32, struct.pack(">I", moment), 1),
    ]
    if count:
        states = bytes(_NOT_INSTALLED if index in without else _NORMAL for index in range(count))
        added.append((Tag.FILE_STATES, _CHARACTER, states, count))
    added += _of_signature(found.signature)
    blob = _extended(found.raw_header[8:], sorted(added))
    return Record(blob, keys(blob))


def _of_signature(signature: Header) -> Iterator[tuple[int, int, bytes, int]]:
    size = signature.number(SignatureTag.SIZE)
    if size is not None:
        yield Tag.SIGNATURE_SIZE, _INT32, struct.pack(">I", size & 0xFFFFFFFF), 1
    expanded = signature.number(SignatureTag.PAYLOAD_SIZE)
    if expanded is not None:
        yield Tag.ARCHIVE_SIZE, _INT32, struct.pack(">I", expanded & 0xFFFFFFFF), 1
    for source, (target, kind) in _COPIED.items():
        if kind == _BINARY:
            data = signature.binary(source)
            count = len(data)
        else:
            texts = signature.texts(source)
            data, count = b"".join(text.encode("utf-8", "surrogateescape") + b"\0" for text in texts), len(texts)
        if data:
            yield target, kind, data, count


def _extended(blob: bytes, added: Sequence[tuple[int, int, bytes, int]]) -> bytes:
    """A header with entries behind those that were signed, as rpm adds them."""
    count, size = START.unpack_from(blob)
    start = START.size + count * ENTRY.size
    entries, data = blob[START.size : start], blob[start : start + size]
    for tag, kind, value, values in added:
        data += bytes(-len(data) % (4 if kind == _INT32 else 1))
        entries += ENTRY.pack(tag, kind, len(data), values)
        data += value
    return START.pack(count + len(added), len(data)) + entries + data


def keys(blob: bytes) -> dict[str, list[tuple[Any, int]]]:
    """What a header of the database is found by. Raises FormatError."""
    header = Header(blob)
    found: dict[str, list[tuple[Any, int]]] = {}
    flags = header.numbers(Tag.REQUIRE_FLAGS)
    for table, tag in _TABLES.items():
        seen = set()
        for index, value in enumerate(header.texts(tag)):
            if tag == Tag.REQUIRE_NAME and _is_of_installation(value, flags[index] if index < len(flags) else 0):
                continue
            if tag == Tag.TRIGGER_NAME and value in seen:
                continue
            seen.add(value)
            found.setdefault(table, []).extend((name, index) for name in _names_in(value))
    found["Installtid"] = [(struct.pack("<I", header.number(Tag.INSTALL_TID) or 0), 0)]
    if md5 := header.binary(Tag.SIGNATURE_MD5):
        found["Sigmd5"] = [(md5, 0)]
    return found


def _names_in(relation: str) -> Iterator[str]:
    """What a relation is found by: a rich one by each name in it, those of conditions with an exclamation mark."""
    yield relation
    if not relation.startswith("("):
        return
    seen = set()
    mark = ""
    operand = True
    for word in _PARTS.findall(relation):
        if word in ("(", ")"):
            continue
        if word in _CONDITIONS or word in _CONNECTIONS:
            mark, operand = "!" if word in _CONDITIONS else "", True
        elif operand and mark + word not in seen:
            seen.add(mark + word)
            yield mark + word
            operand = False


def _is_of_installation(requirement: str, flags: int) -> bool:
    """Whether only the installation needs what is required."""
    is_prerequisite = bool(flags & _INSTALL_PREREQUISITE) and not flags & _AT_RUN_TIME
    return is_prerequisite or requirement.startswith("rpmlib(")
