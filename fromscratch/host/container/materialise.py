"""Writing a tree into a private folder of this machine."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import assert_never

from msgspec import Struct

from fromscratch.digest import CHUNK
from fromscratch.host.storage import disk
from fromscratch.model.entry import Device, Directory, Entry, Fifo, File, HardLink, Meta, Symlink
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, encode

_PERMISSIONS = 0o1777
_REACHABLE = 0o700
_CAPABILITY = "security.capability"


class Owner(Struct, frozen=True):
    """What an ordinary user could not give an entry, and root of a user namespace can; no mode for a symlink."""

    path: str
    uid: int
    gid: int
    mode: int | None
    attributes: tuple[tuple[str, str], ...] = ()


def owners(tree: Rootfs) -> list[Owner]:
    """What to give the entries of a tree that an ordinary user has materialised. The attributes are hexadecimal."""
    return [
        Owner(
            "" if path == ROOT else path,
            entry.meta.uid,
            entry.meta.gid,
            None if isinstance(entry, Symlink) else entry.meta.mode,
            tuple((name, value.hex()) for name, value in entry.meta.xattrs if name == _CAPABILITY),
        )
        for path, entry in tree.items()
        if not isinstance(entry, HardLink) and _is_changed(entry)
    ]


def _is_changed(entry: Directory | File | Symlink | Device | Fifo) -> bool:
    meta = entry.meta
    mode = meta.mode & _PERMISSIONS | (_REACHABLE if isinstance(entry, Directory) else 0)
    changed = not isinstance(entry, Symlink) and mode != meta.mode
    return bool(meta.uid or meta.gid or changed or any(name == _CAPABILITY for name, _ in meta.xattrs))


def materialise(tree: Rootfs, folder: Path) -> None:
    """Write every entry below `folder`, an empty folder that nobody else can reach.

    Root keeps owner, mode and extended attributes. An ordinary user gets everything as their own,
    without setuid and setgid bits, and directories stay reachable for them; attributes that they may
    not set are left out. Device nodes are left out for everyone. Raises ImageError.
    """
    top = os.fsencode(folder)
    writer = _Writer(top, owner=os.geteuid() == 0)
    with disk.explained(folder):
        for path, entry in tree.items():
            # The parents of an entry are directories of the tree, never symlinks, so nothing leads outside.
            writer.put(top if path == ROOT else top + encode(path), entry)
        writer.finish()


class _Writer:
    def __init__(self, top: bytes, owner: bool) -> None:
        self._top, self._owner = top, owner
        self._directories: list[tuple[bytes, Meta]] = []

    def put(self, path: bytes, entry: Entry) -> None:
        match entry:
            case Directory():
                if path != self._top:
                    os.mkdir(path, _REACHABLE)  # noqa: PTH102 - paths are bytes here
                self._directories.append((path, entry.meta))
            case File():
                with open(path, "xb") as out, entry.content.open() as content:
                    shutil.copyfileobj(content, out, CHUNK)
                self._set_meta(path, entry.meta)
            case Symlink():
                os.symlink(encode(entry.target), path)  # noqa: PTH211 - paths are bytes here
                self._set_link_meta(path, entry.meta)
            case HardLink():
                os.link(self._top + encode(entry.target), path, follow_symlinks=False)
            case Fifo():
                os.mkfifo(path)
                self._set_meta(path, entry.meta)
            case Device():
                # A node would only work for root and would then reach this machine's real devices.
                with open(path, "xb"):
                    pass
            case _:
                assert_never(entry)

    def finish(self) -> None:
        """Set modes and times of directories last: writing into one needs rights and changes its time."""
        for path, meta in reversed(self._directories):
            self._set_meta(path, meta, 0 if self._owner else _REACHABLE)

    def _set_meta(self, path: bytes, meta: Meta, extra: int = 0) -> None:
        if self._owner:
            os.chown(path, meta.uid, meta.gid)
        mode = meta.mode if self._owner else meta.mode & _PERMISSIONS | extra
        os.chmod(path, mode)  # noqa: PTH101 - paths are bytes here
        for name, value in meta.xattrs:
            with suppress(OSError):
                os.setxattr(path, encode(name), value)
        os.utime(path, ns=(meta.mtime, meta.mtime))

    def _set_link_meta(self, path: bytes, meta: Meta) -> None:
        if self._owner:
            os.chown(path, meta.uid, meta.gid, follow_symlinks=False)
        os.utime(path, ns=(meta.mtime, meta.mtime), follow_symlinks=False)
