"""Answers against what was expected: codes, statuses, and output of any bytes."""

from pathlib import Path

import pytest

from fromscratch.checks.contract import Answer, Check, ExecCheck, HttpCheck, RunCheck, ScriptCheck, TcpCheck
from fromscratch.checks.verdict import exit_text, fault_of, matches

WORDS = ("app",)


@pytest.mark.parametrize(
    ("check", "answer", "fault"),
    [
        (ExecCheck(argv=WORDS), Answer(code=0), ""),
        (ExecCheck(argv=WORDS), Answer(code=1), "expected exit code 0, and it ended with exit code 1"),
        (ExecCheck(argv=WORDS, code=3), Answer(code=3), ""),
        (ExecCheck(argv=WORDS, code=3), Answer(code=0), "expected exit code 3, and it ended with exit code 0"),
        (ExecCheck(argv=WORDS), Answer(code=139), "expected exit code 0, and it ended with exit code 139 (SIGSEGV)"),
        (ExecCheck(argv=WORDS, expect="PONG"), Answer(code=0, output=b"+PONG\n"), ""),
        (ExecCheck(argv=WORDS, expect="^17$"), Answer(code=0, errors=b"openjdk\n17\n"), ""),
        (
            ExecCheck(argv=WORDS, expect="PONG"),
            Answer(code=0, output=b"pong", errors=b"x"),
            "expected output that matches 'PONG', and what came does not",
        ),
        (ExecCheck(argv=WORDS, expect="x"), Answer(code=0), "expected output that matches 'x', and nothing came"),
        (ExecCheck(argv=WORDS, code=124), Answer(code=124, problem="it took too long"), "it took too long"),
        (RunCheck(expect="42"), Answer(code=0, output=b"42\n"), ""),
        (ScriptCheck(path=Path("/x")), Answer(code=2), "expected exit code 0, and it ended with exit code 2"),
        (HttpCheck(url="http://localhost/"), Answer(status=200), ""),
        (HttpCheck(url="http://localhost/"), Answer(status=404), "expected status 200, and it answered with 404"),
        (HttpCheck(url="http://localhost/", status=404), Answer(status=404), ""),
        (HttpCheck(url="http://localhost/", expect="hi"), Answer(status=200, output=b"<p>hi"), ""),
        (TcpCheck(port=1), Answer(), ""),
        (TcpCheck(port=1, expect="a"), Answer(output=b"b"), "expected output that matches 'a', and what came does not"),
    ],
)
def test_an_answer_is_right_or_says_what_was_expected_and_what_came(check: Check, answer: Answer, fault: str) -> None:
    found = fault_of(check, answer)
    assert found.startswith(fault)
    assert bool(found) == bool(fault)


@pytest.mark.parametrize(
    ("pattern", "data", "found"),
    [
        ("PONG", b"+PONG\r\n", True),
        ("^b$", b"a\nb\nc", True),
        ("^b$", b"a\r\nb\r\nc", True),
        ("a.b", b"a\nb", False),
        ("(?s)a.b", b"a\nb", True),
        ("grün", "grün".encode(), True),
        ("gr.n", "grün".encode(), True),
        (r"\xff\x00", b"\xff\x00", True),
        ("ok", b"\xff\xfe ok \x80", True),
        ("nothing", b"\xff", False),
        ("", b"", True),
    ],
)
def test_a_pattern_is_searched_in_lines_of_any_bytes(pattern: str, data: bytes, *, found: bool) -> None:
    assert matches(pattern, data) == found


def test_signals_have_names_and_other_codes_have_none() -> None:
    assert [exit_text(code) for code in (137, 200, 1, 128)] == [
        "exit code 137 (SIGKILL)", "exit code 200", "exit code 1", "exit code 128",
    ]  # fmt: skip
