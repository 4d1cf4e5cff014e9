"""Errors of a command line that is wrong, each with the hint that most probably helps."""

from collections.abc import Mapping, Sequence

from fromscratch.cli.parsing.records import Option, Verb
from fromscratch.errors import UsageError


def unknown(word: str, verbs: Mapping[str, Verb], verb: Verb | None = None) -> UsageError:
    """A word that is neither a verb nor an operand of the verb before it."""
    near = _near(word, [*verbs, *(verb.flags() if verb else ())])
    if near:
        hint = f"did you mean {near}?"
    elif verb is not None and verb.takes_words:
        hint = f"words for the image follow --, as in: {verb.name} -- /bin/sh"
    else:
        hint = _listed(verb)
    return UsageError(f"No idea what {word!r} is!", hint)


def unknown_option(flag: str, words: Sequence[str], verb: Verb | None, verbs: Mapping[str, Verb]) -> UsageError:
    """An option that the verb before it does not have, or that stands before every verb."""
    have = [each.name for each in verbs.values() if flag in each.flags()]
    near = _near(flag, verb.flags() if verb else ())
    if have and verb is None:
        meant = next((word for word in words if word in have), have[0])
        hint = f"an option follows its verb, as in: fromscratch {meant} {flag}"
    elif have and verb is not None:
        hint = f"{verb.name} has no {flag}; it is an option of {', '.join(have)}"
    else:
        hint = f"did you mean {near}?" if near else _listed(verb)
    return UsageError(f"No idea what {flag!r} is!", hint)


def without_value(option: Option) -> UsageError:
    return UsageError(f"{option.flag} needs a value", f"write {option.flag} {option.value}, or leave it out")


def value_of_switch(option: Option, value: str) -> UsageError:
    return UsageError(f"{option.flag} takes no value, and was given {value!r}", f"write {option.flag} alone")


def given_twice(option: Option, first: str, second: str) -> UsageError:
    return UsageError(f"{option.flag} is given twice, as {first} and as {second}", f"say {option.flag} once")


def not_a_choice(option: Option, value: str) -> UsageError:
    return UsageError(f"{option.flag} {value}: not a {option.value.lower()} that is known", f"say {_any_of(option)}")


def words_after_dashes(verb: Verb) -> UsageError:
    return UsageError(f"{verb.name} takes no words after --", "only run does: they are the command to start")


def empty(verb: Verb, option: Option) -> UsageError:
    """A value that is empty, as an unset variable of a script leaves it."""
    said = option.name.upper() if option is verb.operand else option.flag
    return UsageError(f"{verb.name}: {said} is empty", "say what it is to be, or leave it out")


def _listed(verb: Verb | None) -> str:
    """Where the words are listed that could stand there."""
    if verb is not None:
        return f"`fromscratch --help {verb.name}` lists what it takes"
    return "`fromscratch --help` lists the verbs, `--help VERB` the options"


def _any_of(option: Option) -> str:
    from fromscratch.cli.parsing.records import values

    return f"one of: {', '.join(values(option.choices))}"


def _near(word: str, known: Sequence[str] | Mapping[str, Option]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), 1)), "")
