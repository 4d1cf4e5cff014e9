"""Plain command lines, read without invoke, whose start costs more than most verbs: verbs, their options, operands.

Whatever is not plain (a word that nothing knows, an option twice, a call for help) is left to invoke, which
reads the plain ones in the same way.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fromscratch.cli.parsing import argv
from fromscratch.cli.parsing.verb import Verb

Calls = list[tuple[Verb, dict[str, Any]]]


def calls(words: Sequence[str], verbs: Mapping[str, Verb]) -> Calls | None:
    """The verbs to be done, in order, each with what its parameters are given; None for what is not plain."""
    found: Calls = []
    rest = iter(argv.body(words))
    for word in rest:
        if word in verbs:
            if any(verb.name == word for verb, _ in found):
                return None
            found.append((verbs[word], {}))
        elif not found:
            return None
        elif word.startswith("-"):
            flag, equals, value = word.partition("=")
            if not _took(*found[-1], flag, value if equals else None, rest):
                return None
        elif not _operand(*found[-1], word):
            return None
    return found or None


def _took(verb: Verb, given: dict[str, Any], flag: str, value: str | None, rest: Iterator[str]) -> bool:
    """Whether the option is one of the verb's, with a value if it wants one, and now among what is given."""
    name = verb.options.get(flag)
    if name is None or (name in given and name not in verb.repeated):
        return False
    if not verb.takes_value(name):
        given[name] = True
        return value is None
    value = next(rest, "") if value is None else value
    if not value or value.startswith("-"):
        return False  # forgotten, or standard output: invoke's own rules tell which
    if name in verb.repeated:
        given.setdefault(name, []).append(value)
    else:
        given[name] = value
    return isinstance(verb.own.get(name), str | tuple | None)


def _operand(verb: Verb, given: dict[str, Any], word: str) -> bool:
    if verb.many:
        given.setdefault(verb.operands, []).append(word)
    elif not verb.operands or verb.operands in given:
        return False
    else:
        given[verb.operands] = word
    return True
