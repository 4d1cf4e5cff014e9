"""--check, --exec, --http-get, --script and --expect as checks, in the order of the call."""

from pathlib import Path

import pytest

from fromscratch.checks.contract import Check, ExecCheck, HttpCheck, ScriptCheck
from fromscratch.cli.smoke_checks import checks_of
from fromscratch.errors import UsageError


@pytest.mark.parametrize(
    ("given", "checks"),
    [
        ([], []),
        ([("check", "redis-cli ping")], [ExecCheck(argv=("redis-cli", "ping"))]),
        ([("exec", "sh -c 'echo  a'")], [ExecCheck(argv=("sh", "-c", "echo  a"))]),
        (
            [("http-get", "http://localhost/"), ("expect", "Welcome"), ("check", "true")],
            [HttpCheck(url="http://localhost/", expect="Welcome"), ExecCheck(argv=("true",))],
        ),
        ([("script", "/a/b.sh")], [ScriptCheck(path=Path("/a/b.sh"))]),
    ],
)
def test_options_stand_for_checks_in_the_order_of_the_call(given: list[tuple[str, str]], checks: list[Check]) -> None:
    assert list(checks_of(given)) == checks


def test_a_script_is_named_in_full_and_home_folders_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert checks_of([("script", "x.sh"), ("script", "~/y.sh")]) == (
        ScriptCheck(path=tmp_path / "x.sh"),
        ScriptCheck(path=Path("/home/me/y.sh")),
    )


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ([("check", "echo 'a")], "--check echo 'a: No closing quotation", "close the quotes"),
        ([("exec", " ")], "--exec: it names no command", "PROGRAM"),
        ([("http-get", "localhost")], "--http-get localhost: not an address", "http://localhost:8080/"),
        ([("expect", "a")], "--expect a: there is no check before it", "right after"),
        ([("check", "a"), ("expect", "b"), ("expect", "c")], "--expect c: there is no check before it", "right after"),
        ([("check", "a"), ("expect", "(")], "--expect (: not a regular expression", "backslash"),
    ],
)
def test_what_is_not_a_check_is_refused(given: list[tuple[str, str]], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        checks_of(given)
    assert message in caught.value.message
    assert hint in caught.value.hint
