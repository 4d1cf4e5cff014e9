"""Scanning folders of this machine into trees."""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path

from fromscratch.digest import ValueHasher
from fromscratch.errors import ImageError
from fromscratch.model.content import HostFile, Inline
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Origin, Symlink, Xattrs
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.xattrs import belongs_to_file
from fromscratch.paths import ROOT, TreePath, decode

# The kernel's Documentation/filesystems/overlayfs.rst: the marks of an upper folder about those below it.
_OF_OVERLAYFS = frozenset(
    f"{space}.overlay.{name}"
    for space in ("trusted", "user")
    for name in ("opaque", "redirect", "metacopy", "whiteout", "whiteouts")
)
Skip = Callable[[TreePath], bool]

_NAME = attrgetter("name")
# Python decodes names by the locale; names in a tree are always UTF-8 with surrogates.
_NAMES_ARE_UTF_8 = sys.getfilesystemencoding() == "utf-8"


def scan(
    directory: Path,
    origin: Callable[[str], Origin] | Origin,
    *,
    owner: tuple[int, int] | None = None,
    canonical_modes: bool = False,
    skip: Skip | None = None,
) -> Rootfs:
    """The tree of a folder, without following symlinks in it; other mounted filesystems are entered.

    Modes, owners, times, attributes, hard links, devices and FIFOs are kept; attributes that belong to
    the machine rather than to the file are not (`model.attributes`). `owner` is the owner of everything instead.
    `canonical_modes` keeps what git would: 0755 for directories and executable files, else 0644, no
    attributes, no hard links; so the tree depends neither on the umask nor on the user. Paths for which
    `skip` is true are left out, with all below them. `origin` is the reason of
    every entry, or gives it for a path of the tree.

    Raises ImageError for what cannot be read, for a socket, which no image can hold, and for marks of overlayfs:
    its upper folder is incomplete without the folders below it.
    """
    return _Scan(origin, owner, canonical_modes).run(directory, skip)


def fingerprint(directory: Path, *, skip: Skip | None = None) -> str:
    """A digest of the folder by the lstat(2) of each entry: it changes whenever something in the folder does.

    Raises ImageError for a folder that cannot be read.
    """
    seen = ValueHasher()
    for _, place, facts in _walk(directory, skip):
        numbers = (facts.st_mode, facts.st_uid, facts.st_gid, facts.st_size, facts.st_rdev)
        seen.add((place, *numbers, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino))
    return seen.hexdigest()


def _walk(directory: Path, skip: Skip | None) -> Iterator[tuple[str, TreePath, os.stat_result]]:
    """Every entry: its path on the machine, its path in the tree, and what lstat(2) says. The folder is the first.

    The order depends on the names only.
    """
    folder = os.fspath(directory)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        yield folder, ROOT, directory.stat()
        pending = [(folder, "")]
        while pending:
            folder, place = pending.pop()
            # By descriptor, the kernel looks up single names; and a directory that is replaced by a symlink
            # meanwhile is not followed.
            descriptor = os.open(folder, flags)
            flags |= os.O_NOFOLLOW
            prefix = folder if folder.endswith("/") else f"{folder}/"
            try:
                with os.scandir(descriptor) as found:
                    for item in sorted(found, key=_NAME):
                        name = item.name if _NAMES_ARE_UTF_8 else decode(os.fsencode(item.name))
                        path = TreePath(f"{place}/{name}")
                        if skip is not None and skip(path):
                            continue
                        facts = item.stat(follow_symlinks=False)
                        where = prefix + item.name
                        if stat.S_ISDIR(facts.st_mode):
                            pending.append((where, path))
                        yield where, path, facts
            finally:
                os.close(descriptor)
    except OSError as error:
        raise _unreadable(_failed_path(error, folder), error) from error


def _failed_path(error: OSError, folder: str) -> str:
    """The path that could not be read: an error below a descriptor has only the name."""
    name = error.filename
    return os.path.join(folder, name) if isinstance(name, str) else folder  # noqa: PTH118  names of any bytes


def _unreadable(path: str, error: OSError) -> ImageError:
    return ImageError(f"cannot read {path}: {error.strerror}", "make it readable, or leave it out with exclude")


