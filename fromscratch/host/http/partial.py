"""A download that grows on disk, survives a kill, and can go on where it stopped.

Beside the bytes lies a note of where they came from: the address and the validators that the server
gave for them, so that a later run asks only for the rest, and only of the same thing.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fromscratch.digest import CHUNK, Digest
from fromscratch.host.storage import disk
from fromscratch.opening import contents


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where bytes came from, and the validators that came with them (RFC 9110, 8.8); empty if there were none."""

    url: str
    etag: str = ""
    modified: str = ""

    @property
    def validator(self) -> str:
        """What an If-Range may hold: weak tags do not promise the same bytes."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class Partial:
    """Bytes that have come so far. The caller holds the download's lock. Raises ImageError when the disk refuses."""

    def __init__(self, path: Path, algorithm: str = "sha256") -> None:
        self.path = path
        self.position = 0
        self.provenance: Provenance | None = None
        self.resumed = False
        """Whether some of the bytes came by another request than the last ones."""
        self._note = path.with_name(path.name + ".from")
        self._algorithm = algorithm
        self._hasher: Any = hashlib.new(algorithm)
        self._file: BinaryIO | None = None

    def __enter__(self) -> "Partial":
        with disk.explained(self.path):
            # Unbuffered: what is counted as written is in the file, whenever we are killed.
            self._file = open(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
            while piece := self._file.read(CHUNK):
                self._hasher.update(piece)
                self.position += len(piece)
        self.resumed = self.position > 0
        self.provenance = self._noted()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if not self.position:
            self.discard()

    def restart(self, provenance: Provenance) -> None:
        """Forget the bytes; those to come are from there."""
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
        """Of all the bytes so far, the resumed ones as they were read back from the disk."""
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

    def _noted(self) -> Provenance | None:
        try:
            fields = json.loads(contents(self._note))
            return Provenance(str(fields["url"]), str(fields["etag"]), str(fields["modified"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
