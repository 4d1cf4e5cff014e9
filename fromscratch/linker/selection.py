"""What is taken out of one or several roots: entries with their reasons, and the way that leads to each."""

from collections.abc import Sequence

from msgspec.structs import replace

from fromscratch.errors import NotInTree
from fromscratch.linker.beyond.contract import Made
from fromscratch.linker.root import Ground
from fromscratch.model import view as views
from fromscratch.model.content import Inline
from fromscratch.model.entry import Directory, Entry, HardLink, Origin, Symlink, file
from fromscratch.model.resolution import walk
from fromscratch.model.stacked import Beneath, Stacked
from fromscratch.paths import TreePath, ancestors

MADE = -1
_MANY = 16  # reasons kept of one entry: libc.so.6 has one for every object


class Taken:
    """`entries` are as they stand in the roots; `grounds` tells for each place which root it is from, or MADE."""

    def __init__(self, grounds: Sequence[Ground], source: str) -> None:
        self._roots, self._source = grounds, source
        self.view = Stacked(*(ground.view for ground in grounds))
        self.entries: dict[TreePath, Entry] = {}
        self.grounds: dict[TreePath, int] = {}
        self._left: dict[TreePath, tuple[int, Origin]] = {}  # folders that paths go back out of

    def ground_of(self, path: str) -> int | None:
        """The root in which a path leads somewhere; None for all of them as one, where symlinks may cross."""
        if views.place(self.view, path) is not None:
            return None
        for number, ground in enumerate(self._roots):
            if views.place(ground.view, path) is not None:
                return number
        raise NotInTree(f"there is no {path}", "see whether the path is right")

    def way(self, number: int | None, path: str, origin: Origin) -> tuple[TreePath, int]:
        """Take what is on the way of a path: where it leads, and the root that this is from."""
        view = self.view if number is None else self._roots[number].view
        *links, place = views.way(view, path)
        for passed in views.left(view, path):
            self._left.setdefault(passed, (self.layer(number, passed), origin))
        for link in links:
            self.put(self.layer(number, link), link, Origin(self._source, "link to", str(place), origin))
        return place, self.layer(number, place)

    def named(self, place: TreePath) -> str:
        """The path of what stands here in the root that it is from."""
        view = self._roots[self.layer(None, place)].view
        reals = view.reals(place) if isinstance(view, Beneath) else ()
        return reals[0] if reals else place

    def layer(self, number: int | None, place: TreePath) -> int:
        return (self.view.layer(place) or 0) if number is None else number

    def first(self, path: str) -> int | None:
        """The root that a path is taken from; None if no root alone has it, as its symlinks cross over."""
        for number, ground in enumerate(self._roots):
            if ground.opened(path) is not None:
                return number
        return None

    def put(self, number: int, place: TreePath, origin: Origin) -> None:
        """Take what stands at a place in one of the roots. Raises Conflict for what would be two different files."""
        present = self.entries.get(place)
        if present is not None:
            if origin not in present.origins and len(present.origins) < _MANY:
                self.entries[place] = replace(present, origins=(*present.origins, origin))
            return
        view = self._roots[number].view
        entry = view.get(place)
        if isinstance(view, Beneath):
            view.reals(place)  # what would be two files is not taken
        if isinstance(entry, Symlink) and any(entry is each.view.get(place) for each in self._roots[:number]):
            number = self.view.layer(place) or 0  # a root shows what is laid over it: the symlink is that one's own
        if isinstance(entry, HardLink):
            if self.view.layer(entry.target) == number:
                self.put(number, entry.target, origin)
            else:  # an upper root has another file of that name
                entry = self._roots[number].view.get(entry.target)
        upper = self.view.get(place)
        if entry is None or (isinstance(entry, Symlink) and isinstance(upper, Directory)):
            return  # an upper root has a directory here: what the symlink leads to comes by its place
        self.entries[place], self.grounds[place] = replace(entry, origins=(origin,)), number

    def make(self, made: Made) -> None:
        origin = Origin(self._source, "made by", made.detail)
        upper, path = self._roots[0].view, made.path
        if isinstance(upper.get(path), Symlink) and views.place(upper, path) is None:
            path = walk(upper, path, follow_last=True, must_exist=False)  # it leads to what is not there yet
        self.entries[path] = file(Inline(made.data), origin)
        self.grounds[path] = MADE

    def put_left(self) -> None:
        """The folders that must be there for a path to go back out of them, though nothing lies there."""
        implied = {above for place in self.entries for above in ancestors(place)}
        for place, (number, origin) in self._left.items():
            if place not in implied and place not in self.entries:
                self.put(number, place, Origin(self._source, "parent of", "what lies beside it", origin))
