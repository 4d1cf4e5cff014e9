"""Where two tars first differ, entry by entry, as they are read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import zip_longest
from typing import BinaryIO

from fromscratch.digest import CHUNK
from fromscratch.errors import ImageError
from fromscratch.formats.tar.input import StreamBytes
from fromscratch.formats.tar.reader import Member, stream_members
from fromscratch.model.entry import Directory, Meta, kind_of
from fromscratch.model.listing import quoted
from fromscratch.paths import decode, tree_path
from fromscratch.proof.difference import Difference, Field, bytes_field, common, shown, text_field

_KINDS = {
    b"0": "file",
    b"1": "hard link",
    b"2": "symlink",
    b"3": "character device",
    b"4": "block device",
    b"5": kind_of(Directory(Meta(0o755))),
    b"6": "FIFO",
}
_BILLION = 10**9
_HOLE = bytes(CHUNK)

_Found = tuple[Member, StreamBytes]


def first_difference(left: BinaryIO, right: BinaryIO) -> Difference | None:
    """The first entry that is not alike in both, or stands at another place; None if all entries are alike.

    Memory is bounded by the number of entries. Raises FormatError for what is not a tar that we read.
    """
    lefts = stream_members(left, "the one layer", whole=True)
    rights = stream_members(right, "the other layer", whole=True)
    for number, (one, other) in enumerate(zip_longest(lefts, rights), 1):
        if one is None or other is None or _name(one[0]) != _name(other[0]):
            return _displaced(number, one, other, lefts, rights)
        fields = tuple(_fields(one, other))
        if fields:
            return Difference(kind="entry", path=_path(one[0]), fields=fields)
    return None


def first_byte(left: BinaryIO, right: BinaryIO) -> tuple[int, bytes, bytes] | None:
    """Where two streams differ first, and what follows there in each; None if they are the same."""
    return _first_byte(iter(lambda: left.read(CHUNK), b""), iter(lambda: right.read(CHUNK), b""))


def entry_at(stream: BinaryIO, offset: int) -> str:
    """The path of the entry whose header is at this offset of a tar; "" behind the last."""
    for member, _ in stream_members(stream, "the layer", whole=True):
        if member.offset + member.size > offset:
            return _path(member)
    return ""


def _displaced(number: int, left: _Found | None, right: _Found | None, *rests: Iterator[_Found]) -> Difference:
    """Two entries of different names at one place: one image lacks one of them, or has it elsewhere."""
    one, other = (found[0] if found else None for found in (left, right))
    of_left, of_right = ({_name(member) for member, _ in rest} for rest in rests)
    if one is not None and (other is None or _name(one) not in of_right):
        return Difference(kind="entry", path=_path(one), fields=(Field("entry", _KINDS[one.flag], None),))
    if other is not None and (one is None or _name(other) not in of_left):
        return Difference(kind="entry", path=_path(other), fields=(Field("entry", None, _KINDS[other.flag]),))
    assert one is not None and other is not None  # noqa: S101, PT018  what one side lacks was found above
    return Difference(kind="order", fields=(Field(f"entry {number}", quoted(_path(one)), quoted(_path(other))),))


def _fields(left: _Found, right: _Found) -> Iterator[Field]:
    """All in which two entries of one name differ."""
    one, other = left[0], right[0]
    if one.flag != other.flag:
        yield Field("kind", _KINDS[one.flag], _KINDS[other.flag])
        return
    for name, of_one, of_other in (
        ("mode", f"{one.mode:04o}", f"{other.mode:04o}"),
        ("uid", str(one.uid), str(other.uid)),
        ("gid", str(one.gid), str(other.gid)),
        ("mtime", _time(one.mtime), _time(other.mtime)),
        ("target", quoted(decode(one.link)), quoted(decode(other.link))),
        ("device", f"{one.major},{one.minor}", f"{other.major},{other.minor}"),
        ("size", str(_size(one)), str(_size(other))),
    ):
        if of_one != of_other:
            yield text_field(name, of_one, of_other)
    yield from _xattrs(dict(one.xattrs), dict(other.xattrs))
    differing = _first_byte(_content(left, right), _content(right, left))
    if differing is not None:
        offset, here, there = differing
        place = _place(one, offset) if one.sparse == other.sparse else offset
        yield bytes_field(f"content from offset {place} on", here, there)


def _xattrs(left: dict[str, bytes], right: dict[str, bytes]) -> Iterator[Field]:
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name):
            values = (None if value is None else shown(value) for value in (left.get(name), right.get(name)))
            yield Field(f"xattr {quoted(name)}", *values)


def _first_byte(left: Iterator[bytes], right: Iterator[bytes]) -> tuple[int, bytes, bytes] | None:
    """The same of pieces of any length."""
    offset, one, other = 0, b"", b""
    while True:
        one, other = one or next(left, b""), other or next(right, b"")
        length = min(len(one), len(other))
        if one[:length] != other[:length] or not length:
            alike = common(one, other)
            return (offset + alike, one[alike:], other[alike:]) if one or other else None
        offset, one, other = offset + length, one[length:], other[length:]


def _content(found: _Found, like: _Found) -> Iterator[bytes]:
    """The bytes of a file; of sparse ones that are so in the same way, what is stored of them."""
    member, source = found
    stored = iter(lambda: source.content(CHUNK), b"")
    return stored if member.sparse == like[0].sparse else _spread(member, source)


def _spread(member: Member, source: StreamBytes) -> Iterator[bytes]:
    """The whole content, with zeros for what is not stored."""
    end = 0
    for start, length in member.sparse.parts if member.sparse else ((0, member.size),):
        yield from _zeros(start - end)
        end = start + length
        for left in range(length, 0, -CHUNK):
            yield source.content(min(CHUNK, left))
    yield from _zeros(_size(member) - end)


def _place(member: Member, offset: int) -> int:
    """Where in the file a byte belongs that is at this offset of what is stored of it."""
    for start, length in member.sparse.parts if member.sparse else ():
        if offset < length:
            return start + offset
        offset -= length
    return offset


def _zeros(count: int) -> Iterator[bytes]:
    for left in range(count, 0, -CHUNK):
        yield _HOLE[:left]


def _size(member: Member) -> int:
    return member.sparse.size if member.sparse else member.size


def _name(member: Member) -> bytes:
    """What two entries have in common that are the same place: a directory's name ends in a slash."""
    return member.name.rstrip(b"/")


def _path(member: Member) -> str:
    name = decode(member.name)
    try:
        return tree_path(name)
    except ImageError:  # an image of somebody else may say anything
        return name


def _time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, _BILLION)
    fraction = f".{rest:09d}" if rest else ""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
    except (ValueError, OverflowError, OSError):
        return f"{seconds}{fraction} s since 1970"
