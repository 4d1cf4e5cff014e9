"""Path resolution inside a root: path_resolution(7), with the root in place of the machine's.

`entries` are those of a tree, so every parent exists.
"""

from typing import Protocol

from fromscratch import paths
from fromscratch.errors import NotInTree, UnsafePath
from fromscratch.model.entry import Directory, Entry, HardLink, Symlink, kind_of
from fromscratch.paths import ROOT, TreePath

# The limit of the Linux kernel on symlinks in one resolution: MAXSYMLINKS.
MAX_SYMLINKS = 40


class Circle(NotInTree):
    """A symlink leads back to itself."""


class Entries(Protocol):
    """What stands at exactly a path: a mapping, or a `View`."""

    def get(self, path: TreePath, /) -> Entry | None: ...


def walk(
    entries: Entries,
    path: str,
    *,
    follow_last: bool,
    must_exist: bool,
    refuse_absolute: bool = False,
) -> TreePath:
    """Where `path` leads. Missing components are taken literally, unless the path `must_exist`.

    Raises NotInTree for what is missing, no directory, or goes round in a circle, and UnsafePath for an
    absolute symlink on the way with `refuse_absolute`.
    """
    pending = _steps(path)
    here = ROOT
    links = 0
    while pending:
        part = pending.pop()
        if part == "..":
            here = paths.parent(here)
        if part in (".", ".."):
            continue
        step = paths.join(here, part)
        entry = entries.get(step)
        if isinstance(entry, HardLink):  # a symlink can have several names too
            entry = entries.get(entry.target)
        if isinstance(entry, Symlink) and (pending or follow_last):
            links += 1
            if links > MAX_SYMLINKS:
                raise Circle(f"{path}: the symlink {step} goes round in a circle", "fix one of the links")
            if entry.target.startswith("/"):
                if refuse_absolute:
                    raise _leaves_folder(path, step, entry)
                here = ROOT
            pending.extend(_steps(entry.target))
            continue
        if entry is None and must_exist:
            raise NotInTree(f"{path} is not in the tree: there is no {step}", "ls shows what is there")
        if pending and entry is not None and not isinstance(entry, Directory):
            raise NotInTree(f"{path} is not in the tree: {step} is a {kind_of(entry)}", "ls shows what is there")
        here = step
    return here


def _leaves_folder(path: str, link: TreePath, entry: Symlink) -> UnsafePath:
    return UnsafePath(
        f"{path} would be written through the absolute symlink {link} -> {entry.target}",
        "the archive tries to leave the folder it is unpacked in; do not trust it",
    )


def _steps(path: str) -> list[str]:
    """The components of a path, the last first. A slash at the end asks for a directory, as `.` does."""
    steps = [part for part in reversed(path.split("/")) if part]
    return [".", *steps] if path.endswith("/") and steps else steps


def locate(entries: Entries, path: TreePath, *, refuse_absolute: bool = False) -> TreePath:
    """Where a new entry of this path would stand: only its parents are followed."""
    if path == ROOT or isinstance(entries.get(paths.parent(path)), Directory):
        return path  # the common case: parents in a tree are never symlinks themselves
    return walk(entries, path, follow_last=False, must_exist=False, refuse_absolute=refuse_absolute)
