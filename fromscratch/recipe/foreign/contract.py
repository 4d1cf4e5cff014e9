"""What a reader of another tool's declaration gets and gives.

A reader is a function from text to a draft of a recipe; it touches nothing but what its `Surroundings` answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from fromscratch.address import without_secrets
from fromscratch.recipe.foreign.draft import Draft

_LONGEST = 100


class LeftOut(Struct, frozen=True, order=True):
    """Lines of a declaration that did not become a part of the recipe as they are, and why.

    `text` is the first of the lines, `last` the number of the last one, `file` a file that the declaration includes.
    One that is only a `remark` loses nothing: the recipe says it in another way, or it is said at delivery.
    """

    file: str
    line: int
    last: int
    text: str
    why: str
    remark: bool = False

    def __str__(self) -> str:
        lines = f"{self.line}" if self.last <= self.line else f"{self.line}-{self.last}"
        return f"{self.file + ':' if self.file else ''}{lines}: {self.text}  ({self.why})"


def quoted(line: str) -> str:
    """A line of a declaration as it is quoted: not too long, and without the secrets of addresses."""
    text = without_secrets(line.strip())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class Converted(Struct, frozen=True):
    """A valid recipe, as text, and what it lacks of the declaration. `form` is what the declaration is called."""

    form: str
    recipe: str
    left_out: tuple[LeftOut, ...]

    @property
    def whole(self) -> bool:
        return all(each.remark for each in self.left_out)


def _no_file(name: str) -> None:
    """No file beside the declaration is known."""


def _nothing(name: str) -> Sequence[str]:
    """No file of the project is known."""
    return ()


def _no_index(kind: str, options: Mapping[str, Any], names: Iterable[str]) -> None:
    """No index of packages is known."""


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a reader may ask about besides the text.

    `name` is the file's name, `image` what the image is called where the declaration does not say. `read` gives the
    text of a file that the declaration names, or None; `find` the paths of the files and folders that a name or glob
    means, from the recipe, with "/" behind a folder. `missing` tells which of these packages no index of such an item
    of a recipe has, or None where no index is at hand.
    """

    name: str
    image: str = "image"
    read: Callable[[str], str | None] = _no_file
    find: Callable[[str], Sequence[str]] = _nothing
    missing: Callable[[str, Mapping[str, Any], Iterable[str]], frozenset[str] | None] = _no_index


# A draft of a recipe, and what of the declaration is not in it, asked for when the draft is settled.
Reading = tuple[Draft, Callable[[], list[LeftOut]]]


class Form(Struct, frozen=True, kw_only=True):
    """A form of declaration: what it is called, how it is recognised by a file's name and text, and its reader."""

    title: str
    recognises: Callable[[str, str], bool]
    reader: Callable[[str, Surroundings], Reading]
