"""Smoke checks as a user meets them: build, bundle and run with checks that pass, fail, and cannot be run."""

import json
from pathlib import Path

import pytest

from fromscratch.host.process import run
from tests.cli.command import Desk
from tests.cli.in_process import called
from tests.engines import need
from tests.made_images import HERE

pytestmark = pytest.mark.slow

RECIPE = """\
name: web
rootfs: [{{binaries: {{paths: [{busybox}]}}}}, {{overlay: files}}]
image: {{cmd: [busybox, httpd, -f, -p, "8080", -h, /www]}}
"""
CHECKS = """\
checks:
  - busybox true
  - {http: "http://localhost:8080/", expect: Welcome}
  - {run: [busybox, echo, "42"], expect: "42"}
  - {script: count}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store")
    made.write("fromscratch.yaml", RECIPE.format(busybox=need("busybox")))
    made.write("files/www/index.html", "Welcome here\n")
    made.write("count", '#!/bin/sh\necho >> "${0%/*}/runs"\n').chmod(0o755)
    return made


def add(desk: Desk, text: str) -> None:
    path = desk.folder / "fromscratch.yaml"
    path.write_text(path.read_text() + text)


def runs(desk: Desk) -> int:
    """How often the script of the checks was run."""
    path = desk.folder / "runs"
    return len(path.read_text()) if path.exists() else 0


def states(desk: Desk) -> dict[str, str]:
    proof = json.loads((desk.folder / "build/web/evidence.json").read_text())
    return {check["check"]: check["state"] for image in proof["images"] for check in image["checks"]}


def test_checks_that_pass_are_counted_recorded_and_not_made_again_until_something_changes(desk: Desk) -> None:
    add(desk, CHECKS)
    assert desk.answer("build").splitlines()[-1] == "  4 checks passed"
    assert set(states(desk)) == {
        "exec busybox true",
        "http http://localhost:8080/",
        "run busybox echo 42",
        "script count",
    }
    assert set(states(desk).values()) == {"passed"}
    assert "unchanged" in desk.answer("build")
    assert runs(desk) == 1
    desk.write("count", '#!/bin/sh\necho >> "${0%/*}/runs" again\n').chmod(0o755)
    assert "unchanged" not in desk.answer("build")
    assert runs(desk) > 1


def test_a_check_of_the_call_is_made_on_an_unchanged_build_too(desk: Desk) -> None:
    desk.answer("build")
    said = desk.answer(
        "build", "--check", "busybox echo hi", "--expect", "^hi$", "--http-get", "http://localhost:8080/"
    )
    assert "unchanged" in said
    assert said.splitlines()[-1] == "  2 checks passed"
    (image,) = json.loads(desk.answer("build", "--json"))["images"]
    assert [(check["check"], check["state"]) for check in image["checks"]] == [
        ("exec busybox echo hi", "passed"),
        ("http http://localhost:8080/", "passed"),
    ]
    assert desk.call("build", "--check", "busybox false").code == 1
    assert set(states(desk).values()) == {"passed"}


def test_an_image_that_fails_is_not_written_unless_the_recipe_only_warns(desk: Desk) -> None:
    add(desk, CHECKS.replace("Welcome", "Goodbye"))
    answer = desk.call("build", "--quiet")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines() == [
        f"error: {HERE}: 1 of 4 checks failed",
        "  http http://localhost:8080/: expected output that matches 'Goodbye', and what came does not",
        "    | Welcome here",
        "  not found, and perhaps needed: /www/httpd.conf, /etc/httpd.conf",
        " hint: change the image, or what is expected of it",
    ]
    assert not (desk.folder / "build/web/oci").exists()
    add(desk, "check: {smoke: warn}\n")
    answer = desk.call("build")
    assert (answer.code, answer.out.splitlines()[-1]) == (0, "  3 checks passed, 1 check failed")
    assert "expected output that matches 'Goodbye'" in answer.err
    assert states(desk)["http http://localhost:8080/"] == "failed"
    assert desk.call("build", "--check", "busybox false").code == 1


def test_checks_that_are_off_are_not_made(desk: Desk) -> None:
    add(desk, f"{CHECKS}check: {{smoke: off}}\n")
    assert "check" not in desk.answer("build")
    assert (runs(desk), states(desk)) == (0, {})


def test_a_build_that_is_made_twice_is_checked_once(desk: Desk) -> None:
    add(desk, CHECKS)
    assert "the same twice" in desk.answer("build", "--check", "--check", "busybox true")
    assert runs(desk) == 1


def test_a_platform_that_cannot_be_run_here_is_noted_and_no_success_of_a_call_that_asks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROMSCRATCH_STORE", str(desk.store))
    monkeypatch.setenv("PATH", str(desk.folder / "files"))
    monkeypatch.setattr(run, "SYSTEM_PATH", str(desk.folder / "files"))  # a machine without any emulator
    platform = "linux/loong64" if "loong64" not in str(HERE) else "linux/riscv64"
    desk.write("fromscratch.yaml", "name: web\nrootfs: [{overlay: files}]\nchecks: [app]\n")
    answer = called(desk.folder, "build", "--platform", platform)
    assert (answer.code, answer.out.splitlines()[-1]) == (0, "  1 check not run")
    assert f"{platform}: the image is not checked: this machine cannot run programs of {platform}" in answer.err
    assert states(desk) == {"exec app": "not run"}
    answer = called(desk.folder, "build", "--platform", platform, "--check", "app")
    assert answer.code == 1
    assert f"error: nothing was checked: this machine cannot run programs of {platform}" in answer.err


def test_an_image_is_checked_where_it_lies(desk: Desk) -> None:
    desk.answer("build")
    said = desk.answer("run", "--check", "busybox echo hi", "--script", "count", "--http-get", "http://localhost:8080/")
    assert [line.rpartition(" (")[0] for line in said.splitlines()] == [
        "passed: exec busybox echo hi",
        "passed: script count",
        "passed: http http://localhost:8080/",
    ]
    assert runs(desk) == 1
    answer = desk.call("run", "oci:build/web/oci", "--check", "busybox false", "--json", "--quiet")
    assert answer.code == 1
    assert answer.err.startswith(f"error: {HERE}: the check failed\n  exec busybox false: expected exit code 0, and it")
    (check,) = json.loads(answer.out)["checks"]
    assert (check["state"], check["code"], check["output"]) == ("failed", 1, "")


def test_words_of_the_call_are_the_command_that_runs_beside_the_checks(desk: Desk) -> None:
    desk.answer("build")
    words = ("--", "busybox", "httpd", "-f", "-p", "81", "-h", "/www")
    assert "passed: http" in desk.answer("run", "--http-get", "http://localhost:81/", "--expect", "Welcome", *words)


def test_a_bundle_is_checked_before_it_is_written_anywhere(desk: Desk) -> None:
    words = ("bundle", need("busybox"), "--entrypoint", "", "--cmd", "busybox sleep 100", "--to", "oci-archive:b.tar")
    answer = desk.call(*words, "--check", "busybox id -u", "--expect", "^0$")
    assert (answer.code, (desk.folder / "b.tar").exists()) == (1, False)
    assert "expected output that matches '^0$'" in answer.err
    assert "  1 check passed" in desk.answer(*words, "--check", "busybox id -u", "--expect", "^65532$").splitlines()
    assert (desk.folder / "b.tar").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build", "--check", "echo 'a"), "--check echo 'a: No closing quotation"),
        (("build", "--script", "nothing"), "there is no such file"),
        (("build", "--http-get", "localhost"), "--http-get localhost: not an address of http or https"),
        (("run", "--json"), "--json is about checks, and there are none"),
        (("run", "--engine", "podman", "--check", "true"), "--engine podman: checks are made in a private root"),
    ],
)
def test_a_check_that_cannot_be_is_refused(desk: Desk, words: tuple[str, ...], message: str) -> None:
    desk.answer("build")
    answer = desk.call(*words)
    assert answer.code == 2
    assert message in answer.err
