"""Tar archives as trees: the reader of untrusted bytes.

It reads uncompressed archives in the V7, ustar, pax, GNU and star forms. What an image cannot keep
(sparse members, access control lists, parts of multi-volume archives) is refused by name, so that
nothing gets lost silently; labels of the packing machine (SELinux), owner names, access times and
filesystem flags are left out, since they mean nothing on another machine.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fromscratch.errors import FormatError, ImageError, NotInTree
from fromscratch.formats import tar_fields as fields
from fromscratch.formats.tar_bytes import DAMAGED as _DAMAGED
from fromscratch.formats.tar_bytes import ArchiveBytes, FileBytes, StreamBytes
from fromscratch.formats.tar_header import BILLION, BLOCK, NUL_BLOCK
from fromscratch.model.builder import TreeBuilder
from fromscratch.model.content import ArchiveMember, Inline
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Origin, Symlink, Xattrs
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, decode, tree_path

_MAX_EXTENSION = 16 << 20  # all attributes of one file; Linux allows 64 KiB a value
_MAX_ID = (1 << 32) - 2  # the last number is chown(2)'s "leave as it is"
_MAX_SECONDS = 1 << 63
_REGULAR = b"0\x007"  # 7 is "contiguous", which POSIX treats as regular
_NO_CONTENT = b"123456"
_REFUSED = {
    b"S": ("is stored as a sparse file", "make the archive again without --sparse"),
    b"M": ("goes on from another volume", "make the archive again without --multi-volume"),
    b"D": ("belongs to an incremental backup", "make the archive again without --listed-incremental"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as the archive tells it.

    `flag` is one of `0` (regular) `1` (hard link) `2` (symlink) `3` `4` (character and block device)
    `5` (directory) `6` (FIFO). `name` and `link` are raw bytes, `offset` is where the content begins,
    `mtime` counts nanoseconds.
    """

    name: bytes
    flag: bytes
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int
    offset: int
    link: bytes
    major: int
    minor: int
    xattrs: Xattrs

    @property
    def meta(self) -> Meta:
        return Meta(self.mode, self.uid, self.gid, self.mtime, self.xattrs)


def read_tree(
    archive: Path,
    origin: Callable[[str], Origin] | Origin,
    *,
    strip: int = 0,
    title: str = "",
    below: Rootfs | None = None,
) -> Rootfs:
    """The tree in an uncompressed tar archive. Contents stay where they are: slices of the archive.

    `origin` is the reason of every entry, or gives it for a path of the tree. `strip` takes that many
    leading components off every name, and an entry with no more than those falls away; a leading
    `./` or `/` is no component. Messages call the archive `title`, or else by its path. With `below`, the
    tree that it is laid over, a hard link may name a file of that one, whose names are then in the answer too.

    Raises FormatError for a damaged or cut archive and for what an image cannot keep, UnsafePath for a
    name that leads outside the root, and Conflict for one that lies below a file; all name the
    archive and the entry.
    """
    builder = TreeBuilder(forbid_absolute_links=True, below=below)
    for member in members(archive, title):
        try:
            path = _place(member.name, strip)
            if path is not None:
                reason = origin if isinstance(origin, Origin) else origin(path)
                builder.put(path, _entry(member, archive, strip, reason))
        except ImageError as error:
            kind = FormatError if isinstance(error, NotInTree) else type(error)
            raise kind(f"{title or archive}: {_shown(member.name)}: {error.message}", error.hint) from error
    return builder.build()


def members(archive: Path, title: str = "") -> Iterator[Member]:
    """Every entry of an uncompressed tar archive, in order; see `read_tree` for what is refused."""
    title = title or str(archive)
    try:
        with open(archive, "rb", buffering=0) as stream:
            yield from _Scan(title, FileBytes(stream.fileno()))
    except OSError as error:
        raise ImageError(f"cannot read {title}: {error.strerror}", "see whether the path is right") from error


def stream_members(stream: BinaryIO, title: str) -> Iterator[tuple[Member, StreamBytes]]:
    """The same of a stream that can be read once. Each entry's content can be had until the next entry is asked for."""
    source = StreamBytes(stream)
    for member in _Scan(title, source):
        yield member, source


def _place(name: bytes, strip: int) -> TreePath | None:
    path = tree_path(decode(name))
    if not strip:
        return path
    parts = path.split("/")[1 + strip :]
    return TreePath("/" + "/".join(parts)) if parts else None


def _entry(member: Member, archive: Path, strip: int, origin: Origin) -> Entry:
    meta, origins = member.meta, (origin,)
    match member.flag:
        case b"0":
            content = ArchiveMember(archive, member.offset, member.size) if member.size else Inline(b"")
            return File(meta, content, origins)
        case b"1":
            target = _place(member.link, strip)
            if not member.link or target is None:
                raise FormatError(f"its hard link to {decode(member.link)!r} leads nowhere", _DAMAGED)
            return HardLink(meta, target, origins)
        case b"2":
            if not member.link or b"\0" in member.link:
                raise FormatError(f"its symlink to {decode(member.link)!r} leads nowhere", _DAMAGED)
            return Symlink(meta, decode(member.link), origins)
        case b"5":
            return Directory(meta, origins)
        case b"6":
            return Fifo(meta, origins)
        case flag:
            return Device(meta, "c" if flag == b"3" else "b", member.major, member.minor, origins)


