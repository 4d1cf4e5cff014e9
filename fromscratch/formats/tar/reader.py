"""The entries of tar archives: the reader of untrusted bytes. `tar.tree` makes trees of them.

It reads uncompressed archives in the V7, ustar, pax, GNU and star forms, sparse files too. What an image
cannot keep (access control lists, parts of multi-volume archives) is refused by name, so that nothing gets
lost silently, and so is what no Linux could unpack, such as a name of 300 bytes. Labels of the packing machine
(SELinux), owner names, access times and filesystem flags are left out, since they mean nothing on another machine.

Where programs read a header differently, it is read as docker, podman and umoci do, since they unpack the images:
global extended headers are ignored, of several headers of one kind the last counts alone, and
GNU's long names go before those of pax. What engines read in different ways is refused.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from fromscratch.errors import FormatError, ImageError
from fromscratch.formats.tar import fields, sparse
from fromscratch.formats.tar.header import BILLION, BLOCK, NUL_BLOCK
from fromscratch.formats.tar.input import DAMAGED as _DAMAGED
from fromscratch.formats.tar.input import ArchiveBytes, FileBytes, StreamBytes
from fromscratch.formats.tar.sparse import Sparse
from fromscratch.model.entry import Meta, Xattrs
from fromscratch.paths import MAX_PATH, check_length, decode
from fromscratch.regular_file import open_unbuffered

_MAX_EXTENSION = 1 << 20  # all that is said of one file before its header; the readers of engines stop there too
_MAX_MAJOR, _MAX_MINOR = (1 << 12) - 1, (1 << 20) - 1  # linux/kdev_t.h
_MAX_ID = (1 << 32) - 2  # the last number is chown(2)'s "leave as it is"
_MAX_SECONDS = 1 << 63
_REGULAR = b"0\x007"  # 7 is "contiguous", which POSIX treats as regular
_NO_CONTENT = b"123456"
_REFUSED = {
    b"M": ("goes on from another volume", "make the archive again without --multi-volume"),
    b"D": ("belongs to an incremental backup", "make the archive again without --listed-incremental"),
}


class Member(Struct, frozen=True):
    """One entry of the archive.

    `flag` is one of `0` (regular) `1` (hard link) `2` (symlink) `3` `4` (character and block device)
    `5` (directory) `6` (FIFO). `name` and `link` are raw bytes, `mtime` counts nanoseconds. `size` bytes lie at
    `offset`; they are the content, or the parts of it that `sparse` lists.
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


def members(
    archive: Path, title: str = "", *, whole: bool = False, markers: list[bytes] | None = None
) -> Iterator[Member]:
    """Every entry of an uncompressed tar archive, in order. Messages call it `title`, or else by its path.

    With `whole` its digest shows that it is complete: then it may end without its two blocks of zeros, as engines
    allow, and may be empty. The names of global extended headers are added to `markers`: engines
    read them as names of entries.

    Raises FormatError, naming the entry, for an archive that is damaged or cut and for what an image cannot keep.
    """
    title = title or str(archive)
    try:
        with open_unbuffered(archive) as stream:
            yield from _Scan(title, FileBytes(stream.fileno()), whole=whole, markers=markers)
    except OSError as error:
        raise ImageError(f"cannot read {title}: {error.strerror}", "see whether the path is right") from error


def stream_members(stream: BinaryIO, title: str, *, whole: bool = False) -> Iterator[tuple[Member, StreamBytes]]:
    """The same of a stream that can be read once. Each entry's content must be read before the next entry."""
    source = StreamBytes(stream)
    for member in _Scan(title, source, whole=whole):
        yield member, source


def shown_name(name: bytes) -> str:
    return repr(decode(name[:200]))


