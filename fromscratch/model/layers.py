"""Layers laid over each other: image-spec/layer.md, "Applying Changesets" and "Whiteouts".

An entry of a layer whose path goes through a symlink of a lower layer is written where that leads, inside the root, as
on a filesystem. Whiteouts (`whiteouts.effective`) affect the lower layers only and create nothing: docker and podman
create the directory of a whiteout if there is none, umoci and the specification do not.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from fromscratch import paths
from fromscratch.errors import FormatError
from fromscratch.model.builder import Inode, TreeBuilder
from fromscratch.model.entry import Directory, Entry, HardLink, Symlink, also_from
from fromscratch.model.rootfs import Rootfs
from fromscratch.model.whiteouts import OPAQUE, PREFIX, RECORDS, is_whiteout
from fromscratch.paths import TreePath

_HINT = "the layer is damaged, or was made to do harm: make the image again"


class LayerStack:
    """The root that a container of some layers sees.

    An entry of a layer replaces what lower layers have at its path. Raises what `TreeBuilder` raises.
    """

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._records: set[TreePath] = set()
        self.laid = 0
        """How many entries and whiteouts all layers had together."""
        self._removed: dict[TreePath, tuple[Inode, TreePath]] = {}  # by this layer, each with the whiteout
        self._passed: set[TreePath] = set()  # whiteouts that stand before the next entry

    @property
    def weight(self) -> int:
        """About how much memory and work the tree takes: see `TreeBuilder`."""
        return self._tree.weight

    @property
    def implied(self) -> int:
        """How many directories were never put: see `TreeBuilder`."""
        return self._tree.implied

    def get(self, path: TreePath, /) -> Entry | None:
        """The entry where the parents of a path lead."""
        return self._tree.get(path)

    def build(self) -> Rootfs:
        """The finished tree."""
        return self._tree.build()

    def begin(self, whiteouts: Iterable[TreePath]) -> None:
        """Start a new layer by all its whiteouts; its entries are `put` next, and then comes `end`."""
        for mark in whiteouts:
            self._apply(mark)

    def end(self) -> None:
        """Finish the layer."""
        for path in self._records:
            if self._tree.at(path) is not None:
                self._tree.remove(path)
        self._records, self._removed, self._passed = set(), {}, set()

    def pass_whiteout(self, mark: TreePath) -> None:
        """Note that a whiteout stands at this point among the entries: engines apply it there."""
        self._passed.add(mark)

    def put(self, path: TreePath, entry: Entry) -> TreePath:
        """Put an entry of the layer. A directory keeps what lower layers have in it, and their reasons for it."""
        if path.startswith(f"/{RECORDS}"):
            self._records.add(TreePath("/" + path.split("/", 2)[1]))
        inode = None
        if isinstance(entry, HardLink):
            if self._tree.located(path) == self._tree.located(entry.target):
                raise FormatError(f"{path} is a hard link to itself", _HINT)
            inode = self._inode(self._tree.located(entry.target))
            _check_link(path, entry, inode.entry)
        present = self._tree.at(path)
        if isinstance(entry, Directory) and isinstance(present, Directory) and present.origins:
            entry = also_from(replace(entry, origins=present.origins), entry)
        place = self._tree.put(path, entry, inode=inode, replaces_directories=True)
        if place != path and f"/{PREFIX}" in place:
            raise FormatError(f"{path} leads to {place}, which is the name of a whiteout", _HINT)
        return place

    def check_marker(self, path: TreePath) -> None:
        """Check the name of a global header, which stands for no entry.

        Docker removes what is there and creates a directory; others ignore it, so nothing may have that name. To be
        called after all entries of the layer. Raises FormatError.
        """
        if is_whiteout(path) or self.get(path) is not None or self.get(paths.parent(path)) is None:
            raise FormatError(
                f"a global extended header has the name {path}, where docker would change something",
                "engines read this in different ways; make the image again without global headers",
            )

    def _inode(self, target: TreePath) -> Inode:
        """The file that a hard link is a name of. It may be one of the lower layers whose name this layer removes."""
        if self._tree.at(target) is None and target in self._removed:
            inode, mark = self._removed[target]
            if mark in self._passed:
                raise FormatError(
                    f"it is a hard link to {target}, which the whiteout {mark} before it takes away",
                    "engines read this in different ways; make the image again with a program that writes links first",
                )
            return inode
        return self._tree.inode(target)

    def _apply(self, mark: TreePath) -> None:
        """Remove what a whiteout is of."""
        folder, name = self._tree.resolve(paths.parent(mark)), paths.name(mark)
        if folder is None:
            return
        names = self._tree.children(folder) if name == OPAQUE else [name.removeprefix(PREFIX)]
        for each in names:
            place = paths.join(folder, each)
            if self._tree.at(place) is not None:
                removed = self._tree.remove(place)
                self._removed.update((path, (inode, mark)) for path, inode in removed.items())


def _check_link(path: TreePath, entry: HardLink, inode: Entry | None) -> None:
    """Raises FormatError for a hard link whose metadata differ from those of its file.

    Docker and podman apply them to the file; umoci and tars ignore them.
    """
    if inode is None or isinstance(inode, Directory):
        return  # refused when it is put
    link, file = entry.meta, inode.meta
    same = (link.uid, link.gid) == (file.uid, file.gid) and set(link.xattrs) <= set(file.xattrs)
    if not isinstance(inode, Symlink):
        same = same and (link.mode, link.mtime) == (file.mode, file.mtime)
    if not same:
        raise FormatError(
            f"{path} is a hard link and says other owners, modes, times or attributes than its file {entry.target}",
            "engines read this in different ways; make the image again with a program that writes both alike",
        )
