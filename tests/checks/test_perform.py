"""Checks of running containers of each kind, those that pass and those that do not, as root and as an ordinary user.

The image is this machine's own busybox, whose httpd serves a folder at port 8080.
"""

import os
from pathlib import Path

import pytest

from fromscratch.checks.contract import (
    Check,
    ExecCheck,
    HttpCheck,
    RunCheck,
    ScriptCheck,
    TcpCheck,
)
from fromscratch.checks.perform import perform
from fromscratch.errors import UsageError
from fromscratch.host.container.preparation import Invocation
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.host.container.callers import HERE, Caller
from tests.hosttree import host_tree

pytestmark = pytest.mark.slow

TREE = Rootfs(
    {**host_tree("sh", "id", "sleep", "busybox"), tree_path("/www/index.html"): File(Meta(0o644), Inline(b"Hi!"))}
)
SERVER = RunConfig(cmd=("busybox", "httpd", "-f", "-p", "8080", "-h", "/www"))
URL = "http://localhost:8080/"
BEGINNING = """
from fromscratch.checks.contract import *
from fromscratch.checks.perform import perform
from fromscratch.checks.report import failure_lines
from pathlib import PosixPath
"""


def reported(caller: Caller, *checks: Check, config: RunConfig = SERVER, platform: Platform = HERE) -> list[str]:
    """A line for each check that passed, and the report on those that did not."""
    script = f"""{BEGINNING}
results = perform({checks!r}, invocation)
passed = (f"passed: {{result.check.title}}" for result in results.results if result.passed)
print(*passed, *failure_lines(results), sep="\\n")
"""
    return [line for line in caller.ask(TREE, script, config=config, platform=platform) if line]


def script(caller: Caller, text: str) -> Path:
    place = caller.folder / "script"
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def test_a_server_is_asked_once_it_listens_and_commands_run_beside_it(caller: Caller) -> None:
    late = RunConfig(cmd=("sh", "-c", "sleep 0.5; exec busybox httpd -f -p 8080 -h /www"))
    fetch = script(
        caller, "exec python3 -c 'import urllib.request as u; print(u.urlopen(\"http://localhost:8080/\").read())'"
    )
    checks = (
        HttpCheck(url=URL, expect="^Hi!$"),
        HttpCheck(url=f"{URL}nothing", status=404),
        TcpCheck(port=8080, send=b"GET / HTTP/1.0\r\n\r\n", expect="200 OK"),
        ExecCheck(argv=("busybox", "wget", "-q", "-O", "-", URL), expect="Hi!"),
        ExecCheck(argv=("sh", "-c", "echo $A; exit 3"), env={"A": "b"}, expect="^b$", code=3),
        ScriptCheck(path=fetch, expect="Hi!"),
        RunCheck(argv=("busybox", "echo", "42"), expect="42"),
    )
    assert reported(caller, *checks, config=late) == [f"passed: {check.title}" for check in checks]


def test_a_command_that_fails_is_tried_again_while_the_server_starts(caller: Caller) -> None:
    late = RunConfig(cmd=("sh", "-c", "sleep 0.5; exec busybox httpd -f -p 8080 -h /www"))
    fetch = ExecCheck(argv=("busybox", "wget", "-q", "-O", "-", URL), expect="Hi!")
    assert reported(caller, fetch, config=late) == [f"passed: {fetch.title}"]


def test_each_kind_of_check_that_fails_says_what_was_expected_and_what_came(caller: Caller) -> None:
    checks = (
        ExecCheck(argv=("sh", "-c", "echo good; echo bad >&2; exit 3"), retry=0),
        ExecCheck(argv=("busybox", "echo", "hello"), expect="bye", retry=0),
        ExecCheck(argv=("nope",)),
        ExecCheck(argv=("sh", "-c", "kill -SEGV $$"), retry=0),
        ExecCheck(argv=("sleep", "1000"), timeout=0.5),
        HttpCheck(url=f"{URL}nothing"),
        HttpCheck(url="http://localhost:81/", timeout=0.5),
        TcpCheck(port=81, timeout=0.5),
        TcpCheck(port=8080, send=b"BLAH\r\n\r\n", expect="200 OK", timeout=5),
        ScriptCheck(path=script(caller, "echo no >&2; exit 2")),
        RunCheck(argv=("busybox", "false")),
        RunCheck(argv=("nope",)),
        RunCheck(argv=("sleep", "1000"), timeout=0.5),
    )
    lines = reported(caller, *checks)
    assert [line for line in lines if not line.startswith("    |")] == [
        "  exec sh -c 'echo good; echo bad >&2; exit 3': expected exit code 0, and it ended with exit code 3",
        "  exec busybox echo hello: expected output that matches 'bye', and what came does not",
        "  exec nope: expected exit code 0, and it ended with exit code 127",
        "  exec sh -c 'kill -SEGV $$': expected exit code 0, and it ended with exit code 139 (SIGSEGV)",
        "  exec sleep 1000: it did not end within 0.5 seconds",
        "  http http://localhost:8080/nothing: expected status 200, and it answered with 404",
        "  http http://localhost:81/: port 81 refused the connection for 0.5 seconds; what listens there is port 8080",
        "  tcp 81: port 81 refused the connection for 0.5 seconds; what listens there is port 8080",
        next(line for line in lines if line.startswith("  tcp 8080: expected output that matches '200 OK', and ")),
        "  script script: expected exit code 0, and it ended with exit code 2",
        "  run busybox false: expected exit code 0, and it ended with exit code 1",
        "  run nope: expected exit code 0, and it ended with exit code 127",
        "  run sleep 1000: it did not end within 0.5 seconds",
    ]
    assert {"    | good", "    | bad", "    | hello", "    | no"} < set(lines)
    assert "    | cannot run 'nope' in the image: there is no such program" in lines


