"""The entries of a tree (directories, files, links, devices), and the reasons for them."""

from collections.abc import Iterator
from typing import Literal, TypeVar

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from fromscratch.model.content import Content
from fromscratch.paths import TreePath
from fromscratch.record import OwnEquality, PartlyCompared

Xattrs = tuple[tuple[str, bytes], ...]


class Meta(Struct, frozen=True):
    """The metadata of an inode.

    `mode` is the lower twelve bits (permissions, setuid, setgid, sticky); `mtime` counts
    nanoseconds since 1970; `xattrs` is sorted by name.
    """

    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    xattrs: Xattrs = ()


Reason = Literal[
    "asked for",
    "assumed by",
    "shipped in",
    "needed by",
    "parent of",
    "made by",
    "link to",
    "interpreter of",
    "opened by",
    "started by",
    "looked at by",
    "found in",
]


class Origin(OwnEquality, frozen=True, eq=False):
    """One reason for an entry, in the words that `why` prints.

    `reason` and `detail` form one phrase ("shipped in" "libc6 2.36-9"). `because` is the reason for that package,
    program or parent in turn; the chain ends at something that the user requested. `source` names the item of the
    recipe that the entry is from.
    """

    source: str
    reason: Reason
    detail: str
    because: "Origin | None" = None
    _hash: int = 0  # set below, whatever is given

    # Untrusted files can make a chain of any length (libraries that need each other): nothing here recurses along it.

    def __post_init__(self) -> None:
        behind = self.because._hash if self.because is not None else 0
        force_setattr(self, "_hash", hash((self.source, self.reason, self.detail, behind)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Origin):
            return NotImplemented
        one: Origin | None = self
        two: Origin | None = other
        while one is not two:
            if one is None or two is None or one._hash != two._hash or one._identity() != two._identity():
                return False
            one, two = one.because, two.because
        return True

    def __repr__(self) -> str:
        return f"Origin({' because '.join(repr(link._identity()) for link in self.chain())})"

    def _identity(self) -> tuple[str, str, str]:
        return self.source, self.reason, self.detail

    def chain(self) -> Iterator["Origin"]:
        """This origin and those that it is because of, nearest first."""
        link: Origin | None = self
        while link is not None:
            yield link
            link = link.because


class _Entry(PartlyCompared, frozen=True):
    """What all kinds of entry have: `origins`, the reasons for the entry, which do not count in comparisons."""

    uncompared = ("origins",)


class Directory(_Entry, frozen=True):
    meta: Meta
    origins: tuple[Origin, ...] = ()


class File(_Entry, frozen=True):
    meta: Meta
    content: Content
    origins: tuple[Origin, ...] = ()


class Symlink(_Entry, frozen=True):
    """`target` is the text of the link, never interpreted outside the root."""

    meta: Meta
    target: str
    origins: tuple[Origin, ...] = ()


class HardLink(_Entry, frozen=True):
    """A further name of the inode at `target`. `meta` is that inode's; `Rootfs` keeps them equal."""

    meta: Meta
    target: TreePath
    origins: tuple[Origin, ...] = ()


class Device(_Entry, frozen=True):
    """`kind` is "c" for a character and "b" for a block device; Linux has 12 bits for major and 20 for minor."""

    meta: Meta
    kind: Literal["c", "b"]
    major: int
    minor: int
    origins: tuple[Origin, ...] = ()


class Fifo(_Entry, frozen=True):
    meta: Meta
    origins: tuple[Origin, ...] = ()


Entry = Directory | File | Symlink | HardLink | Device | Fifo

EntryT = TypeVar("EntryT", Directory, File, Symlink, HardLink, Device, Fifo, Entry)


def with_meta(entry: EntryT, meta: Meta) -> EntryT:
    """The same entry with other metadata."""
    return entry if entry.meta == meta else replace(entry, meta=meta)


def also_from(entry: EntryT, other: Entry) -> EntryT:
    """The same entry with the reasons of `other` added after its own."""
    added = tuple(origin for origin in other.origins if origin not in entry.origins)
    return replace(entry, origins=entry.origins + added) if added else entry


def kind_of(entry: Entry) -> str:
    """The word for a kind of entry, as messages use it."""
    match entry:
        case Directory():
            return "directory"
        case File():
            return "file"
        case Symlink():
            return "symlink"
        case HardLink():
            return "hard link"
        case Device():
            return "character device" if entry.kind == "c" else "block device"
        case Fifo():
            return "FIFO"


def is_implied(entry: Entry) -> bool:
    """Whether a directory exists only as the parent of other entries."""
    return isinstance(entry, Directory) and all(origin.reason == "parent of" for origin in entry.origins)


def file(content: Content, *origins: Origin) -> File:
    """A generated file: owned by root, with the mode 0644."""
    return File(Meta(0o644), content, origins)
