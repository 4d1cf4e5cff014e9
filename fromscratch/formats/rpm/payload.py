"""What a package installs: the files of its header, joined to what its payload holds."""

import hashlib
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from fromscratch.errors import FormatError, IntegrityError
from fromscratch.formats import capabilities
from fromscratch.formats.rpm import cpio
from fromscratch.formats.rpm.files import Described, Flag, described
from fromscratch.formats.rpm.header import Header
from fromscratch.formats.rpm.package import HASHES
from fromscratch.formats.rpm.tags import Tag
from fromscratch.limits import DEFAULT_LIMITS, Limits
from fromscratch.model.content import ArchiveMember, Content, Inline, read
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Origin, Symlink, Xattrs
from fromscratch.paths import TreePath, decode, encode

_SECOND = 1_000_000_000
_CHUNK = 1 << 20
_NO_CAPABILITIES = b"\0\0\0\2" + bytes(16)
_HINT = "the file may be cut or damaged: remove it and run fetch again"


class Packaged(Struct, frozen=True):
    """An entry of a package, and the names of the accounts that own it; in its metadata root does."""

    path: TreePath
    entry: Entry
    user: str
    group: str
    flags: Flag


def entries(
    header: Header, payload: Path, origin: Origin, title: str, limits: Limits = DEFAULT_LIMITS
) -> list[Packaged]:
    """What the package installs, in the order of its header: its ghosts are not there. `payload` is uncompressed.

    The first name of several hard links is the file. Raises FormatError for what does not fit together.
    """
    files = described(header, title, limits)
    contents = _contents(files, payload, title)
    first: dict[tuple[int, int], TreePath] = {}
    found = []
    for file in files:
        if file.is_ghost:
            continue
        entry = _entry(file, contents, first, origin, title)
        found.append(Packaged(file.path, entry, file.user, file.group, file.flags))
    return found


def check_contents(header: Header, payload: Path, title: str, limits: Limits = DEFAULT_LIMITS) -> None:
    """Compare each file of a payload with its digest in the header. Raises IntegrityError, FormatError."""
    algorithm = HASHES.get(header.number(Tag.FILE_DIGEST_ALGORITHM) or 1)
    files = described(header, title, limits)
    contents = _contents(files, payload, title)
    if algorithm is None:
        raise FormatError(f"{title} has digests of files of an unknown kind", "a newer release may read it")
    for file in files:
        if not stat.S_ISREG(file.mode) or file.is_ghost or not file.digest:
            continue
        hasher = hashlib.new(algorithm, usedforsecurity=False)
        with _of(file, contents, title).open() as stream:
            while piece := stream.read(_CHUNK):
                hasher.update(piece)
        if hasher.hexdigest() != file.digest.lower():
            raise IntegrityError(f"{title}: {file.path} does not have the {algorithm} that the header says", _HINT)


_Contents = Mapping[int, Content]


def _contents(files: Sequence[Described], payload: Path, title: str) -> _Contents:
    """The content of each file by its index; all names of one inode have the same."""
    by_path = {encode(file.path): file for file in files}
    groups: dict[tuple[int, int], list[Described]] = {}
    for file in files:
        if stat.S_ISREG(file.mode) and not file.is_ghost:
            groups.setdefault(file.inode, []).append(file)
    last = {group[-1].index for group in groups.values()}

    def size_of(index: int) -> int:
        if index >= len(files):
            raise FormatError(f"{title}: its payload has a file that its header has not", _HINT)
        file = files[index]
        has_bytes = index in last if stat.S_ISREG(file.mode) else stat.S_ISLNK(file.mode)
        return file.size if has_bytes else 0

    present: dict[int, Content] = {}
    for member in cpio.members(payload, size_of, title):
        if member.index >= 0:
            index = member.index
        else:
            name = b"/" + member.name.removeprefix(b".").lstrip(b"/")
            if name not in by_path:
                raise FormatError(f"{title}: its payload has {decode(member.name)!r}, which its header has not", _HINT)
            index = by_path[name].index
        content = ArchiveMember(payload, member.offset, member.size) if member.size else Inline(b"")
        if member.size or index not in present:
            present[index] = content
    for group in groups.values():
        whole = next((present[one.index] for one in group if one.index in present and present[one.index].size), None)
        for one in group:
            if one.index in present and whole is not None:
                present[one.index] = whole
    return present


def _of(file: Described, contents: _Contents, title: str) -> Content:
    content = contents.get(file.index)
    if content is None or content.size != file.size:
        raise FormatError(f"{title}: its payload has not the {file.size} bytes of {file.path}", _HINT)
    return content


def _entry(
    file: Described, contents: _Contents, first: dict[tuple[int, int], TreePath], origin: Origin, title: str
) -> Entry:
    attributes: Xattrs = ()
    if file.capabilities and stat.S_ISREG(file.mode):
        attributes = ((capabilities.ATTRIBUTE, _capabilities(file, title)),)
    meta = Meta(stat.S_IMODE(file.mode), 0, 0, file.mtime * _SECOND, attributes)
    origins = (origin,)
    match stat.S_IFMT(file.mode):
        case stat.S_IFDIR:
            return Directory(meta, origins)
        case stat.S_IFREG:
            content = _of(file, contents, title)
            earlier = first.setdefault(file.inode, file.path)
            return File(meta, content, origins) if earlier == file.path else HardLink(meta, earlier, origins)
        case stat.S_IFLNK:
            target = file.target or decode(read(contents[file.index])) if file.index in contents else file.target
            if not target or "\0" in target:
                raise FormatError(f"{title}: the symlink {file.path} leads nowhere", _HINT)
            return Symlink(Meta(0o777, 0, 0, meta.mtime), target, origins)
        case stat.S_IFIFO:
            return Fifo(meta, origins)
        case stat.S_IFCHR | stat.S_IFBLK:
            device: Literal["c", "b"] = "c" if stat.S_ISCHR(file.mode) else "b"
            return Device(meta, device, file.rdev >> 8 & 0xFF, file.rdev & 0xFF, origins)
    kind = "a socket" if stat.S_ISSOCK(file.mode) else f"of the mode {file.mode:o}"
    raise FormatError(f"{title}: {file.path} is {kind}, which no image can hold", "exclude the package")


def _capabilities(file: Described, title: str) -> bytes:
    if file.capabilities == "=":  # none at all, which setcap writes as an attribute too
        return _NO_CAPABILITIES
    try:
        return capabilities.from_text(file.capabilities)
    except ValueError as error:
        raise FormatError(f"{title}: {file.path}: {error}", _HINT) from error


def numbered(
    packaged: Sequence[Packaged], users: Mapping[str, int], groups: Mapping[str, int]
) -> Iterator[tuple[Packaged, str]]:
    """Each entry with the numbers of its owners, and the account that is not known, if one is.

    As RPM does it, root owns what an unknown account should, which then loses setuid or setgid.
    """
    for one in packaged:
        mode, meta, unknown = one.entry.meta.mode, one.entry.meta, ""
        uid, gid = users.get(one.user), groups.get(one.group)
        if uid is None:
            mode, unknown = mode & ~0o4000, one.user
        if gid is None:
            mode, unknown = mode & ~0o2000, unknown or one.group
        changed = replace(meta, mode=mode, uid=uid or 0, gid=gid or 0)
        yield replace(one, entry=replace(one.entry, meta=changed)), unknown
