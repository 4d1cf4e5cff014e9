"""The values of options of `mod`: words, times and numbers."""

import re

from fromscratch.cli.shell_words import shell_words
from fromscratch.errors import FormatError, UsageError
from fromscratch.limits import json_value

_UNITS = {"h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000}
_LONGEST = (1 << 63) - 1


def words(option: str, text: str | None) -> tuple[str, ...] | None:
    """A command: a JSON list, or words as a shell reads them; none for an empty text. Raises UsageError."""
    if text is None:
        return None
    if not text.lstrip().startswith("["):
        return tuple(shell_words(option, text))
    try:
        found = json_value(text.encode())
    except ValueError as error:
        raise UsageError(f"--{option} {text}: {error}", 'write ["PROGRAM", "WORD"], or the words alone') from error
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise UsageError(f"--{option} {text}: that is not a list of words", 'write it as ["PROGRAM", "WORD"]')
    return tuple(found)


def health_command(text: str | None) -> tuple[str, ...] | None:
    """The command of a health check as docker has it; nothing to take it away."""
    if text is None or not text.strip():
        return None if text is None else ()
    if text.strip().lower() == "none":
        return ("NONE",)
    found = words("healthcheck", text) or ()
    return found if found[:1] in (("CMD",), ("CMD-SHELL",), ("NONE",)) else ("CMD", *found)


def nanoseconds(option: str, text: str | None) -> int | None:
    """A time such as 30s, 1m30s or 500ms; a number alone counts seconds. Raises UsageError."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,10}", text):
        return int(text) * _UNITS["s"]
    parts = re.findall(r"([0-9]{1,10})(ms|h|m|s)", text)
    if not parts or "".join(map("".join, parts)) != text:
        raise UsageError(f"--{option} {text} is not a time", "write it as 30s, 1m30s or 500ms")
    total = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if total > _LONGEST:
        raise UsageError(f"--{option} {text} is longer than any configuration can hold", "write a shorter time")
    return total


def whole_number(option: str, text: str | None) -> int | None:
    """A number of seconds or times. Raises UsageError."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UsageError(f"--{option} {text} is not a whole number", f"write it as --{option} 3")
    return int(text)


def moment(text: str | None) -> int | None:
    """A time as RFC 3339 has it, or seconds since 1970. Raises UsageError."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,12}", text):
        return int(text)
    from fromscratch.formats.oci.config import seconds

    try:
        return seconds(text, "--created")
    except FormatError as error:
        raise UsageError(error.message, "write it as 2026-01-31T12:00:00Z, or in seconds since 1970") from error