class _Scan:
    def __init__(
        self, origin: Callable[[str], Origin] | Origin, owner: tuple[int, int] | None, canonical_modes: bool
    ) -> None:
        self._origin, self._owner, self._canonical = origin, owner, canonical_modes
        self._inodes: dict[tuple[int, int], TreePath] = {}
        # Many files share mode, owner and time: they share one Meta.
        self._metas: dict[tuple[int, int, int, int], Meta] = {}

    def run(self, directory: Path, skip: Skip | None) -> Rootfs:
        entries: dict[TreePath, Entry] = {}
        one = (self._origin,) if isinstance(self._origin, Origin) else ()
        for path, place, facts in _walk(directory, skip):
            try:
                entries[place] = self._entry(path, place, facts, one or (self._reason(place),))
            except OSError as error:
                raise _unreadable(path, error) from error
        return Rootfs(entries)

    def _reason(self, place: TreePath) -> Origin:
        return self._origin if isinstance(self._origin, Origin) else self._origin(place)

    def _entry(self, path: str, place: TreePath, facts: os.stat_result, origins: tuple[Origin, ...]) -> Entry:
        meta = self._meta(path, facts)
        if facts.st_nlink > 1 and not self._canonical and not stat.S_ISDIR(facts.st_mode):
            first = self._inodes.setdefault((facts.st_dev, facts.st_ino), place)
            if first != place:
                return HardLink(meta, first, origins)
        return _of_kind(path, facts, meta, origins)

    def _meta(self, path: str, facts: os.stat_result) -> Meta:
        uid, gid = self._owner or (facts.st_uid, facts.st_gid)
        mode = _canonical_mode(facts.st_mode) if self._canonical else stat.S_IMODE(facts.st_mode)
        if not self._canonical and (xattrs := _xattrs(path)):
            return Meta(mode, uid, gid, facts.st_mtime_ns, xattrs)
        key = (mode, uid, gid, facts.st_mtime_ns)
        known = self._metas.get(key)
        if known is None:
            known = self._metas[key] = Meta(*key)
        return known


def entry_of(path: str, facts: os.stat_result) -> Entry:
    """The entry of one path of the machine, without hard links and origin.

    Raises OSError, and ImageError for a socket.
    """
    meta = Meta(stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid, facts.st_mtime_ns, _xattrs(path))
    return _of_kind(path, facts, meta, ())


def _of_kind(path: str, facts: os.stat_result, meta: Meta, origins: tuple[Origin, ...]) -> Entry:
    match stat.S_IFMT(facts.st_mode):
        case stat.S_IFREG:
            if not facts.st_size:
                return File(meta, Inline(b""), origins)
            return File(meta, HostFile.of(path, facts), origins)
        case stat.S_IFDIR:
            return Directory(meta, origins)
        case stat.S_IFLNK:
            target = os.readlink(os.fsencode(path))  # noqa: PTH115  a Path holds no bytes
            return Symlink(meta, decode(target), origins)
        case stat.S_IFCHR:
            if facts.st_rdev == 0:
                raise _overlayfs_error(path, "the device 0,0, which takes away a file below it")
            return Device(meta, "c", os.major(facts.st_rdev), os.minor(facts.st_rdev), origins)
        case stat.S_IFBLK:
            return Device(meta, "b", os.major(facts.st_rdev), os.minor(facts.st_rdev), origins)
        case stat.S_IFIFO:
            return Fifo(meta, origins)
    raise ImageError(f"{path} is a socket, which no image can hold", "leave it out with exclude")


def _overlayfs_error(path: str, what: str) -> ImageError:
    return ImageError(
        f"{path} is part of an upper folder of overlayfs: it is {what}",
        "name the folder that overlayfs is mounted at, which has all layers",
    )


def _canonical_mode(mode: int) -> int:
    if stat.S_ISLNK(mode):
        return 0o777
    return 0o755 if stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and mode & 0o111) else 0o644


def _xattrs(path: str) -> Xattrs:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return ()
        raise
    if not names:
        return ()
    for name in names:
        of_folders = name.endswith((".opaque", ".whiteouts"))  # they have a meaning on directories only
        if name in _OF_OVERLAYFS and (not of_folders or stat.S_ISDIR(os.lstat(path).st_mode)):
            raise _overlayfs_error(path, f"marked by {name}, which changes what is below it")
    labelled = ((decode(os.fsencode(name)), name) for name in names)
    return tuple(
        sorted(
            (label, os.getxattr(path, name, follow_symlinks=False))
            for label, name in labelled
            if belongs_to_file(label)
        )
    )
