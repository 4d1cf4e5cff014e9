"""The options of a command as getopt_long(3) reads them: letters, long names, and operands anywhere among them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from fromscratch.transforms.shell.machine import NotUnderstood


class Options(Struct, frozen=True):
    """`given` has every option in the order of the call, with its value or an empty text."""

    given: tuple[tuple[str, str], ...]
    operands: tuple[str, ...]

    def has(self, *names: str) -> bool:
        """Whether any of these options is given."""
        return any(name in names for name, _ in self.given)

    def value(self, *names: str) -> str | None:
        """The value of the last of these options, or None."""
        found = [value for name, value in self.given if name in names]
        return found[-1] if found else None

    def values(self, *names: str) -> list[str]:
        """The values of all of these options, in order."""
        return [value for name, value in self.given if name in names]

    def last(self, *names: str) -> str | None:
        """Which of these options is the last one."""
        found = [name for name, _ in self.given if name in names]
        return found[-1] if found else None


def parse_options(arguments: Sequence[str], letters: str, names: str = "", *, anywhere: bool = True) -> Options:
    """The options among the arguments. Raises NotUnderstood for one that is not known.

    `letters` is as in getopt(3): `m:` takes a value, `b::` one that directly follows it. `names` are the long names,
    each followed by the same colons, and by `=m` where a letter says the same, whose colons then count. With
    `anywhere` options may follow operands.
    """
    short = _letters(letters)
    return parse_known(arguments, short, _names(names, short), anywhere=anywhere)


class Option(Struct, frozen=True):
    """An option: what it is called in `Options`, and whether it takes a value: 0, 1, or 2 for one that may follow."""

    name: str
    values: int = 0


def parse_known(
    arguments: Sequence[str],
    short: Mapping[str, Option],
    long: Mapping[str, Option],
    *,
    anywhere: bool = True,
    one_dash: bool = False,
) -> Options:
    """The options among the arguments, by tables of letters and of long names. Raises NotUnderstood.

    With `one_dash` a long name may stand behind one dash, as Perl's Getopt::Long reads them: -system for --system.
    """
    given: list[tuple[str, str]] = []
    operands: list[str] = []
    pending = [*reversed(arguments)]
    while pending:
        word = pending.pop()
        if word == "--":
            break
        if word.startswith("--"):
            given.append(_long(word, long, pending))
        elif one_dash and len(word) > 2 and word.startswith("-") and _matching(word[1:].partition("=")[0], long):
            given.append(_long(f"-{word}", long, pending))
        elif word.startswith("-") and len(word) > 1:
            given += _short(word, short, pending)
        else:
            operands.append(word)
            if not anywhere:
                break
    return Options(tuple(given), (*operands, *reversed(pending)))


def _letters(letters: str) -> dict[str, Option]:
    found: dict[str, Option] = {}
    last = ""
    for letter in letters:
        if letter == ":" and last:
            found[last] = Option(last, found[last].values + 1)
        else:
            last = letter
            found[last] = Option(last)
    return found


def _names(names: str, short: Mapping[str, Option]) -> dict[str, Option]:
    found = {}
    for each in names.split():
        spelled, _, letter = each.partition("=")
        name = spelled.rstrip(":")
        found[name] = short[letter] if letter else Option(name, len(spelled) - len(name))
    return found


def _matching(name: str, known: Mapping[str, Option]) -> Option | None:
    """The option of this long name, which may be cut short while it stays the only one."""
    if name in known:
        return known[name]
    found = {option for each, option in known.items() if each.startswith(name)}
    return found.pop() if len(found) == 1 else None


def _long(word: str, known: Mapping[str, Option], pending: list[str]) -> tuple[str, str]:
    name, equals, value = word[2:].partition("=")
    option = _matching(name, known)
    if option is None:
        raise NotUnderstood(f"the option {word} is not known")
    if equals and not option.values:
        raise NotUnderstood(f"the option {word} takes no value")
    if option.values == 1 and not equals:
        return option.name, _next(word, pending)
    return option.name, value


def _short(word: str, known: Mapping[str, Option], pending: list[str]) -> list[tuple[str, str]]:
    found = []
    for position, letter in enumerate(word[1:], 2):
        option = known.get(letter)
        if option is None:
            raise NotUnderstood(f"the option -{letter} is not known")
        if option.values:
            rest = word[position:]
            found.append((option.name, rest if rest or option.values == 2 else _next(word, pending)))
            break
        found.append((option.name, ""))
    return found


def _next(word: str, pending: list[str]) -> str:
    if not pending:
        raise NotUnderstood(f"the option {word} has no value")
    return pending.pop()
