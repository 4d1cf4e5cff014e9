"""What a `binaries` item could start, and for which platforms: seen before anything is built."""

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fromscratch.formats.elf_platform import platform_of
from fromscratch.linker.tree_ground import TreeGround
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, name, parent
from fromscratch.sources.binaries.additions import additions
from fromscratch.sources.binaries.options import BinariesOptions

_FOLDERS = ("bin", "sbin")


class Programs(NamedTuple):
    """`places` are those of programs; `platforms` those that the ELF files among all that is named are for."""

    places: tuple[TreePath, ...]
    platforms: tuple[Platform, ...]


def programs(options: BinariesOptions, folder: Path, wanted: Sequence[Platform] = ()) -> Programs:
    """The executable files that `paths` name; of a staged tree, those in its bin folders, if `paths` name none.

    `wanted` are the platforms whose files count, all without. Raises what `additions` raises.
    """
    label = "binaries"
    platforms: dict[Platform, None] = {}
    places: dict[TreePath, None] = {}
    for platform in wanted or (None,):
        tree, asked = additions(options, folder, label, platform)
        ground = TreeGround(tree)
        for place in asked or _in_bin(tree):
            opened = ground.opened(place)
            found = platform_of(opened.elf) if opened and opened.elf else None
            if found is not None:
                platforms[found] = None
            if _executable(tree, place) and not (opened and opened.elf and not opened.elf.is_program):
                places[place] = None
    return Programs(tuple(places), tuple(platforms))


def _in_bin(tree: Rootfs) -> list[TreePath]:
    return [path for path in tree if name(parent(path)) in _FOLDERS and isinstance(tree.inode(path), File)]


def _executable(tree: Rootfs, place: TreePath) -> bool:
    entry = tree.inode(place)
    return isinstance(entry, File) and bool(entry.meta.mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
