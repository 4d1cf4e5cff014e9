"""Certificates of authorities in p11-kit's own form, as Fedora, RHEL and openSUSE ship them: *.trust.p11-kit.

Sections of `name: value` lines, each with a block of PEM: a certificate, or the public key of one that an attached
extension is about, such as what it may be used for (RFC 5280, 4.2.1.12).
"""

import base64
import binascii
import re
from collections.abc import Iterator

from msgspec import Struct

from fromscratch.lazy_regex import lazy_regex
from fromscratch.paths import encode

_BLOCK = lazy_regex(
    r"-----BEGIN (?P<kind>CERTIFICATE|TRUSTED CERTIFICATE|PUBLIC KEY)-----\n"
    r"(?P<body>[A-Za-z0-9+/=\s]*?)-----END (?P=kind)-----"
)
_FIELD = lazy_regex(r"^([a-z0-9-]+):[ \t]*(.*)$", re.MULTILINE)
_SECTION = "[p11-kit-object-v1]"
_MOST_SECTIONS = 4096
_USAGE, _TRUE = "2.5.29.37", "true"
SERVER, CODE, MAIL = (bytes.fromhex("06082b060105050703") + bytes((number,)) for number in (1, 3, 4))
"""The object identifiers of purposes, as DER has them: TLS servers, code signing, and protection of mail."""


class Anchor(Struct, frozen=True):
    """A trusted authority; `usage` is the DER of what it may be used for, empty for everything."""

    label: str
    pem: str
    usage: bytes = b""

    def serves(self, purpose: bytes) -> bool:
        return not self.usage or purpose in self.usage


def anchors(text: str) -> list[Anchor]:
    """The authorities that are trusted, in their order. What cannot be read is passed over, as p11-kit does."""
    found: list[tuple[str, str, bytes]] = []
    usages: dict[bytes, bytes] = {}
    for section in text.split(_SECTION, _MOST_SECTIONS)[1:]:
        block = _BLOCK.search(section)
        fields = dict(_FIELD.findall(section[: block.start()] if block else section))
        der = _decoded(block["body"]) if block else b""
        if not block or not der:
            continue
        if block["kind"] == "PUBLIC KEY":
            if fields.get("object-id", "").strip('"') == _USAGE:
                usages[der] = _unquoted(fields.get("value", ""))
        elif fields.get("trusted") == _TRUE and fields.get("x-distrusted") != _TRUE:
            label = _unquoted(fields.get("label", "")).decode("utf-8", "replace")
            found.append((label, _pem(der), der))
    return [
        Anchor(label, pem, next((usage for key, usage in usages.items() if key in der), b""))
        for label, pem, der in found
    ]


def plain_anchors(text: str) -> Iterator[Anchor]:
    """The certificates of a file of plain PEM, as administrators put them into a folder of anchors."""
    for block in _BLOCK.finditer(text):
        if block["kind"] == "CERTIFICATE" and (der := _decoded(block["body"])):
            yield Anchor("", _pem(der))


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        return b""


def _pem(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = (text[start : start + 64] for start in range(0, len(text), 64))
    return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----\n"))


def _unquoted(value: str) -> bytes:
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(encode(value.strip().strip('"')))
