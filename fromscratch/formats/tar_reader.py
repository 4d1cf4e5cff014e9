"""The entries of tar archives: the reader of untrusted bytes. `tar_tree` makes trees of them.

It reads uncompressed archives in the V7, ustar, pax, GNU and star forms, sparse files too. What an image
cannot keep (access control lists, parts of multi-volume archives) is refused by name, so that nothing gets
lost silently, and so is what no Linux could unpack, such as a name of 300 bytes. Labels of the packing machine
(SELinux), owner names, access times and filesystem flags are left out, since they mean nothing on another machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fromscratch.errors import FormatError, ImageError
from fromscratch.formats import tar_fields as fields
from fromscratch.formats import tar_sparse as sparse
from fromscratch.formats.tar_bytes import DAMAGED as _DAMAGED
from fromscratch.formats.tar_bytes import ArchiveBytes, FileBytes, StreamBytes
from fromscratch.formats.tar_header import BILLION, BLOCK, NUL_BLOCK
from fromscratch.formats.tar_sparse import Sparse
from fromscratch.model.entry import Meta, Xattrs
from fromscratch.paths import MAX_PATH, check_length, decode

_MAX_EXTENSION = 1 << 20  # all that is said of one file before its header; the readers of engines stop there too
_MAX_GLOBAL = 100  # records for all files; each is looked at for each of them
_MAX_MAJOR, _MAX_MINOR = (1 << 12) - 1, (1 << 20) - 1  # linux/kdev_t.h
_MAX_ID = (1 << 32) - 2  # the last number is chown(2)'s "leave as it is"
_MAX_SECONDS = 1 << 63
_REGULAR = b"0\x007"  # 7 is "contiguous", which POSIX treats as regular
_NO_CONTENT = b"123456"
_REFUSED = {
    b"M": ("goes on from another volume", "make the archive again without --multi-volume"),
    b"D": ("belongs to an incremental backup", "make the archive again without --listed-incremental"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as the archive tells it.

    `flag` is one of `0` (regular) `1` (hard link) `2` (symlink) `3` `4` (character and block device)
    `5` (directory) `6` (FIFO). `name` and `link` are raw bytes, `mtime` counts nanoseconds. `size` bytes lie at
    `offset`; they are the content, or the parts of it that `sparse` tells.
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
    sparse: Sparse | None = None

    @property
    def meta(self) -> Meta:
        return Meta(self.mode, self.uid, self.gid, self.mtime, self.xattrs)


def members(archive: Path, title: str = "", *, whole: bool = False) -> Iterator[Member]:
    """Every entry of an uncompressed tar archive, in order. Messages call it `title`, or else by its path.

    With `whole` it is known to be all there, by its digest: then it may end without its two blocks of zeros, as engines
    have it, and so may one of no bytes at all.
    Raises FormatError, naming the entry, for an archive that is damaged or cut and for what an image cannot keep.
    """
    title = title or str(archive)
    try:
        with open(archive, "rb", buffering=0) as stream:
            yield from _Scan(title, FileBytes(stream.fileno()), whole=whole)
    except OSError as error:
        raise ImageError(f"cannot read {title}: {error.strerror}", "see whether the path is right") from error


def stream_members(stream: BinaryIO, title: str, *, whole: bool = False) -> Iterator[tuple[Member, StreamBytes]]:
    """The same of a stream that can be read once. Each entry's content can be had until the next entry is asked for."""
    source = StreamBytes(stream)
    for member in _Scan(title, source, whole=whole):
        yield member, source


def shown_name(name: bytes) -> str:
    return repr(decode(name[:200]))


