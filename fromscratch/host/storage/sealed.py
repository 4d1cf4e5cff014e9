"""Small files of the store that tell of themselves whether they are whole, and whose they are."""

import hashlib


def sealed(data: bytes, kind: str, key: str) -> bytes:
    """A fact as it lies on the disk, behind a line with the digest of itself, its kind and its key."""
    return _seal(data, kind, key) + data


def unsealed(data: bytes, kind: str, key: str) -> bytes | None:
    """The fact again; None if it is damaged, or has got under another's name."""
    line, end, fact = data.partition(b"\n")
    return fact if line + end == _seal(fact, kind, key) else None


def _seal(data: bytes, kind: str, key: str) -> bytes:
    return b"sha256:%b\n" % hashlib.sha256(f"{kind}\0{key}\0".encode() + data).hexdigest().encode()
