"""A partial download on disk: it survives a kill, and can be resumed.

A note beside it records the address and the validators that the server gave, so that a later run requests only the
rest, and only of the same version.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct
from msgspec.structs import asdict

from fromscratch.digest import CHUNK, Digest
from fromscratch.host.storage import disk
from fromscratch.regular_file import read_bytes


class Provenance(Struct, frozen=True):
    """The address of the bytes, and the validators that came with them (RFC 9110, 8.8); empty if there were none."""

    url: str
    etag: str = ""
    modified: str = ""

    @property
    def validator(self) -> str:
        """The value for If-Range; not a weak tag, which does not promise the same bytes."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class Partial:
    """The bytes of a download so far. The caller holds its lock. Raises ImageError when the disk refuses."""

    def __init__(self, path: Path, algorithm: str = "sha256") -> None:
        self.path = path
        self.position = 0
        self.provenance: Provenance | None = None
        self.resumed = False
        """Whether some of the bytes came by an earlier request."""
        self._note = path.with_name(path.name + ".from")
        self._algorithm = algorithm
        self._hasher: Any = hashlib.new(algorithm)
        self._file: BinaryIO | None = None

    def __enter__(self) -> "Partial":
        with disk.explained(self.path):
            # Unbuffered: all bytes that `position` counts are in the file, even after a kill.
            self._file = open(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
            while piece := self._file.read(CHUNK):
                self._hasher.update(piece)
                self.position += len(piece)
        self.resumed = self.position > 0
        self.provenance = self._read_note()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if not self.position:
            self.discard()

    def restart(self, provenance: Provenance) -> None:
        """Discard the bytes; the next ones come from this address."""
        with disk.explained(self.path):
            self._open.seek(0)
            self._open.truncate()
        self.position = 0
        self.resumed = False
        self._hasher = hashlib.new(self._algorithm)
        self.provenance = provenance
        disk.write_atomically(self._note, json.dumps(asdict(provenance)).encode())

    def append(self, piece: bytes) -> None:
        rest = memoryview(piece)
        with disk.explained(self.path):
            while rest:
                written = self._open.write(rest)
                self._hasher.update(rest[:written])
                self.position += written
                rest = rest[written:]

    def digest(self) -> Digest:
        """The digest of all bytes so far; those of an earlier run were read back from the disk."""
        return Digest(self._hasher.name, self._hasher.hexdigest())

    def discard(self) -> None:
        """Remove the bytes and the note."""
        self.path.unlink(missing_ok=True)
        self.forget_note()

    def forget_note(self) -> None:
        self._note.unlink(missing_ok=True)

    @property
    def _open(self) -> BinaryIO:
        assert self._file is not None, "used outside its with block"  # noqa: S101
        return self._file

    def _read_note(self) -> Provenance | None:
        try:
            fields = json.loads(read_bytes(self._note))
            return Provenance(str(fields["url"]), str(fields["etag"]), str(fields["modified"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