class _Scan:
    """One walk over the headers of an archive."""

    _said = 0  # bytes of extended headers since the last entry

    def __init__(self, title: str, source: ArchiveBytes, *, whole: bool = False) -> None:
        self._title, self._source, self._whole = title, source, whole
        self._where = "at its start"
        self._global: dict[bytes, bytes] = {}
        self._own: dict[bytes, bytes] = {}

    def __iter__(self) -> Iterator[Member]:
        try:
            while (block := self._next_block()) != NUL_BLOCK:
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

    def _next_block(self) -> bytes:
        """The next header, or the first block of the end marker, which what is known to be whole may do without."""
        if self._whole and not self._source.more():
            return NUL_BLOCK
        return self._source.read(BLOCK)

    def _finish(self) -> None:
        if self._own:
            raise FormatError("an extended header stands before no entry", _DAMAGED)
        if self._source.last_block().strip(b"\0"):
            raise FormatError("a block of zeros stands between two entries", _DAMAGED)

    def _extension(self, size: int) -> bytes:
        """The payload of an extended header or GNU long name."""
        self._said += size
        if size < 0 or self._said > _MAX_EXTENSION:
            raise FormatError(f"an extended header of {size} bytes is more than any file needs", _DAMAGED)
        return self._source.read(size + -size % BLOCK)[:size]

    def _learn(self, flag: bytes, payload: bytes) -> None:
        match flag:
            case b"g":
                self._global.update(fields.records(payload))
                if len(self._global) > _MAX_GLOBAL:
                    raise FormatError("its global headers say more of all files than any file needs", _DAMAGED)
            case b"x" | b"X":
                self._own.update(fields.records(payload))
            case _:
                self._own.setdefault(b"path" if flag == b"L" else b"linkpath", fields.text(payload))

    def _member(self, block: bytes, flag: bytes, size: int) -> Member:
        found = {**self._global, **self._own} if self._global else self._own
        self._own, self._said = {}, 0
        # An empty value in an extended header means that the field of the block holds.
        name = sparse.name(found) or found.get(b"path") or fields.name(block)
        self._where = shown_name(name)
        _check_name(name)
        if found:
            _refuse_lossy(found)
            size = fields.integer(found[b"size"], "size") if found.get(b"size") else size
        spread = None
        if flag == b"S":
            flag, spread = b"0", sparse.old_gnu(block, size, self._source.read)
        elif flag in _REGULAR and sparse.is_sparse(found):
            flag = b"0"
            spread, size = sparse.pax(found, size, self._source.read)
        elif flag in _REGULAR:
            flag = _regular(name, size)
        elif flag in _NO_CONTENT:
            size = 0  # a size here means no content: the archives of some old tars have one
        else:
            raise _refused(flag)
        offset = self._source.position
        self._source.skip(size)
        link = (found.get(b"linkpath") or fields.text(block[157:257])) if flag in b"12" else b""
        if len(link) > MAX_PATH:
            raise FormatError(f"its link leads along {len(link)} bytes, where Linux allows {MAX_PATH}", _DAMAGED)
        return Member(
            name=name,
            flag=flag,
            mode=fields.number(block[100:108], "mode") & 0o7777,
            uid=_owner(block[108:116], found.get(b"uid"), "uid"),
            gid=_owner(block[116:124], found.get(b"gid"), "gid"),
            mtime=_mtime(block[136:148], found.get(b"mtime")),
            size=size,
            offset=offset,
            link=link,
            major=_device(block[329:337], _MAX_MAJOR) if flag in b"34" else 0,
            minor=_device(block[337:345], _MAX_MINOR) if flag in b"34" else 0,
            xattrs=fields.xattrs(found) if found else (),
            sparse=spread,
        )


def _check_name(name: bytes) -> None:
    if not name:
        raise FormatError("an entry has no name", _DAMAGED)
    check_length(name)


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
        if key == b"SCHILY.realsize":
            raise FormatError("the entry is stored as a sparse file of star, which we do not read", sparse.HINT)
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


def _device(field: bytes, most: int) -> int:
    device = fields.number(field, "device number")
    if not 0 <= device <= most:
        raise FormatError(f"its device number is {device}, which no Linux can have", _DAMAGED)
    return device


def _mtime(field: bytes, record: bytes | None) -> int:
    time = fields.nanoseconds(record) if record else fields.number(field, "mtime") * BILLION
    if not -_MAX_SECONDS <= time // BILLION < _MAX_SECONDS:
        raise FormatError("its mtime is beyond all times that Linux knows", _DAMAGED)
    return time
