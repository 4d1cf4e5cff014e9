"""Binary packages of RPM, versions 3, 4 and 6: rpm's docs, "RPM v4 file format" and "RPM v6".

A lead of 96 bytes, which means nothing any more; the signature header, padded to eight bytes; the header; the payload.
A package is untrusted bytes: whatever is wrong with it becomes a FormatError that names the file. Nothing of it is run.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from fromscratch.errors import FormatError, IntegrityError
from fromscratch.formats.packing import decompress as compression
from fromscratch.formats.rpm.header import ENTRY, MOST_DATA, MOST_ENTRIES, START, Header
from fromscratch.formats.rpm.tags import SignatureTag, Tag
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.content import ArchiveMember
from fromscratch.regular_file import open_buffered

_LEAD, _LEAD_MAGIC = 96, b"\xed\xab\xee\xdb"
_MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
_LZMA = b"\x5d\0\0"
_PIECE = 1 << 20
_HINT = "the file may be cut or damaged: remove it and run fetch again"
# RFC 9580, 9.5, which RPM counts hash functions by.
HASHES = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224", 12: "sha3_256", 14: "sha3_512"}


class Parts(Struct, frozen=True):
    """A package taken apart: `raw_header` is the header with its magic number, as signatures cover it; the payload
    stands at `payload`, and the header at `start`."""

    shown: str
    signature: Header
    header: Header
    raw_header: bytes
    start: int
    payload: int
    size: int

    @property
    def name(self) -> str:
        return self.header.text(Tag.NAME)


def parts(package: Path, shown: str = "") -> Parts:
    """Take a package apart; `shown` is what messages call the file. Raises FormatError."""
    shown = shown or package.name
    with open_buffered(package) as stream:
        if stream.read(_LEAD)[: len(_LEAD_MAGIC)] != _LEAD_MAGIC:
            raise FormatError(f"{shown} is not an RPM package: it does not begin as one", _HINT)
        raw_signature = _raw_header(stream, f"the signature header of {shown}")
        stream.seek(-len(raw_signature) % 8, os.SEEK_CUR)
        start = stream.tell()
        raw_header = _raw_header(stream, f"the header of {shown}")
        payload = stream.tell()
        size = os.fstat(stream.fileno()).st_size
    signature = Header(raw_signature[len(_MAGIC) :], f"the signature header of {shown}")
    header = Header(raw_header[len(_MAGIC) :], f"the header of {shown}")
    if not header.text(Tag.NAME) or not header.text(Tag.VERSION):
        raise header.damaged("it has no name or no version")
    return Parts(shown, signature, header, raw_header, start, payload, size)


def _raw_header(stream: BinaryIO, what: str) -> bytes:
    begin = stream.read(len(_MAGIC) + START.size)
    if len(begin) < len(_MAGIC) + START.size or not begin.startswith(_MAGIC):
        raise FormatError(f"{what} is damaged: it does not begin as one", _HINT)
    count, size = START.unpack_from(begin, len(_MAGIC))
    if count > MOST_ENTRIES or size > MOST_DATA:
        raise FormatError(f"{what} is damaged: it would have {count} entries and {size} bytes of data", _HINT)
    rest = stream.read(count * ENTRY.size + size)
    if len(rest) < count * ENTRY.size + size:
        raise FormatError(f"{what} is damaged: it is cut", _HINT)
    return begin + rest


def check_digests(package: Path, found: Parts) -> None:
    """Compare the digests that the package has of itself: they find damage. Raises IntegrityError.

    Whoever changes a package changes them too; only signatures, and digests from elsewhere, find that.
    """
    signature = found.signature
    for tag, algorithm in (
        (SignatureTag.SHA3_256_HEADER, "sha3_256"),
        (SignatureTag.SHA256_HEADER, "sha256"),
        (SignatureTag.SHA1_HEADER, "sha1"),
    ):
        expected = signature.text(tag)
        if expected and hashlib.new(algorithm, found.raw_header, usedforsecurity=False).hexdigest() != expected.lower():
            raise IntegrityError(f"{found.shown}: its header does not have the {algorithm} that it should have", _HINT)
    check_payload(package, found)
    expected = signature.binary(SignatureTag.MD5).hex()
    if expected and _hash_from(package, found.start, "md5") != expected:
        raise IntegrityError(f"{found.shown}: header and payload do not have the md5 that they should have", _HINT)


def check_payload(package: Path, found: Parts) -> bool:
    """Whether the header says what the payload is, as a signature may cover it. Raises IntegrityError if it differs."""
    digests = [(Tag.PAYLOAD_SHA512, "sha512"), (Tag.PAYLOAD_SHA3_256, "sha3_256")]
    algorithm = HASHES.get(found.header.number(Tag.PAYLOAD_DIGEST_ALGORITHM) or 8, "")
    for tag, name in [(Tag.PAYLOAD_SHA256, algorithm), *digests]:
        expected = found.header.text(tag)
        if expected and name not in ("", "md5", "sha1"):
            if _hash_from(package, found.payload, name) != expected.lower():
                raise IntegrityError(f"{found.shown}: its payload does not have the {name} that it should have", _HINT)
            return True
    return False


def _hash_from(package: Path, start: int, algorithm: str) -> str:
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    with open_buffered(package) as stream:
        stream.seek(start)
        while piece := stream.read(_PIECE):
            hasher.update(piece)
    return hasher.hexdigest()


def expand_payload(package: Path, target: Path, shown: str = "", limits: Limits = DEFAULT_LIMITS) -> None:
    """Write the payload, a cpio archive, uncompressed to `target`. Raises FormatError, TooLarge."""
    found = parts(package, shown)
    form = found.header.text(Tag.PAYLOAD_FORMAT)
    if form not in ("", "cpio"):
        raise FormatError(
            f"{found.shown} has a payload of the form {form}", "only cpio is read: take the whole package"
        )
    with open(target, "wb") as out:
        bounded = limits.for_blob(found.size).bounded(_expanded(package, found), found.shown)
        out.writelines(bounded)


def _expanded(package: Path, found: Parts) -> Iterator[bytes]:
    size = found.size - found.payload
    with ArchiveMember(package, found.payload, size).open() as packed:
        start = packed.read(compression.MAGIC)
        packed.seek(0)
        kind: compression.Compression = "xz" if start.startswith(_LZMA) else compression.kind_of(start)
        if not size:
            return
        try:
            yield from compression.pieces(packed, kind)
        except compression.DamagedData as error:
            raise FormatError(f"{found.shown}: its payload cannot be decompressed: {error}", _HINT) from error
