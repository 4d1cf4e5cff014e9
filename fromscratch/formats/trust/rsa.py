"""RSA signatures, verified only: RSASSA-PKCS1-v1_5 of RFC 8017, 8.2.2. Nothing here is secret, so no care is needed.

The whole encoded message is made and compared, as the RFC says: taking signatures apart instead lets forged ones pass.
"""

import base64
import binascii
import hashlib
from typing import Literal

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.trust.der import items
from fromscratch.lazy_regex import lazy_regex

_PEM = lazy_regex(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----")
_RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")
_INTEGER, _BIT_STRING = 2, 3
_SHORTEST, _LONGEST = 1024, 16384
# The DigestInfo that stands before a digest: RFC 8017, 9.2, note 1.
_DIGEST_INFO = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
Hash = Literal["sha1", "sha256", "sha512"]


class PublicKey(Struct, frozen=True):
    """A key to verify with."""

    modulus: int
    exponent: int

    @property
    def bits(self) -> int:
        return self.modulus.bit_length()


def public_key(pem: bytes, what: str) -> PublicKey:
    """The key in a PEM file, as `openssl rsa -pubout` writes it. Raises FormatError."""
    advice = "it has to be an RSA public key in PEM, as `openssl rsa -pubout` writes it"
    found = _PEM.search(pem)
    if found is None:
        raise FormatError(f"{what} is not a public key", advice)
    try:
        [(_, whole, _)] = items(base64.b64decode(b"".join(found[1].split()), validate=True))
        (_, algorithm, _), (tag, bits, _) = items(whole)
        if next(items(algorithm))[2] != _RSA_ENCRYPTION or tag != _BIT_STRING or bits[:1] != b"\0":
            raise FormatError(f"{what} is a key of another kind than RSA", advice)
        [(_, pair, _)] = items(bits[1:])
        (first, modulus, _), (second, exponent, _) = items(pair)
    except (binascii.Error, IndexError, ValueError, StopIteration) as error:
        raise FormatError(f"{what} is a damaged public key", advice) from error
    key = PublicKey(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
    if (first, second) != (_INTEGER, _INTEGER) or not _SHORTEST <= key.bits <= _LONGEST:
        raise FormatError(f"{what} is a key of {key.bits} bits", f"{_SHORTEST} to {_LONGEST} are usable")
    if not (3 <= key.exponent < 1 << 33 and key.exponent % 2):
        raise FormatError(f"{what} is a key with an unusable exponent", advice)
    return key


def verifies(key: PublicKey, signature: bytes, algorithm: Hash, digest: bytes) -> bool:
    """Whether `signature` is the key's, of what has this digest."""
    length = (key.bits + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != length or number >= key.modulus:
        return False
    info = _DIGEST_INFO[algorithm] + digest
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size or length < len(info) + 11:
        return False
    encoded = b"\0\1" + b"\xff" * (length - len(info) - 3) + b"\0" + info
    return pow(number, key.exponent, key.modulus).to_bytes(length, "big") == encoded
