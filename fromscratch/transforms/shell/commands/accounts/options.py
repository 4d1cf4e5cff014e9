"""Options of commands as getopt_long(3) and Perl's Getopt::Long read them."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from fromscratch.transforms.shell.machine import NotUnderstood


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

    A long option may be cut short while it stays the only one; `one_dash` allows -system for --system. Of an option
    that stands twice the last value counts. Raises NotUnderstood for an option in neither table.
    """
    options: dict[str, str] = {}
    operands: list[str] = []
    pending = list(reversed(words))

    def value(option: str) -> str:
        if not pending:
            raise NotUnderstood(f"{option} has no value")
        return pending.pop()

    while pending:
        word = pending.pop()
        if word == "--":
            operands += reversed(pending)
            break
        if not word.startswith("-") or word == "-":
            operands.append(word)
            continue
        long = word.startswith("--")
        option, equals, attached = word.partition("=")
        full = _full(option if long else f"-{option}", {**flags, **values}) if long or one_dash else None
        if full is not None and full in flags:
            options[flags[full]] = ""
        elif full is not None:
            options[values[full]] = attached if equals else value(option)
        elif long:
            raise NotUnderstood(f"{option} is not an option that is known")
        else:
            _short(word, flags, values, options, value)
    return Words(options, tuple(operands))


def _full(option: str, known: Mapping[str, str]) -> str | None:
    if option in known:
        return option
    found = [each for each in known if each.startswith(option) and each.startswith("--")]
    return found[0] if len({known[each] for each in found}) == 1 and len(option) > 3 else None


def _short(
    word: str,
    flags: Mapping[str, str],
    values: Mapping[str, str],
    options: dict[str, str],
    value: Callable[[str], str],
) -> None:
    rest = word[1:]
    while rest:
        option, rest = f"-{rest[0]}", rest[1:]
        if option in flags:
            options[flags[option]] = ""
        elif option in values:
            options[values[option]] = rest if rest else value(option)
            return
        else:
            raise NotUnderstood(f"{option} is not an option that is known")
