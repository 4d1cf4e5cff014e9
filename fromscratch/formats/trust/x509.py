"""The hash by which OpenSSL looks up a certificate in a folder: openssl-rehash(1), without "-compat".

It is made of the certificate's subject (RFC 5280, 4.1.2.6) in a canonical form: every text as
UTF-8, in lower case (ASCII letters only), without blanks at its ends and with single blanks inside.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator

from fromscratch.errors import FormatError
from fromscratch.formats.trust.der import items
from fromscratch.lazy_regex import lazy_regex

_PEM = lazy_regex(rb"-----(BEGIN|END) (?:TRUSTED )?CERTIFICATE-----")
_SEQUENCE, _SET, _UTF8 = 0x30, 0x31, 0x0C
_VERSION = 0xA0
# The string types of X.680 that are canonicalised, and the encoding of each.
_TEXTS = {0x0C: "utf-8", 0x13: "latin-1", 0x14: "latin-1", 0x16: "latin-1", 0x1A: "latin-1"}
_WIDE_TEXTS = {0x1C: "utf-32-be", 0x1E: "utf-16-be"}
_BLANKS = lazy_regex(rb"[ \t\n\v\f\r]+")


def certificates(pem: bytes) -> list[bytes]:
    """The DER bytes of every certificate in a PEM file. Raises FormatError."""
    try:
        return [base64.b64decode(block) for block in _blocks(pem)]
    except binascii.Error as error:
        raise FormatError(f"a certificate is not PEM: {error}", "leave the file out or make it again") from error


def _blocks(pem: bytes) -> Iterator[bytes]:
    """What stands between the first of several beginnings and the end behind it, in one pass."""
    start: int | None = None
    for mark in _PEM.finditer(pem):
        if mark[1] == b"END":
            if start is not None:
                yield pem[start : mark.start()]
            start = None
        elif start is None:
            start = mark.end()


def subject_hash(certificate: bytes) -> str:
    """Eight hexadecimal digits for a DER certificate, as `openssl x509 -subject_hash` prints. Raises FormatError."""
    try:
        canonical = b"".join(_canonical(name) for _, name, _ in items(_subject(certificate)))
    except (IndexError, StopIteration, UnicodeDecodeError, ValueError) as error:
        raise FormatError("a certificate is damaged", "leave the file out or make it again") from error
    return f"{int.from_bytes(hashlib.sha1(canonical, usedforsecurity=False).digest()[:4], 'little'):08x}"


def _subject(certificate: bytes) -> bytes:
    _, whole, _ = next(items(certificate))
    _, signed, _ = next(items(whole))
    fields = [(tag, value) for tag, value, _ in items(signed)]
    if fields[0][0] == _VERSION:
        del fields[0]
    return fields[4][1]  # behind serial number, signature, issuer and validity


def _canonical(relative_name: bytes) -> bytes:
    """A SET of type and value pairs, sorted as DER wants a set to be."""
    pairs = []
    for _, pair, _ in items(relative_name):
        (_, _, oid), (tag, value, raw) = items(pair)
        encoding = _TEXTS.get(tag) or _WIDE_TEXTS.get(tag)
        pairs.append(_item(_SEQUENCE, oid + (_item(_UTF8, _plain(value.decode(encoding))) if encoding else raw)))
    return _item(_SET, b"".join(sorted(pairs)))


def _plain(text: str) -> bytes:
    return _BLANKS.sub(b" ", text.encode("utf-8").strip(b" \t\n\v\f\r")).lower()


def _item(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content
