"""Options of commands that make accounts, by what they mean: several spellings have one name."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from fromscratch.transforms.shell.machine import NotUnderstood
from fromscratch.transforms.shell.options import Option, parse_known


class Words(Struct, frozen=True):
    """The words of a call: its options by the names that the tables give them, and the rest in order."""

    options: Mapping[str, str]
    operands: tuple[str, ...]

    def has(self, name: str) -> bool:
        return name in self.options

    def get(self, name: str) -> str | None:
        return self.options.get(name)

    def number(self, name: str) -> int | None:
        """The value of an option as a number. Raises NotUnderstood."""
        text = self.options.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 11):
            raise NotUnderstood(f"{text!r} is not a number")
        return int(text)


def read(words: Sequence[str], flags: Mapping[str, str], values: Mapping[str, str], *, one_dash: bool = False) -> Words:
    """Read words by two tables: options alone, and options with a value, each with the name that they get.

    `one_dash` allows -system for --system. Of an option that stands twice the last value counts. Raises NotUnderstood
    for an option in neither table.
    """
    known = {option: Option(name) for option, name in flags.items()}
    known |= {option: Option(name, 1) for option, name in values.items()}
    short = {option[1:]: one for option, one in known.items() if not option.startswith("--")}
    long = {option[2:]: one for option, one in known.items() if option.startswith("--")}
    found = parse_known(words, short, long, one_dash=one_dash)
    return Words(dict(found.given), found.operands)
