"""Layers laid over each other: image-spec/layer.md, "Applying Changesets" and "Whiteouts".

An entry of a layer that passes a symlink of a lower one is written where that leads, inside the root, as on a
filesystem. Whiteouts (`whiteouts.effective`) count for the lower layers only and make nothing: docker and podman make
the directory of a whiteout if there is none, umoci and the specification do not.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError, NotInTree
from fromscratch.model.builder import Counted, Names, TreeBuilder
from fromscratch.model.entry import Directory, Entry, HardLink, Symlink, also_from, kind_of
from fromscratch.model.resolution import walk
from fromscratch.model.whiteouts import OPAQUE, PREFIX, RECORDS, is_whiteout
from fromscratch.paths import ROOT, TreePath

_HINT = "the layer is damaged, or was made to do harm: make the image again"


class LayerStack(TreeBuilder):
    """The root that a container of some layers sees.

    Whatever a layer has takes the place of what is there. Raises what `TreeBuilder` raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: set[TreePath] = set()
        self.laid = 0
        """How many entries and whiteouts all layers had together."""
        self._gone: dict[TreePath, tuple[Entry, Names, TreePath]] = {}  # by whiteouts of this layer, and by which
        self._passed: set[TreePath] = set()

    def begin(self, whiteouts: Iterable[TreePath]) -> None:
        """A new layer, with all its whiteouts; its entries are `put` next, and then comes `end`."""
        for mark in whiteouts:
            self._take_away(mark)

    def end(self) -> None:
        """The layer is complete."""
        for path in self._records & self._entries.keys():
            self._remove(path)
        self._records, self._gone, self._passed = set(), {}, set()

    def passed(self, mark: TreePath) -> None:
        """To be called where a whiteout stands among the entries: engines have taken away then what it is of."""
        self._passed.add(mark)

    def put(self, path: TreePath, entry: Entry) -> TreePath:
        """As in any archive; but a directory keeps what lower layers have in it, and the reasons that it had."""
        if path.startswith(f"/{RECORDS}"):
            self._records.add(TreePath("/" + path.split("/", 2)[1]))
        if isinstance(entry, HardLink) and self._located(path) == self._located(entry.target):
            raise FormatError(f"{path} is a hard link to itself", _HINT)
        if isinstance(entry, HardLink):
            self._check_link(path, entry)
        present = self._entries.get(path)
        if isinstance(entry, Directory) and isinstance(present, Directory) and present.origins:
            entry = also_from(replace(entry, origins=present.origins), entry)
        place = super().put(path, entry)
        if place != path and f"/{PREFIX}" in place:
            raise FormatError(f"{path} leads to {place}, which is the name of a whiteout", _HINT)
        return place

    def _inode(self, target: TreePath) -> tuple[Entry | None, Names]:
        """A layer may go on with a file of the lower ones whose name it takes away."""
        if target not in self._entries and target in self._gone:
            inode, names, mark = self._gone[target]
            if mark in self._passed:
                raise FormatError(
                    f"it is a hard link to {target}, which the whiteout {mark} before it takes away",
                    "engines read this in different ways; make the image again with a program that writes links first",
                )
            return inode, names
        return super()._inode(target)

    def _check_link(self, path: TreePath, entry: HardLink) -> None:
        """Docker and podman give the file what its hard link says of it; umoci and tars leave it as it was."""
        inode, _ = self._inode(self._located(entry.target))
        if inode is None or isinstance(inode, Directory):
            return  # refused for that
        told, known = entry.meta, inode.meta
        same = (told.uid, told.gid) == (known.uid, known.gid) and set(told.xattrs) <= set(known.xattrs)
        if not isinstance(inode, Symlink):
            same = same and (told.mode, told.mtime) == (known.mode, known.mtime)
        if not same:
            raise FormatError(
                f"{path} is a hard link and says other owners, modes, times or attributes than its file {entry.target}",
                "engines read this in different ways; make the image again with a program that writes both alike",
            )

    def check_marker(self, path: TreePath) -> None:
        """Of a global header, which stands for no entry: docker takes what is there away and makes a directory for it.

        Others pass it over, so it must be a name of nothing. To be called after all entries of the layer.
        """
        if is_whiteout(path) or self.get(path) is not None or self.get(paths.parent(path)) is None:
            raise FormatError(
                f"a global extended header has the name {path}, where docker would change something",
                "engines read this in different ways; make the image again without global headers",
            )

    def _give_way(self, path: TreePath, place: TreePath, entry: Entry) -> None:
        if place == ROOT:
            raise Conflict(f"{path} is the root and would become a {kind_of(entry)}", _HINT)
        for name in list(self._names_in(place)):
            self._remove(paths.join(place, name))

    def _take_away(self, mark: TreePath) -> None:
        name = paths.name(mark)
        seen = Counted(self._entries)
        try:
            folder = walk(seen, paths.parent(mark), follow_last=True, must_exist=True)
        except NotInTree:
            return
        finally:
            self._count(seen)
        names = list(self._names_in(folder)) if name == OPAQUE else [name.removeprefix(PREFIX)]
        for gone in names:
            place = paths.join(folder, gone)
            if place in self._entries:
                for path in self._below(place):
                    self._gone[path] = self._entries[path], self._names.get(path, {}), mark
                self._remove(place)
