"""A real tree to measure with: a part of a folder of this machine, of about a wished size."""

import multiprocessing
import subprocess
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from fromscratch.formats.layer import pack
from fromscratch.host.scan import scan
from fromscratch.model.entry import Directory, File, HardLink, Origin
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath

HERE = Origin("benchmark", "found in", "this machine")
_LARGEST = 40 << 20


def sample(source: Path, megabytes: int, target: Path) -> Rootfs:
    """Copy a fair part of `source` to `target`: every so many entries, the same ones every time.

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
    share = min(1.0, megabytes * 1_000_000 / max(1, whole.size))
    part = Rootfs({path: whole.inode(path) for path in whole if _wanted(whole, path, share)})
    target.mkdir()
    unpack = subprocess.Popen(["tar", "-xpf", "-", "-C", str(target)], stdin=subprocess.PIPE)
    with unpack:
        pack(part, cast(BinaryIO, unpack.stdin), codec="none")
    if unpack.returncode:
        raise SystemExit("tar could not unpack the sample")


def _wanted(tree: Rootfs, path: TreePath, share: float) -> bool:
    entry = tree[path]
    if isinstance(entry, File) and entry.content.size > _LARGEST:
        return False
    if isinstance(entry, Directory | HardLink) and share < 1:
        return False
    return zlib.crc32(path.encode("utf-8", "surrogateescape")) / 2**32 < share
