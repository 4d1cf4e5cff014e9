"""What the first process of a container finds: the tree, who it is, where it looks for programs, what it may open."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fromscratch import paths
from fromscratch.errors import NotInTree
from fromscratch.formats.glibc.passwd import Identity
from fromscratch.linker.tree_root import TreeRoot
from fromscratch.model import view as views
from fromscratch.model.entry import Directory, Entry, HardLink, Meta, Symlink
from fromscratch.model.image import DEFAULT_PATH, Platform, RunConfig
from fromscratch.model.resolution import Circle, walk
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import TreePath, shown

READ, WRITE, EXECUTE = 4, 2, 1


class Absence(NamedTuple):
    """Why a path leads to nothing. `place` is where it would stand, with all symlinks followed as far as they lead."""

    place: str
    text: str


class Container:
    """A container of a finished tree with this configuration, before its first process.

    `removed` has what was trimmed from the tree, by which rule. `library_path` are folders that programs which are not
    the image's command are started with in LD_LIBRARY_PATH, by scripts that set it; `may_lack` says whether somebody
    allowed that a library is missing.
    """

    def __init__(
        self,
        tree: Rootfs,
        config: RunConfig,
        platform: Platform,
        who: Identity,
        removed: Mapping[TreePath, str],
        library_path: Sequence[str],
        may_lack: Callable[[str], bool],
    ) -> None:
        self.tree, self.config, self.platform, self.who = tree, config, platform, who
        self.removed, self.library_path, self.may_lack = removed, tuple(library_path), may_lack
        self.root = TreeRoot(tree)
        self.path = config.env.get("PATH", DEFAULT_PATH)
        self.cwd = config.working_dir or "/"

    def absolute(self, path: str) -> str:
        """A path that may be relative to the folder that the process starts in."""
        return path if path.startswith("/") else f"{self.cwd.rstrip('/')}/{path.removeprefix('./')}"

    def entry(self, path: str) -> Entry | None:
        """What a path leads to, or None."""
        return views.look(self.tree, path)

    def absence(self, path: str) -> Absence | None:
        """Why there is nothing where a path leads; None if there is something."""
        try:
            end = walk(self.tree, path, follow_last=True, must_exist=False)
        except Circle:
            return Absence(path, f"{shown(path)} is a symlink that leads back to itself")
        except NotInTree as error:
            return Absence(path, shown(error.message.replace(" is not in the tree: ", " is not in the image: ")))
        if end in self.tree:
            return None
        link = self.tree.find(path, follow_last=False)
        if isinstance(link, Symlink):
            return Absence(end, f"{shown(path)} is a symlink to {shown(end)}, which is not in the image")
        return Absence(end, f"{shown(path)} is not in the image")

    def may(self, meta: Meta, right: int, *, is_directory: bool = False) -> bool:
        """Whether the process has a right to something with this metadata: inode(7), and capabilities(7) for root."""
        if self.who.uid == 0:
            return is_directory or right != EXECUTE or bool(meta.mode & 0o111)
        if meta.uid == self.who.uid:
            granted = meta.mode >> 6
        elif meta.gid == self.who.gid or meta.gid in self.who.groups:
            granted = meta.mode >> 3
        else:
            granted = meta.mode
        return bool(granted & right)

    def refusal(self, path: str, right: int) -> str:
        """Why the process may not do this with what an existing path leads to; empty if it may."""
        for step in views.steps(self.tree, path):
            for above in paths.ancestors(step):
                folder = self.tree.get(above)
                if isinstance(folder, Directory) and not self.may(folder.meta, EXECUTE, is_directory=True):
                    return f"{self.user} may not enter {shown(above)} ({owner_and_mode(folder.meta)})"
        entry = self.entry(path)
        if entry is None or self.may(entry.meta, right, is_directory=isinstance(entry, Directory)):
            return ""
        verb = {READ: "read", WRITE: "write to", EXECUTE: "execute"}[right]
        who = "nobody" if right == EXECUTE and not entry.meta.mode & 0o111 else self.user
        return f"{who} may {'' if who == 'nobody' else 'not '}{verb} {shown(path)} ({owner_and_mode(entry.meta)})"

    @property
    def user(self) -> str:
        return f"user {self.who.uid}"

    def rule_that_removed(self, path: str) -> str:
        """The rule of `trim` that took what stood at a path, or its folder; empty if none did."""
        place = TreePath(path)
        for each in (place, *reversed([*paths.ancestors(place)])):
            if each in self.removed:
                return self.removed[each]
        return ""

    def inode_path(self, path: str) -> str:
        """The first name of the file that an existing path leads to."""
        place = views.place(self.tree, path) or TreePath(path)
        entry = self.tree.get(place)
        return entry.target if isinstance(entry, HardLink) else place


def owner_and_mode(meta: Meta) -> str:
    """The facts that decide a right, as messages name them."""
    return f"mode {meta.mode & 0o7777:04o}, owner {meta.uid}:{meta.gid}"
