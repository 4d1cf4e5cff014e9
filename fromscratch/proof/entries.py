"""Where two tars first differ, entry by entry, as they are read."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import zip_longest
from typing import BinaryIO

from fromscratch.digest import CHUNK
from fromscratch.errors import ImageError
from fromscratch.formats.tar_bytes import StreamBytes
from fromscratch.formats.tar_reader import Member, stream_members
from fromscratch.model.listing import quoted
from fromscratch.paths import decode, tree_path
from fromscratch.proof.difference import Difference, Field, bytes_field, common, shown, text_field

_KINDS = {
    b"0": "file",
    b"1": "hard link",
    b"2": "symlink",
    b"3": "character device",
    b"4": "block device",
    b"5": "directory",
    b"6": "FIFO",
}
_BILLION = 10**9

_Found = tuple[Member, StreamBytes]


def first_difference(left: BinaryIO, right: BinaryIO) -> Difference | None:
    """The first entry that is not alike in both, or stands at another place; None if all entries are alike.

    Memory is bounded by the number of entries. Raises FormatError for what is no tar that we read.
    """
    lefts, rights = stream_members(left, "the one layer"), stream_members(right, "the other layer")
    for number, (one, other) in enumerate(zip_longest(lefts, rights), 1):
        if one is None or other is None or _name(one[0]) != _name(other[0]):
            return _displaced(number, one, other, lefts, rights)
        fields = tuple(_fields(one, other))
        if fields:
            return Difference(kind="entry", path=_path(one[0]), fields=fields)
    return None


def first_byte(left: BinaryIO, right: BinaryIO) -> tuple[int, bytes, bytes] | None:
    """Where two streams differ first, and what follows there in each; None if they are the same."""
    return _first_byte(lambda: _filled(left), lambda: _filled(right))


def entry_at(stream: BinaryIO, offset: int) -> str:
    """The path of the entry whose header is at this offset of a tar; "" behind the last."""
    for member, _ in stream_members(stream, "the layer"):
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
    (one, its), (other, others) = left, right
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
        ("size", str(one.size), str(other.size)),
    ):
        if of_one != of_other:
            yield text_field(name, of_one, of_other)
    yield from _xattrs(dict(one.xattrs), dict(other.xattrs))
    differing = _first_byte(lambda: its.content(CHUNK), lambda: others.content(CHUNK))
    if differing is not None:
        offset, here, there = differing
        yield bytes_field(f"content from offset {offset} on", here, there)


def _xattrs(left: dict[str, bytes], right: dict[str, bytes]) -> Iterator[Field]:
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name):
            values = (None if value is None else shown(value) for value in (left.get(name), right.get(name)))
            yield Field(f"xattr {quoted(name)}", *values)


def _first_byte(left: Callable[[], bytes], right: Callable[[], bytes]) -> tuple[int, bytes, bytes] | None:
    """Each gives the next bytes: as many as the other, but at its end."""
    offset = 0
    while True:
        one, other = left(), right()
        if one != other:
            alike = common(one, other)
            return offset + alike, one[alike:], other[alike:]
        if not one:
            return None
        offset += len(one)


def _filled(stream: BinaryIO) -> bytes:
    """The next CHUNK bytes, fewer only at the end."""
    pieces = []
    left = CHUNK
    while left and (piece := stream.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


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
