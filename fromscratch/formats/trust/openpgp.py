"""The framing of OpenPGP, RFC 9580: armor, packets, and what a key or signature says about itself.

Nothing here verifies a signature; trusted tools do that (`host.machine.signature`). What is read here only
restricts what they may accept.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.lazy_regex import lazy_regex

_BEGIN_TEXT = b"-----BEGIN PGP SIGNED MESSAGE-----"
_BEGIN_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END_SIGNATURE = b"-----END PGP SIGNATURE-----"
_ARMOR = lazy_regex(
    rb"^-----BEGIN PGP (?P<kind>[A-Z ]+)-----[ \t]*\r?\n"
    rb"(?P<headers>(?:[A-Za-z]++:[^\r\n]*+\r?\n)*+)[ \t]*\r?\n"
    rb"(?P<body>[A-Za-z0-9+/=\s]*?)"
    rb"^-----END PGP (?P=kind)-----[ \t]*\r?$",
    re.MULTILINE,
)
_KEYBOX = b"KBXf"  # at offset 8: GnuPG's own container
_WEAK = {1: "MD5", 2: "SHA-1", 3: "RIPEMD-160"}  # RFC 9580, 9.5: not to be used for signatures


class Tag(IntEnum):
    """The packet types (RFC 9580, 5) that matter here."""

    SIGNATURE = 2
    KEY = 6
    SUBKEY = 14


class Packet(Struct, frozen=True):
    """`raw` is the whole of it, its header too."""

    tag: int
    body: bytes
    raw: bytes


class Signature(Struct, frozen=True):
    """One signature; `issuer` is a fingerprint or a key id in upper-case hex, or empty."""

    raw: bytes
    issuer: str
    weakness: str
    """The name of its hash function if that can be forged, else empty."""
    version: int = 4


class Certificate(Struct, frozen=True):
    """A public key with its subkeys. `expires` is in seconds since 1970, None for never."""

    raw: bytes
    fingerprints: tuple[str, ...]
    expires: int | None

    def may_have_made(self, signature: Signature) -> bool:
        """Whether the signature names one of these keys as its issuer, or no issuer at all."""
        return not signature.issuer or any(each.endswith(signature.issuer) for each in self.fingerprints)


def split_clearsigned(document: bytes) -> tuple[bytes, bytes]:
    """The text that is signed, and the armored signatures (RFC 9580, 7).

    The text is what a verifier hashes: dashes unescaped, blanks at the ends of lines gone, lines
    joined by a line feed, none after the last. Raises FormatError unless the document is one such
    block and nothing else, for what stands around it nobody has signed.
    """
    lines = [line.removesuffix(b"\r") for line in document.strip(b" \t\r\n").split(b"\n")]
    if lines[0].rstrip(b" \t") != _BEGIN_TEXT:
        if any(line.startswith(_BEGIN_TEXT) for line in lines):
            raise FormatError("there is text before the signed text", "nobody has signed it: fetch the file again")
        raise FormatError("there is no signed text in it", "see whether this is the right file")
    try:
        start = next(place for place, line in enumerate(lines) if not line.strip()) + 1
        end = next(place for place, line in enumerate(lines[start:], start) if line.rstrip() == _BEGIN_SIGNATURE)
    except StopIteration:
        raise FormatError("the signed text has no signature", "the file may be cut: fetch it again") from None
    if any(not re.fullmatch(rb"Hash: [A-Za-z0-9, -]+", line.rstrip()) for line in lines[1 : start - 1]):
        raise FormatError("there is text in the header of the signed text", "fetch the file again")
    text = lines[start:end]
    if any(line.startswith(b"-") and not line.startswith(b"- ") for line in text):
        raise FormatError("a line of the signed text starts with an unescaped dash", "fetch the file again")
    signature = [line.rstrip() for line in lines[end:]]
    if _END_SIGNATURE not in signature:
        raise FormatError("its signature is cut", "fetch the file again")
    if signature.index(_END_SIGNATURE) != len(signature) - 1:
        raise FormatError("there is text after the signature", "nobody has signed it: fetch the file again")
    return b"\n".join(line.removeprefix(b"- ").rstrip(b" \t\r") for line in text), b"\n".join(signature) + b"\n"


def dearmored(data: bytes, kind: str = "") -> bytes:
    """The binary form of what may be armored, all blocks of `kind` after each other. Raises FormatError."""
    if b"-----BEGIN PGP" not in data:
        return data
    blocks = [found for found in _ARMOR.finditer(data) if kind in ("", found["kind"].decode())]
    if not blocks:
        raise FormatError(f"there is no whole block of PGP {kind or 'data'} in it", "it may be cut: fetch it again")
    return b"".join(_decoded(found["body"]) for found in blocks)


def packets(data: bytes) -> Iterator[Packet]:
    """Raises FormatError when the data is cut or is not OpenPGP."""
    place = 0
    while place < len(data):
        tag, start, length = _header(data, place)
        if start + length > len(data):
            raise FormatError("the OpenPGP data ends in the middle of a packet", "it may be cut: fetch it again")
        yield Packet(tag, data[start : start + length], data[place : start + length])
        place = start + length


def signatures(data: bytes) -> list[Signature]:
    """Of a detached signature, armored or not. Raises FormatError when anything else is among them."""
    found = []
    for packet in packets(dearmored(data, "SIGNATURE")):
        if packet.tag != Tag.SIGNATURE:
            raise FormatError("there is something else than signatures in it", "see whether this is the right file")
        found.append(_signature(packet))
    return found


def certificates(data: bytes) -> list[Certificate]:
    """Of a keyring, armored or not. Raises FormatError."""
    if data[8:12] == _KEYBOX:
        raise FormatError(
            "it is a keybox, which only GnuPG reads",
            "export its keys: gpg --no-default-keyring --keyring FILE --export > KEYS.gpg",
        )
    groups: list[list[Packet]] = []
    for packet in packets(dearmored(data, "PUBLIC KEY BLOCK")):
        if packet.tag == Tag.KEY:
            groups.append([])
        if not groups:
            raise FormatError("it does not start with a public key", "see whether this is the right file")
        groups[-1].append(packet)
    return [_certificate(group) for group in groups]


def _certificate(group: list[Packet]) -> Certificate:
    keys = [packet for packet in group if packet.tag in (Tag.KEY, Tag.SUBKEY)]
    own = group[: group.index(keys[1])] if len(keys) > 1 else group
    created = int.from_bytes(keys[0].body[1:5], "big")
    latest, lifetime = -1, 0
    for packet in own[1:]:
        # Certifications by itself (0x10-0x13) and its direct signatures (0x1f) tell how long a key lives.
        if packet.tag == Tag.SIGNATURE and packet.body[1:2] in b"\x10\x11\x12\x13\x1f" and packet.body[:1] == b"\x04":
            fields = dict(_subpackets(packet.body))
            issuer = fields.get(33, b"")[1:] or fields.get(16, b"")
            when = int.from_bytes(fields.get(2, b""), "big")
            if issuer and _fingerprint(keys[0]).endswith(issuer.hex().upper()) and when >= latest:
                latest, lifetime = when, int.from_bytes(fields.get(9, b""), "big")
    fingerprints = tuple(_fingerprint(key) for key in keys)
    return Certificate(b"".join(packet.raw for packet in group), fingerprints, created + lifetime if lifetime else None)


def _fingerprint(key: Packet) -> str:
    """RFC 9580, 5.5.4."""
    size = len(key.body)
    if key.body[:1] == b"\x06":
        return hashlib.sha256(b"\x9b" + size.to_bytes(4, "big") + key.body).hexdigest().upper()
    return hashlib.sha1(b"\x99" + size.to_bytes(2, "big") + key.body).hexdigest().upper()  # noqa: S324  # by the standard


def _signature(packet: Packet) -> Signature:
    body = packet.body
    if body[:1] == b"\x03":  # the form of before 1998 (RFC 9580, 5.2.2), which has its fields at fixed places
        return Signature(packet.raw, body[7:15].hex().upper(), _WEAK.get(int.from_bytes(body[16:17]), ""), 3)
    fields = dict(_subpackets(body))
    issuer = fields.get(33, b"")[1:] or fields.get(16, b"")
    return Signature(packet.raw, issuer.hex().upper(), _WEAK.get(int.from_bytes(body[3:4]), ""), body[0] if body else 0)


def _subpackets(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of the fields of a version 4 or 6 signature (RFC 9580, 5.2.3), the hashed ones last."""
    if body[:1] not in (b"\x04", b"\x06"):
        return
    width = 2 if body[0] == 4 else 4
    areas, place = [], 4
    for _ in range(2):
        size = int.from_bytes(body[place : place + width], "big")
        areas.append(body[place + width : place + width + size])
        place += width + size
    for area in reversed(areas):
        place = 0
        while place < len(area):
            length, start = _subpacket_length(area, place)
            if length:
                yield area[start] & 0x7F if start < len(area) else 0, area[start + 1 : start + length]
            place = start + length


