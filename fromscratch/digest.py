"""Digests in the OCI form `algorithm:hex`, and readers that compute or verify them.

The form is that of the OCI image specification, "Descriptors", section "Digests".
"""

import hashlib
import marshal
import re
from typing import Any, BinaryIO

from msgspec import Struct

from fromscratch.errors import FormatError, IntegrityError

_HEX_LENGTH = {"sha256": 64, "sha512": 128}
CHUNK = 1 << 20


class Digest(Struct, frozen=True, order=True):
    """`algorithm` is sha256 or sha512; `hex` is lower-case."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """From `sha256:…` or bare hex digits. Raises FormatError."""
        algorithm, colon, digits = text.strip().partition(":")
        if not colon:
            algorithm, digits = "sha256", algorithm
        digits = digits.lower()
        length = _HEX_LENGTH.get(algorithm)
        if length is None or not re.fullmatch(rf"[0-9a-f]{{{length}}}", digits):
            raise FormatError(f"{text!r} is not a digest", "write it as sha256: and 64 hexadecimal digits")
        return cls(algorithm, digits)

    @classmethod
    def exact(cls, text: str) -> "Digest":
        """From a digest as image-spec/descriptor.md has it: no blanks, no capitals, never bare. Raises FormatError."""
        found = cls.parse(text)
        if str(found) != text:
            raise FormatError(
                f"{text!r} is not a digest", "write it as sha256: and 64 hexadecimal digits, in small letters"
            )
        return found

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        """The sha256 of `data`."""
        return cls("sha256", hashlib.sha256(data).hexdigest())

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> "Digest":
        """The sha256 of what is left in `stream`, read in bounded pieces."""
        hasher = hashlib.sha256()
        while piece := stream.read(CHUNK):
            hasher.update(piece)
        return cls("sha256", hasher.hexdigest())

    def hasher(self) -> Any:
        """A fresh hashlib object of this digest's algorithm."""
        return hashlib.new(self.algorithm)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


class ValueHasher:
    """A sha256 over a sequence of values: texts, bytes, numbers and tuples of them.

    For caches on this machine only: another version of Python may give another digest.
    """

    def __init__(self) -> None:
        self._hasher = hashlib.sha256()

    def add(self, value: Any) -> None:
        # The fastest serialisation. It marks its end, and version 2 has no references, so that equal values give
        # equal bytes.
        self._hasher.update(marshal.dumps(value, 2))

    def hexdigest(self) -> str:
        return self._hasher.hexdigest()


def check(found: Digest, expected: Digest, what: str) -> None:
    """Raises IntegrityError, naming both digests, unless they are equal."""
    if found != expected:
        raise IntegrityError(
            f"{what} has the digest {found}, but {expected} was expected",
            "if the new bytes are meant, write the new digest; otherwise fetch it again from a source you trust",
        )