def _shown(name: bytes) -> str:
    return repr(decode(name[:200]))


class _Scan:
    """One walk over the headers of an archive."""

    def __init__(self, title: str, source: ArchiveBytes) -> None:
        self._title, self._source = title, source
        self._where = "at its start"
        self._global: dict[bytes, bytes] = {}
        self._own: dict[bytes, bytes] = {}

    def __iter__(self) -> Iterator[Member]:
        try:
            while (block := self._source.read(BLOCK)) != NUL_BLOCK:
                fields.verify_checksum(block)
                flag, size = block[156:157], fields.number(block[124:136], "size")
                if flag in b"xXgLK":
                    self._learn(flag, self._extension(size))
                elif flag == b"V":
                    self._source.skip(size)  # the label of a GNU volume
                else:
                    yield self._member(block, flag, size)
            self._finish()
        except FormatError as error:
            raise FormatError(f"{self._title}: {self._where}: {error.message}", error.hint) from error

    def _finish(self) -> None:
        if self._own:
            raise FormatError("an extended header stands before no entry", _DAMAGED)
        if self._source.last_block().strip(b"\0"):
            raise FormatError("a block of zeros stands between two entries", _DAMAGED)

    def _extension(self, size: int) -> bytes:
        """The payload of an extended header or GNU long name."""
        if not 0 <= size <= _MAX_EXTENSION:
            raise FormatError(f"an extended header of {size} bytes is more than any file needs", _DAMAGED)
        return self._source.read(size + -size % BLOCK)[:size]

    def _learn(self, flag: bytes, payload: bytes) -> None:
        match flag:
            case b"g":
                self._global.update(fields.records(payload))
            case b"x" | b"X":
                self._own.update(fields.records(payload))
            case _:
                self._own.setdefault(b"path" if flag == b"L" else b"linkpath", fields.text(payload))

    def _member(self, block: bytes, flag: bytes, size: int) -> Member:
        found = {**self._global, **self._own} if self._global else self._own
        self._own = {}
        # An empty value in an extended header means that the field of the block holds.
        name = found.get(b"path") or fields.name(block)
        self._where = _shown(name)
        if not name:
            raise FormatError("an entry has no name", _DAMAGED)
        if found:
            _refuse_lossy(found)
            size = fields.integer(found[b"size"], "size") if found.get(b"size") else size
        if flag in _REGULAR:
            flag = _regular(name, size)
        elif flag in _NO_CONTENT:
            size = 0  # a size here means no content: the archives of some old tars have one
        else:
            raise _refused(flag)
        offset = self._source.position
        self._source.skip(size)
        return Member(
            name=name,
            flag=flag,
            mode=fields.number(block[100:108], "mode") & 0o7777,
            uid=_owner(block[108:116], found.get(b"uid"), "uid"),
            gid=_owner(block[116:124], found.get(b"gid"), "gid"),
            mtime=_mtime(block[136:148], found.get(b"mtime")),
            size=size,
            offset=offset,
            link=(found.get(b"linkpath") or fields.text(block[157:257])) if flag in b"12" else b"",
            major=_device(block[329:337]) if flag in b"34" else 0,
            minor=_device(block[337:345]) if flag in b"34" else 0,
            xattrs=fields.xattrs(found) if found else (),
        )


def _regular(name: bytes, size: int) -> bytes:
    if not name.endswith(b"/"):
        return b"0"
    if size:
        raise FormatError("an entry has the name of a directory and the content of a file", _DAMAGED)
    return b"5"  # V7 knew directories by their slash alone


def _refused(flag: bytes) -> FormatError:
    what, hint = _REFUSED.get(flag, (f"is of the unknown type {flag!r}", "make the archive again in the pax format"))
    return FormatError(f"the entry {what}, which an image cannot keep", hint)


def _refuse_lossy(found: Mapping[bytes, bytes]) -> None:
    for key in found:
        if key.startswith(b"GNU.sparse.") or key == b"SCHILY.realsize":
            raise _refused(b"S")
        if key.startswith(b"SCHILY.acl."):
            raise FormatError(
                "the entry has an access control list, which an image cannot keep",
                "make the archive again without --acls (bsdtar: with --no-acls)",
            )


def _owner(field: bytes, record: bytes | None, what: str) -> int:
    owner = fields.integer(record, what) if record else fields.number(field, what)
    if not 0 <= owner <= _MAX_ID:
        raise FormatError(f"its {what} is {owner}, which no Linux can have", _DAMAGED)
    return owner


def _device(field: bytes) -> int:
    device = fields.number(field, "device number")
    if not 0 <= device < 1 << 32:
        raise FormatError(f"its device number is {device}, which no Linux can have", _DAMAGED)
    return device


def _mtime(field: bytes, record: bytes | None) -> int:
    time = fields.nanoseconds(record) if record else fields.number(field, "mtime") * BILLION
    if not -_MAX_SECONDS <= time // BILLION < _MAX_SECONDS:
        raise FormatError("its mtime is beyond all times that Linux knows", _DAMAGED)
    return time
