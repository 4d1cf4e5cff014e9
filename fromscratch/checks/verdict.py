"""Whether an answer is what a check expects: exit code, HTTP status, and a regular expression for the output."""

import re
import signal
from typing import assert_never

from fromscratch.checks.contract import Answer, Check, ExecCheck, HttpCheck, RunCheck, ScriptCheck, TcpCheck


def fault_of(check: Check, answer: Answer) -> str:
    """What is wrong with an answer: what was expected, and what came. Empty if it is right."""
    if answer.problem:
        return answer.problem
    match check:
        case ExecCheck() | RunCheck() | ScriptCheck():
            if answer.code != check.code:
                return f"expected exit code {check.code}, and it ended with {exit_text(answer.code)}"
        case HttpCheck():
            if answer.status != check.status:
                return f"expected status {check.status}, and it answered with {answer.status}"
        case TcpCheck():
            pass
        case _:
            assert_never(check)
    if check.expect and not any(matches(check.expect, data) for data in (answer.output, answer.errors)):
        came = "what came does not" if answer.output or answer.errors else "nothing came"
        return f"expected output that matches {check.expect!r}, and {came}"
    return ""


def matches(pattern: str, data: bytes) -> bool:
    """Whether a regular expression is found in output: ^ and $ match at each line.

    Output is read as UTF-8, and else one character a byte, so that \\xff finds the byte 255.
    """
    found = re.compile(pattern, re.MULTILINE)
    if found.search(data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")):
        return True
    return found.search(data.decode("latin-1")) is not None


def exit_text(code: int | None) -> str:
    """An exit code in words; 128 + N is what a signal leaves, which is given its name."""
    if code is None:
        return "nothing"
    try:
        name = signal.Signals(code - 128).name if code > 128 else ""
    except ValueError:
        name = ""
    return f"exit code {code} ({name})" if name else f"exit code {code}"
