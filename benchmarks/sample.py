"""A real tree to measure with: a part of a folder of this machine, of about a wished size."""

import multiprocessing
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from fromscratch.formats.packing.layer import pack
from fromscratch.host.machine.scan import scan
from fromscratch.model.entry import Directory, File, HardLink, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, parent

HERE = Origin("benchmark", "found in", "this machine")


def sample(source: Path, megabytes: int, target: Path) -> Rootfs:
    """Copy a fair part of `source` to `target`: whole folders, drawn in an order that is the same every time.

    The answer is the tree of the copy.
    """
    # In a process of its own: the tree of all of /usr would count as memory of every case.
    copying = multiprocessing.get_context("spawn").Process(target=_copy, args=(source, megabytes, target))
    copying.start()
    copying.join()
    if copying.exitcode:
        raise SystemExit("the sample could not be made")
    return scan(target, HERE)


def _copy(source: Path, megabytes: int, target: Path) -> None:
    whole = scan(source, HERE, skip=lambda path: path.startswith("/local/") or path.endswith(".sock"))
    part = Rootfs({path: whole.inode(path) for path in _drawn(whole, megabytes * 1_000_000)})
    target.mkdir()
    unpack = subprocess.Popen(["tar", "-xpf", "-", "-C", str(target)], stdin=subprocess.PIPE)
    with unpack:
        pack(part, cast(BinaryIO, unpack.stdin), codec="none")
    if unpack.returncode:
        raise SystemExit("tar could not unpack the sample")


def _drawn(tree: Rootfs, most: int) -> Iterator[TreePath]:
    folders: dict[TreePath, list[TreePath]] = {}
    for path, entry in tree.items():
        if not isinstance(entry, Directory | HardLink):
            folders.setdefault(parent(path), []).append(path)
    for folder in sorted(folders, key=lambda path: zlib.crc32(path.encode("utf-8", "surrogateescape"))):
        entries = [tree[path] for path in folders[folder]]
        size = sum(entry.content.size for entry in entries if isinstance(entry, File))
        if size <= most:
            most -= size
            yield from folders[folder]
