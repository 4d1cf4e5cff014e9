"""Files of this machine whose bytes are kept in the store, read again only when they have changed."""

import hashlib
from pathlib import Path

from fromscratch.digest import Digest
from fromscratch.errors import ImageError
from fromscratch.host.storage import disk
from fromscratch.host.storage.store import Store
from fromscratch.host.storage.verified_files import is_settled
from fromscratch.opening import opened

_RECORD = "kept-file"


def facts(path: Path) -> str:
    """A text that changes whenever the file does, by what stat(2) tells: also when its size and mtime stay."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    numbers = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return hashlib.sha256(f"{path}\0{numbers}".encode("utf-8", "surrogateescape")).hexdigest()


def kept(store: Store, path: Path) -> Digest:
    """The digest of the file, whose bytes are in the store afterwards. Raises ImageError."""
    before = facts(path)
    record = store.record(_RECORD, before)
    digest = Digest.parse(record.decode()) if record else None
    if digest is not None and store.has(digest):
        return digest
    try:
        stream = opened(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    with stream, disk.explained(store.root):
        digest = store.add_stream(stream)
    if facts(path) == before and is_settled(path.stat().st_ctime_ns):
        store.write_record(_RECORD, before, str(digest).encode())
    return digest


def _unreadable(path: Path, error: OSError) -> ImageError:
    return ImageError(f"cannot read {path}: {error.strerror}", "make it readable")
