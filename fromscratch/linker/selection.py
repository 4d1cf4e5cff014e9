"""The entries that are selected from one or several roots, with their reasons and the symlinks that lead to them."""

from collections.abc import Sequence

from msgspec.structs import replace

from fromscratch.errors import NotInTree
from fromscratch.linker.beyond.contract import GeneratedFile
from fromscratch.linker.root import Root
from fromscratch.model import view as views
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, HardLink, Origin, Symlink, file
from fromscratch.model.resolution import walk
from fromscratch.model.stacked import Beneath, Stacked
from fromscratch.paths import TreePath, ancestors

GENERATED = -1
_MAX_ORIGINS = 16  # of one entry: libc.so.6 would have one for every object


class Selection:
    """The entries selected so far.

    `entries` are as they stand in the roots; `root_numbers` has for each place the index of the root it is from, or
    GENERATED. `view` is all roots as one.
    """

    def __init__(self, roots: Sequence[Root], source: str) -> None:
        self._roots, self._source = roots, source
        self.view = Stacked(*(root.view for root in roots))
        self.entries: dict[TreePath, Entry] = {}
        self.root_numbers: dict[TreePath, int] = {}
        self._folders_left: dict[TreePath, tuple[int, Origin]] = {}  # folders that a path enters and leaves by `..`

    def root_of(self, path: str) -> int | None:
        """The root in which a path resolves; None for all of them as one, where symlinks may lead from one to another.

        Raises NotInTree.
        """
        if views.place(self.view, path) is not None:
            return None
        for number, root in enumerate(self._roots):
            if views.place(root.view, path) is not None:
                return number
        raise NotInTree(f"there is no {path}", "see whether the path is right")

    def add_symlinks(self, number: int | None, path: str, origin: Origin) -> tuple[TreePath, int]:
        """Select the symlinks that resolving a path goes through. Returns its place, and the root that has that."""
        view = self.view if number is None else self._roots[number].view
        *links, place = views.symlinks_and_place(view, path)
        for folder in views.folders_left(view, path):
            self._folders_left.setdefault(folder, (self.root_number(number, folder), origin))
        for link in links:
            self.add(self.root_number(number, link), link, Origin(self._source, "link to", str(place), origin))
        return place, self.root_number(number, place)

    def path_in_root(self, place: TreePath) -> str:
        """The path, in the root that it is from, of what stands at a place."""
        view = self._roots[self.root_number(None, place)].view
        reals = view.reals(place) if isinstance(view, Beneath) else ()
        return reals[0] if reals else place

    def root_number(self, number: int | None, place: TreePath) -> int:
        """`number`, or if that is None, the uppermost root that has the place."""
        return (self.view.layer(place) or 0) if number is None else number

    def first_root_with(self, path: str) -> int | None:
        """The first root in which a path leads to a regular file; None if it needs symlinks of several roots."""
        for number, root in enumerate(self._roots):
            if root.file(path) is not None:
                return number
        return None

    def add(self, number: int, place: TreePath, origin: Origin) -> None:
        """Select what stands at a place in one of the roots. Raises Conflict for what would be two different files."""
        present = self.entries.get(place)
        if present is not None:
            if origin not in present.origins and len(present.origins) < _MAX_ORIGINS:
                self.entries[place] = replace(present, origins=(*present.origins, origin))
            return
        view = self._roots[number].view
        entry = view.get(place)
        if isinstance(view, Beneath):
            view.reals(place)  # raises the Conflict
        if isinstance(entry, Symlink) and any(entry is each.view.get(place) for each in self._roots[:number]):
            number = self.view.layer(place) or 0  # a lower root shows the symlinks of the upper ones as its own
        if isinstance(entry, HardLink):
            if self.view.layer(entry.target) == number:
                self.add(number, entry.target, origin)
            else:  # an upper root has another file of that name
                entry = self._roots[number].view.get(entry.target)
        upper = self.view.get(place)
        if entry is None or (isinstance(entry, Symlink) and isinstance(upper, Directory)):
            return  # the upper root's directory stays; what the symlink leads to is selected by its own place
        self.entries[place], self.root_numbers[place] = replace(entry, origins=(origin,)), number

    def add_generated(self, generated: GeneratedFile) -> None:
        """Select a file that none of the roots has."""
        origin = Origin(self._source, "made by", generated.detail)
        upper, path = self._roots[0].view, generated.path
        if isinstance(upper.get(path), Symlink) and views.place(upper, path) is None:
            path = walk(upper, path, follow_last=True, must_exist=False)  # a symlink to what is not there yet
        self.entries[path] = file(Inline(generated.data), origin)
        self.root_numbers[path] = GENERATED

    def add_folders_left(self) -> None:
        """Select the folders that a path enters and leaves by `..`, where nothing in them is selected."""
        implied = {above for place in self.entries for above in ancestors(place)}
        for place, (number, origin) in self._folders_left.items():
            if place not in implied and place not in self.entries:
                self.add(number, place, Origin(self._source, "parent of", "what lies beside it", origin))