def _subpacket_length(area: bytes, place: int) -> tuple[int, int]:
    first = area[place]
    if first < 192:
        return first, place + 1
    if first < 255:
        return ((first - 192) << 8) + int.from_bytes(area[place + 1 : place + 2], "big") + 192, place + 2
    return int.from_bytes(area[place + 1 : place + 5], "big"), place + 5


def _header(data: bytes, place: int) -> tuple[int, int, int]:
    """The tag of the packet at `place`, where its body starts, and how long that is (RFC 9580, 4.2)."""
    first = data[place]
    if not first & 0x80:
        raise FormatError("these bytes are not OpenPGP data", "see whether this is the right file")
    if first & 0x40:
        if place + 1 == len(data):
            raise FormatError("the OpenPGP data ends in the middle of a packet", "it may be cut: fetch it again")
        if 0xE0 <= data[place + 1] < 0xFF:
            raise FormatError(
                "the OpenPGP data has a packet in pieces", "keys and signatures have none: fetch it again"
            )
        length, start = _subpacket_length(data, place + 1)
        return first & 0x3F, start, length
    kind = first & 3
    if kind == 3:
        raise FormatError("the OpenPGP data has a packet of unknown length", "fetch it again")
    width = 1 << kind
    return (first >> 2) & 15, place + 1 + width, int.from_bytes(data[place + 1 : place + 1 + width], "big")


def _decoded(body: bytes) -> bytes:
    lines = body.split()
    if lines and lines[-1].startswith(b"=") and len(lines[-1]) == 5:  # the checksum, which RFC 9580 lets one ignore
        lines.pop()
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error as error:
        raise FormatError("the armor is damaged", "fetch it again") from error