class _Scan:
    """One walk over the headers of an archive."""

    _extension_bytes = 0  # bytes of extended headers since the last entry

    def __init__(
        self, title: str, source: ArchiveBytes, *, whole: bool = False, markers: list[bytes] | None = None
    ) -> None:
        self._title, self._source, self._whole = title, source, whole
        self._markers = [] if markers is None else markers
        self._where = "at its start"
        self._records: dict[bytes, bytes] = {}  # of the last extended header before an entry
        self._long: dict[bytes, bytes] = {}  # GNU's long name and long link
        self._waiting = False  # for the entry that they are of

    def __iter__(self) -> Iterator[Member]:
        try:
            while (block := self._next_block()) != NUL_BLOCK:
                fields.verify_checksum(block)
                flag, size = block[156:157], fields.number(block[124:136], "size")
                if flag in b"xgLK":
                    self._learn(block, flag, self._extension(size))
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
        if self._waiting:
            raise FormatError("an extended header stands before no entry", _DAMAGED)
        last = self._source.last_block()
        if last.strip(b"\0"):
            raise FormatError("a block of zeros stands between two entries", _DAMAGED)
        if self._whole and 0 < len(last) < BLOCK:
            raise FormatError("its end marker is cut within a block, which engines refuse", _DAMAGED)

    def _extension(self, size: int) -> bytes:
        """The payload of an extended header or GNU long name."""
        self._extension_bytes += size
        if size < 0 or self._extension_bytes > _MAX_EXTENSION:
            raise FormatError(f"an extended header of {size} bytes is more than any file needs", _DAMAGED)
        return self._source.read(size + -size % BLOCK)[:size]

    def _learn(self, block: bytes, flag: bytes, payload: bytes) -> None:
        match flag:
            case b"g":
                if self._waiting:
                    # Go's reader forgets then what stood before, GNU tar and libarchive do not.
                    raise FormatError("a global header stands between an entry and its extended header", _DAMAGED)
                found = fields.records(payload)
                fields.check(found)
                self._markers.append(found.get(b"path") or fields.name(block))
                return
            case b"x":
                self._records = fields.records(payload)
            case _:
                self._long[flag] = fields.text(payload)
        self._waiting = True

    def _member(self, block: bytes, flag: bytes, size: int) -> Member:
        found, long = self._records, self._long
        if self._waiting:
            self._records, self._long, self._waiting = {}, {}, False
        self._extension_bytes = 0
        # An empty value in an extended header means that the field of the block holds.
        own = fields.name(block)
        name = sparse.name(found) or long.get(b"L") or found.get(b"path") or own
        self._where = shown_name(name)
        _check_name(name)
        if found:
            _refuse_lossy(found)
            fields.check(found)
            size = fields.integer(found[b"size"], "size") if found.get(b"size") else size
        flag, size, holes = self._kind(block, flag, size, name, found)
        offset = self._source.position
        self._source.skip(size)
        recorded = long.get(b"K") or found.get(b"linkpath")
        link = (recorded or fields.text(block[157:257])) if flag in b"12" else b""
        if len(link) > MAX_PATH:
            raise FormatError(f"its link leads along {len(link)} bytes, where Linux allows {MAX_PATH}", _DAMAGED)
        major, minor = _device(block) if flag in b"34" else (0, 0)
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
            major=major,
            minor=minor,
            xattrs=fields.xattrs(found) if found else (),
            sparse=holes,
        )

    def _kind(
        self, block: bytes, flag: bytes, size: int, name: bytes, found: Mapping[bytes, bytes]
    ) -> tuple[bytes, int, Sparse | None]:
        """The type flag that an entry counts as, the bytes of its content in the archive, and the map of a sparse file.

        Maps that stand before the content are read from the archive.
        """
        if sparse.is_sparse(found) and (flag not in _REGULAR or name.endswith(b"/")):
            raise FormatError("the entry is not a file and has the map of a sparse one", _DAMAGED)
        if flag == b"S":
            return b"0", size, sparse.old_gnu(block, size, self._source.read)
        if flag in _REGULAR and sparse.is_sparse(found):
            holes, size = sparse.pax(found, size, self._source.read)
            return b"0", size, holes
        if flag in _REGULAR:
            return _regular(flag, name, size), size, None
        if flag in _NO_CONTENT:
            return flag, 0, None  # a size here means no content: the archives of some old tars have one
        raise _refused(flag)


def _check_name(name: bytes) -> None:
    if not name:
        raise FormatError("an entry has no name", _DAMAGED)
    check_length(name)


def _regular(flag: bytes, name: bytes, size: int) -> bytes:
    if flag != b"\0" or not name.endswith(b"/"):
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
    owner = fields.number(field, what)  # a field that nobody uses must be a number too, for engines
    if record:
        owner = fields.integer(record, what)
    if not 0 <= owner <= _MAX_ID:
        raise FormatError(f"its {what} is {owner}, which no Linux can have", _DAMAGED)
    return owner


def _device(block: bytes) -> tuple[int, int]:
    numbers = fields.device(block)
    for device, most in zip(numbers, (_MAX_MAJOR, _MAX_MINOR), strict=True):
        if not 0 <= device <= most:
            raise FormatError(f"its device number is {device}, which no Linux can have", _DAMAGED)
    return numbers


def _mtime(field: bytes, record: bytes | None) -> int:
    time = fields.number(field, "mtime") * BILLION
    if record:
        time = fields.nanoseconds(record)
    if not -_MAX_SECONDS <= time // BILLION < _MAX_SECONDS:
        raise FormatError("its mtime is beyond all times that Linux knows", _DAMAGED)
    return time
