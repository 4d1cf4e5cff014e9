"""Trees and traces for tests of slimming."""

import re
from collections.abc import Mapping

from fromscratch.formats.trace.events import Event, Kind, Run, Trace
from fromscratch.model.content import Inline
from fromscratch.model.entry import Entry, File, HardLink, Meta, Symlink
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, tree_path
from fromscratch.slimming.options import SlimOptions
from fromscratch.slimming.selection import Selection, select
from tests import trees
from tests.sysroots import LOADER, MULTIARCH, libc, loader

AMD64 = Platform("linux", "amd64")

MERGED_USR: dict[str, bytes | str] = {
    "/bin": "-> usr/bin",
    "/lib": "-> usr/lib",
    "/lib64": "-> usr/lib64",
    f"{MULTIARCH}/ld-linux-x86-64.so.2": loader(),
    f"/usr{LOADER}": "-> /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    f"{MULTIARCH}/libc.so.6": libc(),
}


def tree(lines: str = "", files: Mapping[str, bytes | str] | None = None) -> Rootfs:
    """The tree of these lines (see `tests.trees`), with files of these bytes, and symlinks that are "-> TARGET"."""
    entries: dict[TreePath, Entry] = dict(trees.tree(lines)) if lines.strip() else {}
    for path, piece in (files or {}).items():
        entries[tree_path(path)] = File(Meta(0o755), Inline(piece)) if isinstance(piece, bytes) else _text(piece)
    return Rootfs(entries)


def _text(piece: str) -> Entry:
    if piece.startswith("-> "):
        return Symlink(Meta(0o777), piece[3:])
    return File(Meta(0o755), Inline(piece.encode()))


def trace(*events: tuple[Kind, str] | tuple[Kind, str, str], command: str = "serve") -> Trace:
    """One run with these events: kind, path, and perhaps the program."""
    made = tuple(Event(event[0], event[1], event[2] if len(event) == 3 else "") for event in events)
    return Trace((Run(command=(command,), recorder="strace"),), made)


def opened(*paths: str) -> Trace:
    return trace(*(("open", path) for path in paths))


def chosen(whole: Rootfs, seen: Trace, config: RunConfig | None = None, **options: tuple[str, ...] | bool) -> Selection:
    return select(whole, seen, config or RunConfig(), AMD64, SlimOptions(**options))  # type: ignore[arg-type]


def kept(whole: Rootfs, seen: Trace, config: RunConfig | None = None, **options: tuple[str, ...] | bool) -> str:
    """What is kept of a tree, a line an entry as `tree` takes them: without the root and the sizes of files."""
    listed = trees.listed(chosen(whole, seen, config, **options).tree)
    return re.sub(r"(?m)^(f \d+ \d+:\d+) \d+ ", r"\1 ", listed)


def names(selection: Selection) -> list[str]:
    """The files, links and devices that are kept, without folders that are there for them."""
    return [path for path, entry in selection.tree.items() if isinstance(entry, File | Symlink | HardLink)]


def reasons(selection: Selection, path: str) -> list[str]:
    return [f"{origin.reason} {origin.detail}" for origin in selection.tree[tree_path(path)].origins]
