"""Reading: a tar into a tree, and a folder into a tree."""

import os
import tarfile
from pathlib import Path
from shlex import quote

from benchmarks.runner import Case, Group
from benchmarks.sample import HERE
from fromscratch.formats.tar.tree import read_tree
from fromscratch.formats.tar.writer import blocks
from fromscratch.host.machine.scan import fingerprint, scan
from fromscratch.model.rootfs import Rootfs


def groups(tree: Rootfs, folder: Path, scratch: Path) -> list[Group]:
    archive = scratch / "read.tar"
    with open(archive, "wb") as stream:
        stream.writelines(blocks(tree))

    def by_tarfile() -> None:
        with tarfile.open(archive) as tar:
            tar.getmembers()

    def by_walk() -> None:
        for directory, _, names in os.walk(folder):
            for name in names:
                os.lstat(f"{directory}/{name}")

    return [
        Group(
            "read the entries of a tar",
            [
                Case("tarfile, getmembers", by_tarfile),
                Case("fromscratch, read_tree", lambda: read_tree(archive, HERE)),
                Case("tar -t", f"tar -tf {quote(str(archive))} > /dev/null", needs=("tar",)),
            ],
            units=len(tree),
        ),
        Group(
            "scan a folder",
            [
                Case("os.walk and lstat", by_walk),
                Case("fromscratch, scan", lambda: scan(folder, HERE)),
                Case("fromscratch, fingerprint", lambda: fingerprint(folder)),
            ],
            units=len(tree),
        ),
    ]
