"""Settings and commands inside hints, warnings and offers, kept as data so that whoever shows the text spells them.

The same work is asked for from Python, from a recipe and on the command line, where one thing has three spellings.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace


class Setting(Struct, frozen=True):
    """Something that can be set: the name that it has in the library or in a recipe, and perhaps a value for it.

    `in_recipe` says that a recipe is as likely a place to set it as the call, so both spellings are worth showing.
    """

    name: str
    value: str = ""
    in_recipe: bool = False

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name


class Command(Struct, frozen=True):
    """Steps of the work to run, in this order, and what to set for them."""

    steps: tuple[str, ...]
    settings: tuple[Setting, ...] = ()

    def __str__(self) -> str:
        arguments = f"({', '.join(map(str, self.settings))})" if self.settings else ""
        return ", ".join(self.steps) + arguments


Part = str | Setting | Command


class Advice(str):
    """Text that names settings and commands: neutrally as a string, in a caller's own way through `spelled`."""

    parts: tuple[Part, ...]

    def changed(self, change: Callable[[str], str]) -> "Advice":
        """The same with all text changed, that of values too."""
        return advice(*(_changed(part, change) for part in self.parts))


def advice(*parts: Part) -> Advice:
    """These parts as one text; parts that are such texts themselves keep their settings."""
    text = Advice("".join(map(str, parts)))
    flat: list[Part] = []
    for part in parts:
        flat += part.parts if isinstance(part, Advice) else (part,)
    text.parts = tuple(flat)
    return text


def spelled(text: str, spell: Callable[[Setting | Command], str]) -> str:
    """The text with each setting and command as `spell` writes it; a plain text as it is."""
    if not isinstance(text, Advice):
        return text
    return "".join(part if isinstance(part, str) else spell(part) for part in text.parts)


def _changed(part: Part, change: Callable[[str], str]) -> Part:
    if isinstance(part, Setting):
        return replace(part, value=change(part.value))
    if isinstance(part, Command):
        return replace(part, settings=tuple(replace(each, value=change(each.value)) for each in part.settings))
    return change(part)
