"""Starting an image by the OCI runtimes that are installed, as root and as an ordinary user."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from fromscratch.errors import CannotStart
from fromscratch.host.container import runtime
from fromscratch.host.container.preparation import Invocation
from fromscratch.host.container.runtime import CannotRunHere, Runtime, run_in_runtime
from fromscratch.host.process import run
from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta
from fromscratch.model.image import RunConfig
from fromscratch.paths import tree_path
from tests.host.container.callers import HERE, SHELL, Caller
from tests.host.container.test_wall import on_terminal, status

pytestmark = pytest.mark.slow


@pytest.fixture(params=runtime.RUNTIMES)
def by(caller: Caller, request: pytest.FixtureRequest) -> Caller:
    name = request.param
    if run.find(name) is None:
        pytest.skip(f"{name} is not on this machine")
    caller.runtime = name
    if "CannotRunHere" in caller.run(SHELL, "sh", "-c", "exit 0").stderr:
        pytest.skip(f"{name} cannot run here")
    return caller


def test_the_command_runs_inside(by: Caller) -> None:
    done = by.run(SHELL, "sh", "-c", "hostname; pwd; cat; echo bad >&2; exit 3", stdin=b"in\n")
    assert (done.stdout, done.stderr, done.returncode) == ("fromscratch\n/\nin\n", "bad\n", 3)


def test_what_the_engines_cut_is_cut(by: Caller) -> None:
    fields = status(by)
    assert int(fields["CapBnd"], 16) == 0xA80425FB & ~(1 << 27)
    assert [int(fields[name], 16) for name in ("CapInh", "CapAmb")] == [0, 0]
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


@pytest.mark.parametrize(("program", "code"), [("/nope", 127), ("nope", 127), ("/etc/passwd", 126), ("/odd", 126)])
def test_a_command_that_cannot_start_is_explained(program: str, code: int, tmp_path: Path) -> None:
    here = next(iter(runtime.installed()), None)
    if here is None:
        pytest.skip("neither crun nor runc is on this machine")
    tree = SHELL.with_entries({tree_path("/odd"): File(Meta(0o644), Inline(b"odd"))})
    with pytest.raises(CannotStart, match="cannot run") as caught:
        run_in_runtime(
            here,
            Invocation(tree=tree, config=RunConfig(), argv=[program], workdir=tmp_path / "work", platform=HERE),
        )
    assert caught.value.exit_code == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_a_command_that_does_not_mind_them(by: Caller, number: signal.Signals) -> None:
    words, env = by.call(SHELL, ["sh", "-c", "echo ready; exec sleep 1000"], RunConfig(), HERE)
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait() == 128 + number


def test_a_terminal_is_the_containers_own(by: Caller) -> None:
    said, left = on_terminal(by, SHELL, ["sh", "-c", "test -t 0 && test -t 1 && echo yes; echo x > /dev/tty"])
    assert (said, left) == ("yes\r\nx\r\n", b"")


def test_a_file_of_the_callers_keeps_its_owner(by: Caller, tmp_path: Path) -> None:
    user = "web" if by.name == "root" else ""
    (tmp_path / "in").write_text("some\n")
    words, env = by.call(SHELL, ["sh", "-c", "cat; echo more > /dev/stdout"], RunConfig(user=user), HERE)
    with open(tmp_path / "in", "rb") as given, open(tmp_path / "out", "wb") as output:
        subprocess.run(words, env=env, stdin=given, stdout=output, check=True)
    assert (tmp_path / "out").read_text() == "some\nmore\n"
    assert {(tmp_path / name).stat().st_uid for name in ("in", "out")} == {os.geteuid()}


def test_a_runtime_that_cannot_run_here_says_so_before_anything_is_started(tmp_path: Path) -> None:
    broken = Runtime("runc", "/bin/false", "a broken one")
    with pytest.raises(CannotRunHere, match="runc cannot run here"):
        run_in_runtime(
            broken, Invocation(tree=SHELL, config=RunConfig(), argv=["id"], workdir=tmp_path / "work", platform=HERE)
        )
    assert os.listdir(tmp_path / "work") == []


def test_a_user_other_than_root_needs_root_or_a_private_root(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root can be every user")
    with pytest.raises(CannotRunHere, match="as user 65532"):
        run_in_runtime(
            Runtime("runc", "/bin/false", ""),
            Invocation(tree=SHELL, config=RunConfig(user="web"), argv=["id"], workdir=tmp_path, platform=HERE),
        )
