"""How the commands of the shadow suite read their words, and how they end."""

from fromscratch.transforms.shell.commands.accounts import options
from fromscratch.transforms.shell.commands.accounts.options import Words
from fromscratch.transforms.shell.machine import Call, NotUnderstood, Result

_PREFIX = {"-R": "root", "--root": "root", "-P": "prefix", "--prefix": "prefix"}
USAGE, BAD, NUMBER_USED, MISSING, NAME_USED = Result(2), Result(3), Result(4), Result(6), Result(9)


def shadow_words(call: Call, flags: dict[str, str], values: dict[str, str]) -> Words:
    """The words of a call that is for this root. Raises NotUnderstood."""
    words = options.read(call.arguments, flags, {**values, **_PREFIX})
    if (words.get("root") or words.get("prefix") or "/") != "/":
        raise NotUnderstood("it acts on another root")
    return words


def listed(words: Words, option: str) -> list[str]:
    """The names that an option has, separated by commas."""
    return [each for each in (words.get(option) or "").split(",") if each]
