"""Values of options that are command lines, split into words by the rules of a shell; no shell runs."""

import shlex

from fromscratch.errors import UsageError


def shell_words(option: str, text: str) -> list[str]:
    """The words of a text. Raises UsageError for quotes that do not end."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--{option} {text}: {error}", "close the quotes") from error


def command_words(option: str, text: str) -> list[str]:
    """The words of a command, at least one. Raises UsageError."""
    words = shell_words(option, text)
    if not words:
        raise UsageError(f"--{option}: it names no command", f"write --{option} 'PROGRAM WORD…'")
    return words
