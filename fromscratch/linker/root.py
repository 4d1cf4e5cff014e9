"""Where the loader model looks for objects: a root, and what has been read of it."""

from collections.abc import Container
from contextlib import AbstractContextManager

from fromscratch.formats.elf.headers import ET_CORE, ET_REL, Elf, Read
from fromscratch.named_tuple import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # a closure of this machine's files never holds a tree, and starts without loading what trees are
    from typing import Any, Protocol

    from fromscratch.model.view import View
else:
    Protocol = object


NOT_ELF = "it is not an ELF file"
UNREADABLE = "it cannot be read"
UNLOADED = {ET_REL: "an object file, which no loader takes", ET_CORE: "a core dump"}


class Opened(NamedTuple):
    """A file as the loader meets it. `identity` is equal for two names of one inode.

    `elf` is None for what is no whole ELF file, and `fault` says then what is wrong with it.
    """

    identity: "Any"
    elf: Elf | None
    fault: str = ""


class Ground(Protocol):
    """A root as the loader model asks of it. What was answered once stays so."""

    @property
    def view(self) -> "View":
        """The root itself."""

    def names(self, directory: str, /) -> Container[str]:
        """The names in the directory that a path leads to; empty if it leads to none."""

    def place(self, path: str, /) -> str | None:
        """Where a path leads, every symlink followed; None if it leads nowhere."""

    def opened(self, path: str, /) -> Opened | None:
        """The regular file that a path leads to, or None."""

    def reading(self, path: str, /) -> AbstractContextManager[Read]:
        """The bytes of such a file, for as long as the context lasts."""


def whole(ground: Ground, path: str, limit: int) -> bytes | None:
    """The bytes of a small file; None if there is none, or one of more than `limit` bytes."""
    if ground.opened(path) is None:
        return None
    with ground.reading(path) as read:
        data = read(0, limit + 1)
    return data if len(data) <= limit else None
