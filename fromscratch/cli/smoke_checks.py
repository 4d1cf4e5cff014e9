"""The checks that --check, --exec, --http-get and --script stand for, in the order of the call."""

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from fromscratch.checks.contract import Check, ExecCheck, HttpCheck, ScriptCheck
from fromscratch.checks.http_address import parse_address
from fromscratch.cli.shell_words import command_words
from fromscratch.errors import UsageError
from fromscratch.host.machine.lookup import expanded


def checks_of(given: Sequence[tuple[str, str]]) -> tuple[Check, ...]:
    """Pairs of an option's name and its value as checks; `expect` belongs to the one before it. Raises UsageError."""
    checks: list[Check] = []
    for name, value in given:
        if name != "expect":
            checks.append(_check(name, value))
        elif not checks or checks[-1].expect:
            raise UsageError(f"--expect {value}: there is no check before it", "say it right after its --check")
        else:
            checks[-1] = replace(checks[-1], expect=regex("expect", value))
    return tuple(checks)


def _check(name: str, value: str) -> Check:
    match name:
        case "http-get":
            try:
                parse_address(value)
            except ValueError as error:
                raise UsageError(f"--{name} {value}: {error}", "write it as http://localhost:8080/") from error
            return HttpCheck(url=value)
        case "script":
            return ScriptCheck(path=Path(expanded(value)).absolute())
        case _:
            return ExecCheck(argv=tuple(command_words(name, value)))


def regex(option: str, text: str) -> str:
    """The value of an option that is a regular expression. Raises UsageError for another."""
    try:
        re.compile(text)
    except re.error as error:
        raise UsageError(
            f"--{option} {text}: not a regular expression: {error}", "put a backslash before what stands for itself"
        ) from error
    return text
