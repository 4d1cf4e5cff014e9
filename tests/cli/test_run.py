"""How `run` starts what was built, from the command line: the way that it takes, exit codes, interruption."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli.command import Desk
from tests.host.container.callers import HERE
from tests.host.container.test_private_root import ARM64_EXITS_WITH_7, exit_program

# mov edi, 7; mov eax, 60; syscall
EXITS_WITH_7 = {"amd64": exit_program(62, 0x7BF, 0x3CB800, 0x50F0000), "arm64": ARM64_EXITS_WITH_7}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "store", {"DOCKER_HOST": f"unix://{tmp_path}/none"})
    made.write("fromscratch.yaml", "name: demo\nrootfs: [{overlay: files}]\nimage: {cmd: [/bin/app]}\ncheck: off\n")
    app = made.write("files/bin/app", "")
    if HERE.architecture not in EXITS_WITH_7:
        pytest.skip(f"there is no small program for {HERE.architecture} in these tests")
    app.write_bytes(EXITS_WITH_7[HERE.architecture])
    app.chmod(0o755)
    made.write("files/etc/passwd", "root:x:0:0::/:/bin/app\n")
    made.answer("build")
    return made


def test_the_exit_code_is_the_commands_and_says_why_none_was_started(desk: Desk) -> None:
    assert desk.call("run", "--engine", "none").code == 7
    missing = desk.call("run", "--engine", "none", "--", "/nope")
    assert (missing.code, "there is no such program" in missing.err) == (127, True)
    closed = desk.call("run", "--engine", "none", "--", "/etc/passwd")
    assert (closed.code, "it is not executable" in closed.err) == (126, True)


def test_a_runtime_that_cannot_run_here_is_told_and_a_private_root_is_taken(desk: Desk, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("crun", "runc"):
        (programs / name).write_text('#!/bin/sh\ntest "$1" = --version && echo a broken one && exit 0\nexit 1\n')
        (programs / name).chmod(0o755)
    desk.variables["PATH"] = f"{programs}:{os.environ['PATH']}"
    ended = desk.call("run")
    assert ended.code == 7
    assert "starting it by a broken one" in ended.err
    assert "runc cannot run here" in ended.err
    asked = desk.call("run", "--engine", "runc")
    assert (asked.code, "error: runc cannot run here" in asked.err) == (1, True)


@pytest.mark.slow
def test_an_end_while_the_root_is_made_has_the_code_of_its_signal(desk: Desk) -> None:
    with open(desk.folder / "files/big", "wb") as out:
        out.truncate(800_000_000)
    desk.answer("build")
    roots = desk.store / "work" / "run"
    for number in (signal.SIGTERM, signal.SIGINT):
        with desk.process("run", "--engine", "none") as process:
            while process.poll() is None and not list(roots.glob("*/.root.new-*/root/bin")):
                time.sleep(0.01)
            process.send_signal(number)
            _out, err = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert "Traceback" not in err
        assert list(roots.glob("*/.root.new-*")) == []
