"""Binary packages: deb(5), an ar(5) archive of debian-binary, control.tar and data.tar.

A package is untrusted bytes: whatever is wrong with it becomes a FormatError that names the file
and the member. Nothing of it is ever run.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from fromscratch.errors import FormatError
from fromscratch.formats.packing import decompress as compression
from fromscratch.formats.packing.decompress import Compression
from fromscratch.limits import number
from fromscratch.model.content import ArchiveMember
from fromscratch.regular_file import open_buffered

_MAGIC = b"!<arch>\n"
_HEADER = 60
_VERSION_LIMIT = 64
_COMPRESSIONS: dict[str, Compression] = {
    "": "none",
    ".gz": "gzip",
    ".xz": "xz",
    ".lzma": "xz",
    ".bz2": "bzip2",
    ".zst": "zstd",
}
_CONTROL_LIMIT = 64 << 20  # unpacked; the largest in Debian have about 10 MB of md5sums
_HINT = "the file may be cut or damaged: remove it and run fetch again"


class Member(Struct, frozen=True):
    """`size` bytes at `offset` of the package file."""

    name: str
    offset: int
    size: int


class Layout(Struct, frozen=True):
    """The places of the two archives of a package."""

    control: Member
    data: Member


def layout(package: Path, shown: str = "") -> Layout:
    """Find the archives; `shown` is what messages call the file. Raises FormatError."""
    with open_buffered(package) as stream:
        return _layout(stream, shown or package.name)


def control_files(package: Path, shown: str = "") -> dict[str, bytes]:
    """The files beside the data: `control` for certain, `md5sums`, `conffiles`, scripts. Raises FormatError."""
    shown = shown or package.name
    member = layout(package, shown).control
    raw = bytearray()
    for piece in _expanded(package, member, shown):
        raw += piece
        if len(raw) > _CONTROL_LIMIT:
            raise _broken(shown, member, f"unpacks to more than {_CONTROL_LIMIT} bytes")
    files = _files(bytes(raw), member, shown)
    if "control" not in files:
        raise _broken(shown, member, "holds no file named control")
    return files


def expand_data(package: Path, target: Path, shown: str = "") -> None:
    """Write data.tar, uncompressed, to `target`. Raises FormatError."""
    shown = shown or package.name
    member = layout(package, shown).data
    with open(target, "wb") as out:
        for piece in _expanded(package, member, shown):
            out.write(piece)


def _layout(stream: BinaryIO, shown: str) -> Layout:
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise FormatError(f"{shown} is not a Debian package: it does not start as an ar archive", _HINT)
    members = _members(stream, shown)
    first = next(members, None)
    if first is None or first.name != "debian-binary" or first.size > _VERSION_LIMIT:
        raise FormatError(f"{shown} is not a Debian package: it does not begin with debian-binary", _HINT)
    version = os.pread(stream.fileno(), first.size, first.offset).partition(b"\n")[0]
    if not version.startswith(b"2."):
        raise FormatError(f"{shown} is a Debian package of the unknown format {version!r}", "only format 2 is read")
    found: dict[str, Member] = {}
    for member in members:
        part = member.name.partition(".tar")[0]
        if member.name.startswith("_"):
            continue  # deb(5) leaves these to extensions
        if ("control", "data")[min(len(found), 1)] != part:
            raise FormatError(f"{shown} has the member {member.name} out of order", _HINT)
        found[part] = member
        if part == "data":
            return Layout(found["control"], found["data"])
    raise FormatError(f"{shown} ends before its {'data' if found else 'control'}.tar", _HINT)


def _members(stream: BinaryIO, shown: str) -> Iterator[Member]:
    end = os.fstat(stream.fileno()).st_size
    offset = len(_MAGIC)
    while offset < end:
        header = os.pread(stream.fileno(), _HEADER, offset)
        name = header[:16].rstrip(b" ").removesuffix(b"/").decode("ascii", "backslashreplace")
        digits = header[48:58].rstrip(b" ")
        size = number(digits)
        if len(header) < _HEADER or header[58:] != b"`\n" or size is None:
            raise FormatError(f"{shown} has a damaged ar header at byte {offset}", _HINT)
        member = Member(name, offset + _HEADER, size)
        if member.offset + member.size > end:
            raise _broken(shown, member, f"is cut: {end - member.offset} of {member.size} bytes are there")
        yield member
        offset = member.offset + member.size + member.size % 2


def _expanded(package: Path, member: Member, shown: str) -> Iterator[bytes]:
    """The bytes of a member, decompressed in bounded pieces."""
    suffix = member.name.partition(".tar")[2]
    if suffix not in _COMPRESSIONS:
        raise _broken(shown, member, f"has the unknown compression {suffix}")
    with ArchiveMember(package, member.offset, member.size).open() as packed:
        try:
            yield from compression.pieces(packed, _COMPRESSIONS[suffix])
        except compression.DamagedData as error:
            raise _broken(shown, member, f"cannot be decompressed: {error}") from error


def _files(raw: bytes, member: Member, shown: str) -> dict[str, bytes]:
    import io
    import tarfile

    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is not None:
                    if entry.size > len(raw):  # a sparse one: its holes could be of any size
                        raise _broken(shown, member, f"holds {entry.name}, which is larger than itself")
                    files[entry.name.removeprefix("./")] = content.read()
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        raise _broken(shown, member, f"is not a tar archive: {error}") from error
    return files


def _broken(shown: str, member: Member, problem: str) -> FormatError:
    return FormatError(f"{shown}: its member {member.name} {problem}", _HINT)
