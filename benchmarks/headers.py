"""Tar headers: ours against tarfile's."""

import tarfile
from pathlib import Path

from benchmarks.runner import Case, Group
from fromscratch.formats.tar import writer as tar
from fromscratch.model.entry import Directory
from fromscratch.model.rootfs import Rootfs
from fromscratch.transforms.normalise import normalised


def groups(tree: Rootfs, folder: Path, scratch: Path) -> list[Group]:
    plain = normalised(tree, 0)

    def ours() -> None:
        for path, entry in plain.items():
            tar._header(path, entry)

    def ours_times() -> None:
        for path, entry in tree.items():
            tar._header(path, entry)

    def tobuf() -> None:
        for path, entry in plain.items():
            info = tarfile.TarInfo(path[1:])
            info.mode, info.uid, info.gid, info.mtime = entry.meta.mode, entry.meta.uid, entry.meta.gid, 0
            info.type = tarfile.DIRTYPE if isinstance(entry, Directory) else tarfile.REGTYPE
            info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    def gettarinfo() -> None:
        with tarfile.open(scratch / "headers.tar", "w") as archive:
            for path in tree:
                archive.gettarinfo(f"{folder}{path}", path[1:]).tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    cases = [
        Case("tarfile, TarInfo.tobuf", tobuf),
        Case("tarfile, gettarinfo and tobuf", gettarinfo),
        Case("fromscratch, one time for all", ours),
        Case("fromscratch, nanosecond times (pax)", ours_times),
    ]
    return [Group(f"headers of {len(tree)} entries", cases, units=len(tree))]
