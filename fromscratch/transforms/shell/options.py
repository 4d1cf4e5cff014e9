"""The options of a command as getopt_long(3) reads them: letters, long names, and operands anywhere among them."""

from collections.abc import Sequence

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
    long = _names(names, short)
    given: list[tuple[str, str]] = []
    operands: list[str] = []
    pending = [*reversed(arguments)]
    while pending:
        word = pending.pop()
        if word == "--":
            break
        if word.startswith("--"):
            given.append(_long(word, long, pending))
        elif word.startswith("-") and len(word) > 1:
            given += _short(word, short, pending)
        else:
            operands.append(word)
            if not anywhere:
                break
    return Options(tuple(given), (*operands, *reversed(pending)))


def _letters(letters: str) -> dict[str, int]:
    found: dict[str, int] = {}
    last = ""
    for letter in letters:
        if letter == ":" and last:
            found[last] += 1
        else:
            last = letter
            found[last] = 0
    return found


def _names(names: str, short: dict[str, int]) -> dict[str, tuple[str, int]]:
    found = {}
    for each in names.split():
        spelled, _, letter = each.partition("=")
        name = spelled.rstrip(":")
        found[name] = (letter, short[letter]) if letter else (name, len(spelled) - len(name))
    return found


def _long(word: str, known: dict[str, tuple[str, int]], pending: list[str]) -> tuple[str, str]:
    name, equals, value = word[2:].partition("=")
    matching = [name] if name in known else [each for each in known if each.startswith(name)]
    if len({known[each] for each in matching}) != 1:
        raise NotUnderstood(f"the option {word} is not known")
    canonical, values = known[matching[0]]
    if equals and not values:
        raise NotUnderstood(f"the option {word} takes no value")
    if values == 1 and not equals:
        return canonical, _next(word, pending)
    return canonical, value


def _short(word: str, known: dict[str, int], pending: list[str]) -> list[tuple[str, str]]:
    found = []
    for position, letter in enumerate(word[1:], 2):
        if letter not in known:
            raise NotUnderstood(f"the option -{letter} is not known")
        if known[letter]:
            rest = word[position:]
            found.append((letter, rest if rest or known[letter] == 2 else _next(word, pending)))
            break
        found.append((letter, ""))
    return found


def _next(word: str, pending: list[str]) -> str:
    if not pending:
        raise NotUnderstood(f"the option {word} has no value")
    return pending.pop()
