"""Storing files of this machine, which are read again only after a change."""

import hashlib
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.verified_files import is_settled
from fromscratch.regular_file import open_buffered

_RECORD = "kept-file"


def fingerprint(path: Path) -> str:
    """A text that changes whenever the file does, by its stat(2): with ctime, also when size and mtime stay."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return hashlib.sha256(f"{path}\0{numbers}".encode("utf-8", "surrogateescape")).hexdigest()


def store_file(store: Store, path: Path) -> Digest:
    """Store the bytes of a file, and return their digest. Raises ImageError."""
    before = fingerprint(path)
    record = store.record(_RECORD, before)
    digest = Digest.parse(record.decode()) if record else None
    if digest is not None and store.has(digest):
        return digest
    try:
        stream = open_buffered(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    with stream, disk.explained(store.root):
        digest = store.add_stream(stream)
    if fingerprint(path) == before and is_settled(path.stat().st_ctime_ns):
        store.write_record(_RECORD, before, str(digest).encode())
    return digest


def _unreadable(path: Path, error: OSError) -> ImageError:
    return ImageError(f"cannot read {path}: {error.strerror}", "make it readable")
