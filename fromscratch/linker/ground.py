"""Where the loader model looks for objects: a root, and what has been read of it."""

from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

from fromscratch.errors import FormatError, NotInTree
from fromscratch.formats.elf import Elf, Read, read_elf
from fromscratch.model import view as views
from fromscratch.model.content import Content
from fromscratch.model.entry import File
from fromscratch.model.view import View


class Opened(NamedTuple):
    """A file as the loader meets it. `identity` is equal for two names of one inode.

    `elf` is None for what is no whole ELF file, and `fault` says then what is wrong with it.
    """

    identity: Any
    elf: Elf | None
    fault: str = ""


class Ground(Protocol):
    """A root as the loader model asks of it. What was answered once stays so."""

    @property
    def view(self) -> View:
        """The root itself."""

    def names(self, directory: str, /) -> Container[str]:
        """The names in the directory that a path leads to; empty if it leads to none."""

    def opened(self, path: str, /) -> Opened | None:
        """The regular file that a path leads to, or None."""

    def reading(self, path: str, /) -> AbstractContextManager[Read]:
        """The bytes of such a file, for as long as the context lasts."""


class TreeGround:
    """Any view as a ground."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._names: dict[str, frozenset[str]] = {}
        self._opened: dict[str, Opened | None] = {}

    def names(self, directory: str) -> frozenset[str]:
        known = self._names.get(directory)
        if known is None:
            known = self._names[directory] = frozenset(views.names(self.view, directory))
        return known

    def opened(self, path: str) -> Opened | None:
        """Raises ImageError for a file that cannot be read."""
        if path not in self._opened:
            place = views.place(self.view, path)
            known = None if place is None else self._opened.get(f"\0{place}")
            if known is None and place is not None:
                known = self._opened[f"\0{place}"] = self._read(place)
            self._opened[path] = known
        return self._opened[path]

    def _read(self, place: str) -> Opened | None:
        entry = views.look(self.view, place)
        if not isinstance(entry, File):
            return None
        with _reading(entry.content) as read:
            try:
                return Opened(place, read_elf(read))
            except FormatError as error:
                return Opened(place, None, error.message)

    @contextmanager
    def reading(self, path: str) -> Iterator[Read]:
        """Raises NotInTree for what is no regular file."""
        entry = views.look(self.view, path)
        if not isinstance(entry, File):
            raise NotInTree(f"{path} is no regular file", "ls shows what is there")
        with _reading(entry.content) as read:
            yield read


@contextmanager
def _reading(content: Content) -> Iterator[Read]:
    with content.open() as stream:

        def read(offset: int, size: int) -> bytes:
            stream.seek(offset)
            return stream.read(size)

        yield read
