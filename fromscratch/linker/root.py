"""The root filesystem that the loader model searches for objects."""

from collections.abc import Container
from contextlib import AbstractContextManager

from fromscratch.formats.elf.headers import ET_CORE, ET_REL, Elf, Read
from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # a closure of this machine's files needs no tree: without the import it starts faster
    from typing import Any, Protocol

    from fromscratch.model.view import View
else:
    Protocol = object


NOT_ELF = "it is not an ELF file"
UNREADABLE = "it cannot be read"
UNLOADED = {ET_REL: "an object file, which no loader takes", ET_CORE: "a core dump"}


class RootFile(NamedTuple):
    """A regular file of a root, as the loader sees it. `identity` is equal for two names of one inode.

    `elf` is None for a file that is not a whole ELF file; `fault` then says why.
    """

    identity: "Any"
    elf: Elf | None
    fault: str = ""


class Root(Protocol):
    """A root filesystem as the loader model reads it. Answers are cached: later changes of the root are not seen."""

    @property
    def view(self) -> "View":
        """The entries of the root."""

    def names(self, directory: str, /) -> Container[str]:
        """The names in the directory that a path leads to; empty if it leads to none."""

    def place(self, path: str, /) -> str | None:
        """Where a path leads, every symlink followed; None if it leads nowhere."""

    def file(self, path: str, /) -> RootFile | None:
        """The regular file that a path leads to, or None."""

    def reading(self, path: str, /) -> AbstractContextManager[Read]:
        """The bytes of such a file, for as long as the context lasts."""


def read_small_file(root: Root, path: str, limit: int) -> bytes | None:
    """The bytes of a small file; None if there is none, or one of more than `limit` bytes."""
    if root.file(path) is None:
        return None
    with root.reading(path) as read:
        data = read(0, limit + 1)
    return data if len(data) <= limit else None