def test_a_server_that_ended_is_not_waited_for_and_its_last_words_are_shown(caller: Caller) -> None:
    config = RunConfig(cmd=("sh", "-c", "echo starting; echo cannot bind >&2; exit 7"))
    lines = reported(caller, TcpCheck(port=1, timeout=1e6), config=config)
    assert lines == [
        "  tcp 1: port 1 refused the connection after the image's own command had ended; nothing listens there",
        "  the image's own command, sh -c 'echo starting; echo cannot bind >&2; exit 7', had ended with exit code 7",
        "    | starting",
        "    | cannot bind",
    ]


def test_a_command_of_the_image_that_cannot_be_started_is_one_that_ended(caller: Caller) -> None:
    assert reported(caller, TcpCheck(port=1), ExecCheck(argv=("id",)), config=RunConfig(cmd=("nope",))) == [
        "passed: exec id",
        "  tcp 1: port 1 refused the connection after the image's own command had ended; nothing listens there",
        "  the image's own command, nope, had ended with exit code 127",
        "    | cannot run 'nope' in the image: there is no such program",
    ]


def test_an_image_without_a_command_of_its_own_is_asked_all_the_same(caller: Caller) -> None:
    checks = (ExecCheck(argv=("id", "-u"), expect="^0$"), RunCheck(argv=("id", "-u"), expect="^0$"))
    assert reported(caller, *checks, config=RunConfig()) == [f"passed: {check.title}" for check in checks]


def test_output_of_any_size_and_any_bytes_is_searched_to_its_end(caller: Caller) -> None:
    much = ("sh", "-c", "busybox yes | busybox head -c 5000000; echo the end")
    checks = (
        ExecCheck(argv=much, expect="^the end$"),
        RunCheck(argv=much, expect="^the end$"),
        ExecCheck(argv=("busybox", "printf", r"\377\376\000ok"), expect=r"\xff\xfe\x00ok"),
    )
    assert reported(caller, *checks) == [f"passed: {check.title}" for check in checks]


def test_output_that_cannot_be_shown_is_escaped(caller: Caller) -> None:
    check = ExecCheck(argv=("busybox", "printf", r"\377\n\343"), expect="nothing", retry=0)
    assert reported(caller, check)[1:] == [r"    | \xff", r"    | \xe3"]


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's container has one user")
def test_a_command_runs_as_the_user_that_it_names(tmp_path: Path) -> None:
    checks = (ExecCheck(argv=("id", "-u"), user="web", expect="^65532$"), ExecCheck(argv=("id",), user="nobody"))
    invocation = Invocation(tree=TREE, config=SERVER, workdir=tmp_path, platform=HERE)
    by_name, unknown = perform(checks, invocation).results
    assert by_name.passed
    assert unknown.fault == "the image runs as 'nobody', but its /etc/passwd has no 'nobody'"


def test_a_script_that_cannot_be_started_is_refused_before_anything_runs(tmp_path: Path) -> None:
    place = tmp_path / "smoke.sh"
    invocation = Invocation(tree=TREE, config=SERVER, workdir=tmp_path / "work", platform=HERE)
    with pytest.raises(UsageError, match="there is no such file"):
        perform([ScriptCheck(path=place)], invocation)
    place.write_text("#!/bin/sh\n")
    with pytest.raises(UsageError, match="it is not executable"):
        perform([ScriptCheck(path=place)], invocation)
    assert list(tmp_path.iterdir()) == [place]
