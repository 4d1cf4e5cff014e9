"""Small files of the store with a checksum over their content and name, which shows damage."""

import hashlib


def with_checksum(data: bytes, kind: str, key: str) -> bytes:
    """The bytes of a record file: a line with the digest of kind, key and data, then the data."""
    return _checksum_line(data, kind, key) + data


def without_checksum(data: bytes, kind: str, key: str) -> bytes | None:
    """The data of a record file; None if it is damaged, or has the name of another."""
    line, end, content = data.partition(b"\n")
    return content if line + end == _checksum_line(content, kind, key) else None


def _checksum_line(data: bytes, kind: str, key: str) -> bytes:
    return b"sha256:%b\n" % hashlib.sha256(f"{kind}\0{key}\0".encode() + data).hexdigest().encode()
