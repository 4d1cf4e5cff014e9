"""What may stand where the cursor is: for the scripts that invoke makes for bash, zsh and fish."""

from collections.abc import Mapping, Sequence

from fromscratch.cli.parsing import wording
from fromscratch.cli.parsing.verb import Verb

_FIRST = ("--help", "--version", "--print-completion-script")
_SHELLS = ("bash", "zsh", "fish")


def candidates(words: Sequence[str], verbs: Mapping[str, Verb]) -> list[str]:
    """The words that could be the last one of `words`, or follow it; those that do not begin as it does are the shell's
    to leave out.

    Words after the program's name, as the shells give them: bash makes a word of its own of each = in them.
    """
    said = [part for word in words for part in _parts(word)]
    if "--" in said[:-1]:
        return []
    last, before = (said[-1], said[:-1]) if said else ("", [])
    verb = next((verbs[word] for word in reversed(before) if word in verbs), None)
    if last in verbs and (verb is None or last != verb.name):
        verb = verbs[last] if verb is None else verb
    for flag in (last, *before[-1:]):
        if flag in ("--help", "--print-completion-script"):
            return list(_SHELLS) if flag != "--help" else list(verbs)
        parameter = verb.options.get(flag) if verb else None
        if verb and parameter and verb.takes_value(parameter):
            return wording.offered(verb.name, parameter)
    if last.startswith("-"):
        hidden = f"--{verb.operands}" if verb else ""
        return [flag for flag in verb.options if flag != hidden] if verb else list(_FIRST)
    operands = wording.offered(verb.name, verb.operands) if verb and verb.operands else []
    return [*(name for name in verbs if name not in before), *operands]


def _parts(word: str) -> list[str]:
    """`--option=value` as two words."""
    if word == "=":
        return []
    flag, equals, value = word.partition("=")
    return [flag, *([value] if value else [])] if equals and flag.startswith("--") else [word]
