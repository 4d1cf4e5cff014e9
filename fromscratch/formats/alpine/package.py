"""Binary packages of Alpine: apk-v2(5), a control segment with .PKGINFO and scripts, and a data segment.

A package is untrusted bytes: whatever is wrong with it becomes a FormatError that names the file. No script is run.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from fromscratch.errors import FormatError, IntegrityError
from fromscratch.formats.alpine.segments import ADVICE, Segment, first_segments
from fromscratch.formats.packing import decompress as compression
from fromscratch.limits import DEFAULT_LIMITS, Limits, number
from fromscratch.model.content import ArchiveMember
from fromscratch.regular_file import open_buffered

_CHUNK = 1 << 20
_END = b"\0" * 1024
_SCRIPTS = (
    "pre-install",
    "post-install",
    "pre-deinstall",
    "post-deinstall",
    "pre-upgrade",
    "post-upgrade",
    "trigger",
)
_HASHES = {"Q1": "sha1", "Q2": "sha256"}


class Control(Struct, frozen=True):
    """What a package says of itself: the lists of .PKGINFO by field, and its scripts by name (such as post-install).

    `checksum` is that of the control segment; the data segment reaches from `data` to the end of the file.
    """

    fields: Mapping[str, tuple[str, ...]]
    scripts: Mapping[str, bytes]
    data: int

    def one(self, field: str) -> str:
        """The last value of a field that stands there once; empty if it is not there."""
        return self.fields.get(field, ("",))[-1]

    @property
    def replaces_priority(self) -> int:
        return number(self.one("replaces_priority") or "0") or 0


def read_control(path: Path, checksum: str, shown: str) -> Control:
    """The control segment, which has to have this checksum of an index. Raises FormatError, IntegrityError."""
    segments = first_segments(path, shown, 3)
    control = next((one for one in segments if not one.is_signature), None)
    if control is None or ".PKGINFO" not in control.files:
        raise FormatError(f"{shown} is not an Alpine package: it has no .PKGINFO", ADVICE)
    found = _checksum(path, control, checksum[:2], shown)
    if found != checksum:
        raise IntegrityError(
            f"{shown} is not the package that the index lists: its control segment has the checksum {found}, "
            f"not {checksum}",
            "the mirror is being updated, or the file is damaged: run fetch again later, or use another mirror",
        )
    scripts = {name: control.files[f".{name}"] for name in _SCRIPTS if f".{name}" in control.files}
    return Control(_fields(control.files[".PKGINFO"]), scripts, control.end)


def check_data(path: Path, control: Control, shown: str) -> None:
    """Raises IntegrityError unless the data segment has the SHA-256 that the control segment promises."""
    promised = control.one("datahash")
    if not promised:
        raise IntegrityError(f"{shown} has no checksum of its data (datahash)", "use a package of a newer kind")
    hasher = hashlib.sha256()
    with open_buffered(path) as stream:
        stream.seek(control.data)
        while piece := stream.read(_CHUNK):
            hasher.update(piece)
    if hasher.hexdigest() != promised:
        raise IntegrityError(f"{shown}: its data has the SHA-256 {hasher.hexdigest()}, not {promised}", ADVICE)


def expand_data(path: Path, control: Control, target: Path, shown: str, limits: Limits = DEFAULT_LIMITS) -> None:
    """Write the data segment, uncompressed, to `target`. Raises FormatError, TooLarge."""
    size = path.stat().st_size - control.data
    with open(target, "wb") as out:
        for piece in limits.for_blob(size).bounded(_plain(path, control.data, size, shown), shown):
            out.write(piece)
        out.write(_END)  # packages of some builders lack it


def _plain(path: Path, start: int, size: int, shown: str) -> Iterator[bytes]:
    if not size:
        return
    with ArchiveMember(path, start, size).open() as packed:
        try:
            yield from compression.pieces(packed, "gzip")
        except compression.DamagedData as error:
            raise FormatError(f"{shown}: its data segment cannot be decompressed: {error}", ADVICE) from error


def _checksum(path: Path, segment: Segment, kind: str, shown: str) -> str:
    """As an index writes it: of the compressed bytes."""
    if kind not in _HASHES:
        raise FormatError(f"the index has a checksum of the unknown kind {kind!r} for {shown}", "use another mirror")
    with open_buffered(path) as stream:
        stream.seek(segment.start)
        raw = stream.read(segment.end - segment.start)
    return kind + base64.b64encode(hashlib.new(_HASHES[kind], raw, usedforsecurity=False).digest()).decode()


def _fields(info: bytes) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in info.decode("utf-8", "surrogateescape").split("\n"):
        name, equals, value = line.partition(" = ")
        if equals and not line.startswith("#"):
            found[name] = (*found.get(name, ()), value)
    return found
