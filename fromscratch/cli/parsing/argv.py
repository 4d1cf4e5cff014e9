"""What invoke's parser leaves to us: operands, words after `--`, options shared along a chain of verbs.

Pure functions of an argument vector. Invoke (3.0.3) can say neither that a positional argument may
be left out nor where the words after `--` end and begin.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

ANY_NUMBER = 1 << 30


@dataclass(frozen=True, slots=True)
class Shape:
    """`flags` maps each option of a verb to whether it takes a value; `operands` is how many it may have at most."""

    flags: Mapping[str, bool]
    operands: int = 0


def body(argv: Sequence[str]) -> list[str]:
    """The words before `--`."""
    return list(argv[: argv.index("--")]) if "--" in argv else list(argv)


def remainder(argv: Sequence[str]) -> list[str] | None:
    """The words after `--`, each as it was given; None without `--`."""
    return list(argv[argv.index("--") + 1 :]) if "--" in argv else None


def operands(argv: Sequence[str], verbs: Mapping[str, Shape]) -> dict[str, list[str]]:
    """The bare words that follow each verb, as far as the verb takes operands.

    A word that is itself a verb starts that verb: an image or path of such a name is written with its
    kind or its slash (`ls oci:build`, `why /build`).
    """
    found: dict[str, list[str]] = {}
    for word, verb, is_operand in _words(argv, verbs):
        if verb:
            taken = found.setdefault(verb, [])
            if is_operand:
                taken.append(word)
    return found


def options(argv: Sequence[str], verbs: Mapping[str, Shape]) -> dict[str, set[str]]:
    """The options that each verb is given, without their values."""
    found: dict[str, set[str]] = {}
    for word, verb, _ in _words(argv, verbs):
        if verb:
            taken = found.setdefault(verb, set())
            flag = word.partition("=")[0]
            if flag in verbs[verb].flags:
                taken.add(flag)
    return found


def without_operands(argv: Sequence[str], verbs: Mapping[str, Shape]) -> list[str]:
    """The same words less the operands of verbs that take any number of them: invoke's parser is slow with many."""
    kept = [
        word
        for word, verb, is_operand in _words(argv, verbs)
        if not (is_operand and verb and verbs[verb].operands == ANY_NUMBER)
    ]
    return [*argv[:1], *kept, *argv[len(body(argv)) :]]


def _words(argv: Sequence[str], verbs: Mapping[str, Shape]) -> Iterator[tuple[str, str, bool]]:
    """Each word before `--`, the verb that it belongs to or nothing, and whether it is an operand of that."""
    current = ""
    counts: Counter[str] = Counter()
    words = iter(body(argv)[1:])
    for word in words:
        is_operand = False
        value = None
        if word.startswith("-") and len(word) > 1:
            flag, equals, _ = word.partition("=")
            if current and flag not in verbs[current].flags:
                current = ""  # a slip of the pen: what follows is its value, not our operand
            elif current and not equals and verbs[current].flags[flag]:
                value = next(words, None)
        elif word in verbs:
            current = word
        elif current and counts[current] < verbs[current].operands:
            counts[current] += 1
            is_operand = True
        yield word, current, is_operand
        if value is not None:
            yield value, current, False


def given(argv: Sequence[str], option: str) -> str | None:
    """The value of `--option VALUE` or `--option=VALUE`, if all its uses before `--` agree."""
    words = body(argv)
    values: set[str] = set()
    for index, word in enumerate(words):
        if word == option and index + 1 < len(words):
            values.add(words[index + 1])
        elif word.startswith(f"{option}="):
            values.add(word.partition("=")[2])
    return values.pop() if len(values) == 1 else None


def before(argv: Sequence[str], word: str) -> list[str]:
    """What stands before the last use of a word (`--word` and `--word=VALUE` alike), without `--` and what follows."""
    words = body(argv)
    places = [place for place, each in enumerate(words) if each == word or each.startswith(f"{word}=")]
    return words[: places[-1]] if places else words


def verbs_in(argv: Sequence[str], verbs: Collection[str]) -> list[str]:
    """The words that are verbs, in order."""
    return [word for word in body(argv)[1:] if word in verbs]
