"""Layers laid over each other: image-spec/layer.md, "Applying Changesets" and "Whiteouts".

An entry of a layer that passes a symlink of a lower one is written where that leads, inside the root, as on a
filesystem. Whiteouts count for the lower layers only, wherever they stand among the entries of their own, and make
nothing: docker and podman make the directory of a whiteout if there is none, umoci and the specification do not.
"""

from collections.abc import Iterable
from dataclasses import replace

from fromscratch import paths
from fromscratch.errors import Conflict, FormatError, NotInTree
from fromscratch.model.builder import Counted, Names, TreeBuilder
from fromscratch.model.entry import Directory, Entry, HardLink, also_from, kind_of
from fromscratch.model.resolution import walk
from fromscratch.paths import ROOT, TreePath

PREFIX = ".wh."
OPAQUE = ".wh..wh..opq"
_RECORDS = ".wh..wh."  # of old storage drivers; hard links may name files in them
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
        self._gone: dict[TreePath, tuple[Entry, Names]] = {}  # by whiteouts of this layer

    def begin(self, whiteouts: Iterable[TreePath]) -> None:
        """A new layer, with all its whiteouts; its entries are `put` next, and then comes `end`."""
        for mark in whiteouts:
            self._take_away(mark)

    def end(self) -> None:
        """The layer is complete."""
        for path in self._records & self._entries.keys():
            self._remove(path)
        self._records, self._gone = set(), {}

    def put(self, path: TreePath, entry: Entry) -> TreePath:
        """As in any archive; but a directory keeps what lower layers have in it, and the reasons that it had."""
        if path.startswith(f"/{_RECORDS}"):
            self._records.add(TreePath("/" + path.split("/", 2)[1]))
        if isinstance(entry, HardLink) and self._located(path) == self._located(entry.target):
            raise FormatError(f"{path} is a hard link to itself", _HINT)
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
            return self._gone[target]
        return super()._inode(target)

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
                    self._gone[path] = self._entries[path], self._names.get(path, {})
                self._remove(place)


def is_whiteout(path: TreePath) -> bool:
    """Whether an entry of a layer is a deletion and no file. Raises FormatError for one that no engine could do."""
    if PREFIX not in path:
        return False
    *above, name = path.split("/")
    if above[1:2] and above[1].startswith(_RECORDS):
        return False
    if any(part.startswith(PREFIX) for part in above):
        raise FormatError("it lies below a whiteout, which is no directory", _HINT)
    if not name.startswith(PREFIX):
        return False
    if name in (PREFIX, f"{PREFIX}.", f"{PREFIX}.."):
        raise FormatError("the whiteout would take away the directory that it is in, or one above", _HINT)
    return True
