"""What a package's data segment holds, as apk records it in its database of installed packages.

Beside paths, modes and numbers this has the names of owners, by which apk looks up the numbers in the root, and the
checksums of contents.
"""

import base64
import hashlib
import os
from pathlib import Path

from msgspec import Struct

from fromscratch.formats.tar.header import BLOCK
from fromscratch.formats.tar.reader import Member, members
from fromscratch.model.entry import Xattrs
from fromscratch.paths import decode

_USER, _NAME_LENGTH = 265, 32  # of the two names of owners in a header of ustar
_CHUNK = 1 << 20
_FILE, _HARD_LINK, _SYMLINK, _DIRECTORY = b"0", b"1", b"2", b"5"


class Shipped(Struct, frozen=True, array_like=True):
    """One entry, in the order of the archive. `path` has no slash at its ends; a checksum that apk lacks is empty."""

    path: str
    is_directory: bool
    mode: int
    uid: int
    gid: int
    user: str
    group: str
    checksum: str = ""
    xattrs_checksum: str = ""


def listing(archive: Path, title: str) -> list[Shipped]:
    """The entries of an uncompressed data segment that apk installs. Raises FormatError."""
    found: list[Shipped] = []
    checksums: dict[str, str] = {}
    descriptor = os.open(archive, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for member in members(archive, title):
            path = decode(member.name).removeprefix("./").strip("/")
            if not is_installed(path):
                continue
            checksums[path] = _checksum(descriptor, member, checksums)
            names = os.pread(descriptor, 2 * _NAME_LENGTH, member.offset - BLOCK + _USER)
            found.append(
                Shipped(
                    path=path,
                    is_directory=member.flag == _DIRECTORY,
                    mode=member.mode,
                    uid=member.uid,
                    gid=member.gid,
                    user=_name(names[:_NAME_LENGTH]),
                    group=_name(names[_NAME_LENGTH:]),
                    checksum=checksums[path],
                    xattrs_checksum=_of_xattrs(member.xattrs),
                )
            )
    finally:
        os.close(descriptor)
    return found


def is_installed(path: str) -> bool:
    """Whether apk unpacks an entry: not one that describes the package, nor one that only keeps an empty folder."""
    return bool(path) and not path.startswith(".") and not path.rpartition("/")[2].startswith(".keep_")


def _checksum(descriptor: int, member: Member, before: dict[str, str]) -> str:
    if member.flag == _HARD_LINK:
        return before.get(decode(member.link).removeprefix("./").strip("/"), "")
    if member.flag == _SYMLINK:
        return _shown(hashlib.sha1(member.link, usedforsecurity=False))
    if member.flag != _FILE or member.sparse is not None:
        return ""
    hasher = hashlib.sha1(usedforsecurity=False)
    place, left = member.offset, member.size
    while left > 0:
        piece = os.pread(descriptor, min(left, _CHUNK), place)
        if not piece:
            break
        hasher.update(piece)
        place, left = place + len(piece), left - len(piece)
    return _shown(hasher)


def _of_xattrs(xattrs: Xattrs) -> str:
    """As apk does it: names and values, each behind its length."""
    if not xattrs:
        return ""
    hasher = hashlib.sha1(usedforsecurity=False)
    for name, value in xattrs:
        for part in (name.encode("utf-8", "surrogateescape"), value):
            hasher.update(len(part).to_bytes(4, "big") + part)
    return _shown(hasher)


def _shown(hasher: "hashlib._Hash") -> str:
    return f"Q1{base64.b64encode(hasher.digest()).decode()}"


def _name(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")
