"""Checks that fail by something that the image lacks, which a recorder sees: as root and as an ordinary user."""

import pytest

from fromscratch.checks.contract import Check, ExecCheck, HttpCheck, RunCheck
from fromscratch.model.image import RunConfig
from tests.checks.test_perform import BEGINNING, SERVER, TREE
from tests.host.container.callers import Caller

pytestmark = pytest.mark.slow


def reported(caller: Caller, *checks: Check, config: RunConfig = SERVER) -> list[str]:
    """What the report says of failures besides output."""
    script = f"""{BEGINNING}
from fromscratch.checks.diagnosis import explained
from fromscratch.checks.report import ChecksFailed
failure = ChecksFailed(explained(perform({checks!r}, invocation), invocation))
print(failure.message, failure.hint, sep="\\n")
"""
    return [line.strip() for line in caller.ask(TREE, script, config=config) if "    | " not in line][1:]


def test_a_file_that_a_command_names_is_what_the_image_lacks(caller: Caller) -> None:
    check = ExecCheck(argv=("sh", "-c", "busybox cat /usr/share/app/data.txt"), retry=0)
    assert reported(caller, check) == [
        f"{check.title}: expected exit code 0, and it ended with exit code 1",
        "the image lacks /usr/share/app/data.txt (data, which /bin/busybox asked for)",
        "bring /usr/share/app/data.txt into the image, or change what asks for it",
    ]


def test_a_program_is_named_by_one_folder_and_its_caller(caller: Caller) -> None:
    check = RunCheck(argv=("sh", "-c", "convert a b || exit 3"))
    config = RunConfig(env={"PATH": "/usr/local/bin:/usr/bin:/bin"})
    assert reported(caller, check, config=config) == [
        f"{check.title}: expected exit code 0, and it ended with exit code 3",
        "the image lacks /usr/bin/convert (program, which /bin/sh asked for)",
        "bring /usr/bin/convert into the image, or change what asks for it",
    ]


def test_what_the_own_command_of_a_server_lacks_is_found_too(caller: Caller) -> None:
    config = RunConfig(cmd=("sh", "-c", ". /etc/app/settings; exec busybox httpd -f"))
    lines = reported(caller, HttpCheck(url="http://localhost:8080/"), config=config)
    assert "the image lacks /etc/app/settings (data, which /bin/sh asked for)" in lines


def test_a_check_that_fails_for_another_reason_has_nothing_to_blame(caller: Caller) -> None:
    check = ExecCheck(argv=("sh", "-c", "exit 5"), retry=0)
    assert reported(caller, check) == [
        f"{check.title}: expected exit code 0, and it ended with exit code 5",
        "change the image, or what is expected of it",
    ]
