"""Java's own form of a key store, JKS, with trusted certificates: what every Java reads as `cacerts`.

    magic 0xFEEDFEED, version 2, the number of entries; of each the tag 2, its alias, its date in milliseconds since
    1970, and the certificate with its type; then a SHA-1 over the password, a constant text, and all of that

All numbers are big-endian, and texts have their length in two bytes before them: `java.io.DataOutput.writeUTF`.
"""

import hashlib
import struct
from collections.abc import Mapping

_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2
_CONSTANT = b"Mighty Aphrodite"


def written(certificates: Mapping[str, bytes], password: str = "changeit", *, date: int = 0) -> bytes:
    """The store of these certificates, in DER by their aliases; `date` is when they were added, in seconds since 1970.

    The same certificates give the same bytes, in whatever order they come.
    """
    parts = [struct.pack(">III", _MAGIC, _VERSION, len(certificates))]
    for alias in sorted(certificates):
        data = certificates[alias]
        parts += [
            struct.pack(">I", _TRUSTED),
            _text(alias),
            struct.pack(">Q", date * 1000),
            _text("X.509"),
            struct.pack(">I", len(data)),
            data,
        ]
    content = b"".join(parts)
    # A checksum against damage, not a secret: the password is known to everybody.
    checked = hashlib.sha1(password.encode("utf-16-be") + _CONSTANT + content, usedforsecurity=False)
    return content + checked.digest()


def _text(text: str) -> bytes:
    """In the form of `writeUTF`, whose characters beyond U+FFFF are two surrogates of three bytes each."""
    utf16 = text.encode("utf-16-be", "surrogatepass")
    units = struct.unpack(f">{len(utf16) // 2}H", utf16)
    data = b"".join(b"\xc0\x80" if unit == 0 else chr(unit).encode("utf-8", "surrogatepass") for unit in units)
    return struct.pack(">H", len(data)) + data
