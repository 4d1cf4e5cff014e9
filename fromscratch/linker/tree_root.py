"""Roots of the loader model that are made of a tree, or of a root beneath a tree."""

from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from fromscratch.errors import Conflict, FormatError, ImageError, NotInTree
from fromscratch.formats.elf.headers import Read, read_elf
from fromscratch.linker.root import Root, RootFile
from fromscratch.model import view as views
from fromscratch.model.content import Content
from fromscratch.model.entry import File, HardLink
from fromscratch.model.stacked import Beneath
from fromscratch.model.view import View
from fromscratch.paths import TreePath


class TreeRoot:
    """A root of the loader model over any view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._names: dict[str, frozenset[str]] = {}
        self._opened: dict[str, RootFile | None] = {}

    def names(self, directory: str) -> frozenset[str]:
        known = self._names.get(directory)
        if known is None:
            known = self._names[directory] = frozenset(views.names(self.view, directory))
        return known

    def place(self, path: str) -> str | None:
        return views.place(self.view, path)

    def file(self, path: str) -> RootFile | None:
        """Raises ImageError for a file that cannot be read."""
        if path not in self._opened:
            place = self._inode(path)
            known = None if place is None else self._opened.get(f"\0{place}")
            if known is None and place is not None:
                known = self._opened[f"\0{place}"] = self._read(place)
            self._opened[path] = known
        return self._opened[path]

    def _inode(self, path: str) -> str | None:
        """The first name of the file that a path leads to."""
        place = views.place(self.view, path)
        entry = None if place is None else self.view.get(place)
        return entry.target if isinstance(entry, HardLink) else place

    def _read(self, place: str) -> RootFile | None:
        entry = views.look(self.view, place)
        if not isinstance(entry, File):
            return None
        with _reading(entry.content) as read:
            try:
                return RootFile(place, read_elf(read))
            except FormatError as error:
                return RootFile(place, None, error.message)

    @contextmanager
    def reading(self, path: str) -> Iterator[Read]:
        """Raises NotInTree for what is not a regular file."""
        entry = views.look(self.view, path)
        if not isinstance(entry, File):
            raise NotInTree(f"{path} is not a regular file", "ls shows what is there")
        with _reading(entry.content) as read:
            yield read


class RootBeneath:
    """A root beneath another one: its files, by the paths that lead to them through the symlinks of the upper root."""

    def __init__(self, root: Root, upper: View) -> None:
        self._lower, self.view = root, Beneath(root.view, upper)
        self._reals: dict[str, tuple[TreePath, ...]] = {}

    def names(self, directory: str, /) -> Container[str]:
        return _Together([self._lower.names(real) for real in self._real(directory)])

    def place(self, path: str, /) -> str | None:
        return views.place(self.view, path)

    def file(self, path: str, /) -> RootFile | None:
        return next((self._lower.file(real) for real in self._real(path)), None)

    def reading(self, path: str, /) -> AbstractContextManager[Read]:
        return self._lower.reading(next(iter(self._real(path)), path))

    def _real(self, path: str) -> tuple[TreePath, ...]:
        """The path in the lower root of what a path leads to; of a directory, each one whose names are merged in it."""
        if path not in self._reals:
            try:
                place = views.place(self.view, path)
                self._reals[path] = () if place is None else self.view.reals(place)
            except Conflict:
                raise
            except ImageError:  # a folder on the way that this user may not look into
                self._reals[path] = (TreePath(path),)
        return self._reals[path]


class _Together:
    """The names of several directories that are merged into one."""

    def __init__(self, parts: Sequence[Container[str]]) -> None:
        self._parts = parts

    def __contains__(self, name: object) -> bool:
        return any(name in part for part in self._parts)


@contextmanager
def _reading(content: Content) -> Iterator[Read]:
    with content.open() as stream:

        def read(offset: int, size: int) -> bytes:
            stream.seek(offset)
            return stream.read(size)

        yield read
