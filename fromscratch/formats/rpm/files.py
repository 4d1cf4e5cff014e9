"""The files of a package, by its header."""

from collections.abc import Sequence
from enum import IntFlag
from typing import TypeVar

from msgspec import Struct

from fromscratch.errors import ImageError
from fromscratch.formats.rpm.header import Header, file_names
from fromscratch.formats.rpm.tags import Tag
from fromscratch.limits import DEFAULT_LIMITS, Limits, check_entries
from fromscratch.paths import TreePath, check_length, encode, tree_path

_Value = TypeVar("_Value", str, int)


class Flag(IntFlag):
    """What a package says of a file: rpm's include/rpm/rpmfiles.h."""

    CONFIGURATION = 1
    DOCUMENTATION = 2
    MISSING_OK = 8
    GHOST = 64
    LICENCE = 128


class Described(Struct, frozen=True):
    """A file by its header. `inode` is the same for the hard links of one file; `digest` is empty if it has none."""

    index: int
    path: TreePath
    mode: int
    user: str
    group: str
    size: int
    mtime: int
    digest: str
    target: str
    flags: Flag
    rdev: int
    inode: tuple[int, int]
    capabilities: str

    @property
    def is_ghost(self) -> bool:
        return bool(self.flags & Flag.GHOST)


def described(header: Header, title: str, limits: Limits = DEFAULT_LIMITS) -> list[Described]:
    """The files of a header, in its order. Raises FormatError, UnsafePath, TooLarge."""
    names = file_names(header)
    check_entries(len(names), limits, title)
    count = len(names)

    def texts(tag: Tag, *, required: bool = False) -> Sequence[str]:
        return _column(header, header.texts(tag), count, "", required)

    def numbers(tag: Tag, *, required: bool = False) -> Sequence[int]:
        return _column(header, header.numbers(tag), count, 0, required)

    sizes = Tag.LONG_FILE_SIZES if Tag.LONG_FILE_SIZES in header else Tag.FILE_SIZES
    inodes = zip(numbers(Tag.FILE_DEVICES), numbers(Tag.FILE_INODES), strict=True)
    columns = zip(
        range(count),
        (_place(name, title) for name in names),
        numbers(Tag.FILE_MODES, required=True),
        texts(Tag.FILE_USERS, required=True),
        texts(Tag.FILE_GROUPS, required=True),
        numbers(sizes, required=True),
        numbers(Tag.FILE_MTIMES, required=True),
        texts(Tag.FILE_DIGESTS),
        texts(Tag.FILE_LINK_TARGETS),
        map(Flag, numbers(Tag.FILE_FLAGS)),
        numbers(Tag.FILE_RDEVS),
        ((device, inode or -index - 1) for index, (device, inode) in enumerate(inodes)),
        texts(Tag.FILE_CAPABILITIES),
        strict=True,
    )
    return [Described(*values) for values in columns]


def _column(header: Header, values: Sequence[_Value], count: int, default: _Value, required: bool) -> Sequence[_Value]:
    if len(values) == count:
        return values
    if required or values:
        raise header.damaged("what it says of its files does not fit together")
    return [default] * count


def _place(name: str, title: str) -> TreePath:
    try:
        path = tree_path(name)
        check_length(encode(path[1:]))
    except ImageError as error:
        raise type(error)(f"{title}: {name!r}: {error.message}", error.hint) from error
    return path
