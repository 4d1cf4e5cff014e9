"""Trees and layers read from tar archives. Contents are not copied: they are slices of the archive."""

from collections.abc import Callable, Iterator
from pathlib import Path

from fromscratch.errors import FormatError, ImageError, NotInTree
from fromscratch.formats.tar.reader import Member, members, shown_name
from fromscratch.formats.tar.sparse import Sparse
from fromscratch.limits import DEFAULT_LIMITS, Limits, check_entries, check_implied
from fromscratch.model.builder import TreeBuilder
from fromscratch.model.content import ArchiveMember, Content, Inline, SparseMember, digest_of
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Origin, Symlink
from fromscratch.model.layers import LayerStack
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.whiteouts import Change, effective, is_whiteout
from fromscratch.paths import TreePath, decode, tree_path

_DAMAGED = "the archive is damaged or cut; fetch or make it again"
_TIMES = 16  # all layers together may have this many times the entries that the image may have


def read_tree(
    archive: Path,
    origin: Callable[[str], Origin] | Origin,
    *,
    strip: int = 0,
    title: str = "",
    limits: Limits = DEFAULT_LIMITS,
    once: bool = False,
) -> Rootfs:
    """The tree in an uncompressed tar archive.

    `origin` is the reason of every entry, or gives it for a path of the tree. `strip` takes that many
    leading components off every name, and an entry with no more than those falls away; a leading
    `./` or `/` is not a component. Messages call the archive `title`, or else by its path. With `once`, no
    file may be there a second time with other bytes: where archives are searched, and not unpacked, the first counts.

    Raises FormatError for a damaged or cut archive and for what an image cannot keep, UnsafePath for a
    name that leads outside the root, Conflict for one that lies below a file, and TooLarge for more than
    `limits` allow; all name the archive, and the entry if there is one.
    """
    builder = TreeBuilder(forbid_absolute_links=True)
    reading = _Reading(archive, title or str(archive), limits)
    for member in reading.members():
        try:
            path = _place(member.name, strip)
            if path is not None:
                reason = origin if isinstance(origin, Origin) else origin(path)
                entry = reading.entry(member, strip, reason)
                if once:
                    _check_same(builder.get(path), entry)
                builder.put(path, entry)
        except ImageError as error:
            raise reading.about(member.name, error) from error
        check_entries(builder.weight, limits, reading.title)
        check_implied(builder.implied, reading.count, limits, reading.title)
    return builder.build()


def lay(
    stack: LayerStack, archive: Path, origin: Origin, *, title: str, limits: Limits = DEFAULT_LIMITS, used: int = 0
) -> int:
    """Lay the layer in an uncompressed tar archive over those of the stack.

    The layer is verified by its digest, so it is whole, with or without blocks of zeros at its end. Returns the size
    of its sparse files; `used` is what the layers before it expanded to. Accepts and refuses what `read_tree` does, but
    symlinks are followed wherever they lead inside the root, and a file replaces a whole directory, as engines do.
    """
    reading = _Reading(archive, title, limits, used, whole=True)
    changes: list[Change] = []
    names: list[bytes] = []
    for member in reading.members():
        try:
            path = tree_path(decode(member.name))
            changes.append((path, None if is_whiteout(path) else reading.entry(member, 0, origin)))
            names.append(member.name)
        except ImageError as error:
            raise reading.about(member.name, error) from error
    stack.laid += len(changes)
    check_entries(stack.laid, limits, f"every layer up to {title}, counted together,", times=_TIMES)
    try:
        stack.begin(effective(stack, changes))
    except FormatError as error:
        raise FormatError(f"{title}: {error.message}", error.hint) from error
    for name, (path, entry) in zip(names, changes, strict=True):
        try:
            if entry is None:
                stack.pass_whiteout(path)
            else:
                stack.put(path, entry)
        except ImageError as error:
            raise reading.about(name, error) from error
        check_entries(stack.weight, limits, f"what the layers up to {title} make")
        check_implied(stack.implied, stack.laid, limits, f"what the layers up to {title} hold")
    _check_markers(stack, reading)
    stack.end()
    return reading.size


def _check_markers(stack: LayerStack, reading: "_Reading") -> None:
    for name in reading.markers:
        try:
            stack.check_marker(tree_path(decode(name)))
        except ImageError as error:
            raise reading.about(name, error) from error


class _Reading:
    """One archive while its entries are read, checked against the limits."""

    def __init__(self, archive: Path, title: str, limits: Limits, used: int = 0, *, whole: bool = False) -> None:
        self.title, self.size, self.count, self._whole = title, 0, 0, whole
        self.markers: list[bytes] = []
        self._archive, self._limits, self._used = archive, limits, used

    def members(self) -> Iterator[Member]:
        for member in members(self._archive, self.title, whole=self._whole, markers=self.markers):
            self.count += 1
            check_entries(self.count, self._limits, self.title)
            yield member

    def about(self, name: bytes, error: ImageError) -> ImageError:
        """The error of an entry, with the archive and the entry named."""
        kind = FormatError if isinstance(error, NotInTree) else type(error)
        return kind(f"{self.title}: {shown_name(name)}: {error.message}", error.hint)

    def entry(self, member: Member, strip: int, origin: Origin) -> Entry:
        meta, origins = member.meta, (origin,)
        match member.flag:
            case b"0":
                return File(meta, self._content(member), origins)
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

    def _content(self, member: Member) -> Content:
        if member.sparse is not None:
            # What the archive does not hold is as large as it says.
            self.size += member.sparse.size
            self._limits.for_blob(self._archive.stat().st_size, self._used).check(self.size, self.title)
            return _spread(member, self._archive, member.sparse)
        return ArchiveMember(self._archive, member.offset, member.size) if member.size else Inline(b"")


def _check_same(present: Entry | None, entry: Entry) -> None:
    match present, entry:
        case (None, _) | (Directory(), Directory()):
            return
        case File(_, one, _), File(_, other, _) if one.size == other.size and digest_of(one) == digest_of(other):
            return
        case _ if present == entry:
            return
    raise FormatError(
        "it is there twice, and not the same: some readers take the first, and others the last",
        "make the archive again, with each file once",
    )


def _place(name: bytes, strip: int) -> TreePath | None:
    path = tree_path(decode(name))
    if not strip:
        return path
    parts = path.split("/")[1 + strip :]
    return TreePath("/" + "/".join(parts)) if parts else None


def _spread(member: Member, archive: Path, whole: Sparse) -> SparseMember:
    parts, offset = [], member.offset
    for place, length in whole.parts:
        parts.append((place, offset, length))
        offset += length
    return SparseMember(archive, whole.size, tuple(parts))
