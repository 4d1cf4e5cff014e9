"""The OpenPGP signatures of a package, and what each covers: the header alone, or the payload with it.

Packages have them in their signature header: of the header since RPM 4 (tags RSA and DSA, whatever the algorithm is),
of both before (PGP and GPG), and any number of them in base64 since RPM 6 (OPENPGP).
"""

import base64
import binascii

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.rpm.package import HASHES, Parts
from fromscratch.formats.rpm.tags import SignatureTag, Tag

_STRONG = frozenset({"sha256", "sha384", "sha512", "sha224", "sha3_256", "sha3_512"})


class Signatures(Struct, frozen=True):
    """OpenPGP packets, after each other: those over the header, and those over header and payload."""

    header: bytes
    whole: bytes


def signatures(found: Parts) -> Signatures:
    """Raises FormatError."""
    header = found.signature.binary(SignatureTag.RSA_HEADER) + found.signature.binary(SignatureTag.DSA_HEADER)
    for text in found.signature.texts(SignatureTag.OPENPGP):
        try:
            header += base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise FormatError(
                f"{found.shown} has a signature that is damaged", "remove it and run fetch again"
            ) from error
    whole = found.signature.binary(SignatureTag.PGP) + found.signature.binary(SignatureTag.GPG)
    return Signatures(header, whole)


def header_vouches(found: Parts) -> bool:
    """Whether the header says, by digests that cannot be forged, what is in the payload."""
    if Tag.PAYLOAD_SHA256 in found.header or Tag.PAYLOAD_SHA512 in found.header or Tag.PAYLOAD_SHA3_256 in found.header:
        return True
    return HASHES.get(found.header.number(Tag.FILE_DIGEST_ALGORITHM) or 1) in _STRONG
