"""What a `binaries` item could start, and for which platforms: seen before anything is built."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fromscratch.formats.elf.platform import platform_of
from fromscratch.host.storage.own_folders import OwnFolders
from fromscratch.linker.beyond.scripts.shebang import HEAD, shebang
from fromscratch.linker.offers import SHOWN
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model.entry import File
from fromscratch.model.image import Platform
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import ROOT, TreePath, name, parent
from fromscratch.sources.binaries.additions import Additions, additions, platforms, regular_files
from fromscratch.sources.binaries.options import BinariesOptions, label
from fromscratch.sources.binaries.source import BinariesSource
from fromscratch.sources.contract import Context

_FOLDERS = ("bin", "sbin")


class Programs(NamedTuple):
    """`asked` are those that were named, or of a staged tree that is all there is those in its bin folders,
    else at its root.

    `others` are more programs that have a name to be called by, and `locked` are files that were named and could be
    started if anybody was allowed to. Paths are as they were spelled.
    `platforms` are those that the ELF files are for. `additions` is what the item names for each platform that was
    looked at; under None where it is the same for all.
    """

    asked: tuple[TreePath, ...]
    others: tuple[TreePath, ...]
    locked: tuple[TreePath, ...]
    platforms: tuple[Platform, ...]
    additions: Mapping[Platform | None, Additions]

    def bind(self, options: BinariesOptions, context: Context, shown_offers: int | None = SHOWN) -> BinariesSource:
        """The source of the item that these programs are of. It does not look up again what it names."""
        looked_up = self.additions.get(context.platform) or self.additions.get(None)
        return BinariesSource(options, context, looked_up, shown_offers)


def programs(
    options: BinariesOptions, folder: Path, for_platforms: Sequence[Platform] = (), written: Sequence[Path] = ()
) -> Programs:
    """The ELF programs and scripts that somebody could start; with `for_platforms`, only those for one of them.

    `written` are folders that the build writes, and does not read.

    Raises what `additions` raises.
    """
    found: dict[Platform, None] = {}
    asked: dict[TreePath, None] = {}
    others: dict[TreePath, None] = {}
    locked: dict[TreePath, None] = {}
    looked_at: dict[Platform | None, Additions] = {}
    for platform in for_platforms or platforms(options, folder, label(options)) or (None,):
        own = OwnFolders(written=tuple(written))
        tree, places = looked_at[platform] = additions(options, folder, label(options), platform, own=own)
        root = TreeRoot(tree)
        # `make install` with bindir=/ leaves programs beside no others: those of bin folders come first.
        in_bin = [each for each in _in_bin(tree) if _starts(root, each)] or [
            each for each in _at_root(tree) if _starts(root, each) and _is_allowed(tree, each)
        ]
        starting = [each for each in places if _starts(root, each)]
        others.update(dict.fromkeys(each for each in in_bin if _is_allowed(tree, each)))
        asked.update(dict.fromkeys(each for each in (starting if places else in_bin) if _is_allowed(tree, each)))
        locked.update(dict.fromkeys(each for each in starting if not _is_allowed(tree, each)))
        found.update(dict.fromkeys(_platforms(root, places or in_bin) or _usual(_platforms(root, regular_files(tree)))))
    return Programs(tuple(asked), tuple(others), tuple(locked), tuple(found), looked_at)


def _platforms(root: TreeRoot, paths: Iterable[TreePath]) -> list[Platform]:
    opened = (root.file(path) for path in paths)
    found = dict.fromkeys(platform_of(each.elf) for each in opened if each and each.elf)
    return [each for each in found if each is not None]


def _usual(found: list[Platform]) -> list[Platform]:
    """Among data for several platforms, this machine's."""
    here = Platform.of_this_machine()
    return [here] if here in found else found


def _in_bin(tree: Rootfs) -> list[TreePath]:
    return [path for path in tree if name(parent(path)) in _FOLDERS and isinstance(tree.inode(path), File)]


def _at_root(tree: Rootfs) -> list[TreePath]:
    return [path for path in tree if parent(path) == ROOT and isinstance(tree.inode(path), File)]


def _is_allowed(tree: Rootfs, path: TreePath) -> bool:
    entry = tree.find(path)
    return entry is not None and bool(entry.meta.mode & 0o111)


def _starts(root: TreeRoot, path: TreePath) -> bool:
    """Whether execve(2) would take what is in the file."""
    opened = root.file(path)
    if opened is None or opened.elf is not None:
        return opened is not None and opened.elf is not None and opened.elf.is_program
    with root.reading(path) as read:
        return shebang(read(0, HEAD)) is not None
