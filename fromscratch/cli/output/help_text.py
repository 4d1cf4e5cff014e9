"""The text of `--help`, made from the catalogue of verbs."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from fromscratch.cli.parsing.records import Option, Verb, values

_WIDTH = 79
_INDENT, _GAP = 2, 3


def of_all(verbs: Mapping[str, Verb], general: Sequence[Option]) -> str:
    """What there is."""
    return "\n".join(
        [
            "Usage: fromscratch VERB [--option …] [VERB …] [-- WORD …]",
            "",
            "Verbs are done in the order in which they stand; an option follows its verb.",
            "",
            "Verbs:",
            "",
            *_columns((verb.name, verb.summary) for verb in verbs.values()),
            "",
            "Options:",
            "",
            *_columns((spelled(option), option.text) for option in general),
        ]
    )


def of_verb(verb: Verb) -> str:
    """How a verb is called, what it does, and its options."""
    operand = [f"{verb.operand.value}: {explained(verb.operand)}", ""] if verb.operand else []
    return "\n".join(
        [
            f"Usage: {usage(verb)}",
            "",
            verb.summary,
            "",
            *operand,
            "Options:",
            "",
            *_columns((spelled(option), explained(option)) for option in listed(verb)),
            "",
            f"Example: {verb.example}",
        ]
    )


def usage(verb: Verb) -> str:
    """The shape of a call."""
    parts = ["fromscratch", verb.name]
    if verb.operand:
        parts.append(f"{verb.operand.value}…" if verb.operand.repeated else f"[{verb.operand.value}]")
    return " ".join([*parts, "[--option …]", *(["[-- WORD …]"] if verb.takes_words else [])])


def listed(verb: Verb) -> list[Option]:
    """The options of a verb in the order of the alphabet. The operand has its place in the usage."""
    return sorted((*verb.options, *verb.shared), key=lambda option: option.name)


def spelled(option: Option) -> str:
    """An option with the name of its value."""
    value = f"[{option.value}]" if option.alone else option.value
    return f"{option.flag} {value}".rstrip()


def explained(option: Option) -> str:
    """What it is about, with all its choices, if they are few and the text does not name them."""
    choices = values(option.choices)
    text = option.text
    return text if all(choice in text for choice in choices) else f"{text}: one of {', '.join(choices)}"


def _columns(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Each row as its word and, beside it, its text in lines."""
    known = list(rows)
    width = max(len(word) for word, _ in known)
    lines = []
    for word, text in known:
        first, *more = textwrap.wrap(text, _WIDTH - _INDENT - width - _GAP, break_on_hyphens=False)
        lines.append(f"{' ' * _INDENT}{word:<{width + _GAP}}{first}")
        lines += [f"{' ' * (_INDENT + width + _GAP)}{line}" for line in more]
    return lines
