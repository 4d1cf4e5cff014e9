"""The sandbox around programs that build software: what they see, and what they cannot do."""

import os
from pathlib import Path

import pytest

from fromscratch.host.container.sandbox import Sandbox, hindrance
from fromscratch.host.process import run

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if why := hindrance(tmp_path):
        pytest.skip(why)
    return tmp_path


def says(sandbox: Sandbox, script: str) -> str:
    done = run.run(sandbox.argv(["sh", "-c", script], {"PATH": "/usr/bin:/bin", "ONLY": "this"}), check=False)
    return (done.stdout + done.stderr).decode()


def test_it_is_the_same_for_every_caller(folder: Path) -> None:
    assert says(Sandbox(folder=folder), "id -u; id -g; pwd; echo $ONLY $HOME; umask; ls -A /tmp") == (
        "1000\n1000\n/var/tmp\nthis\n0022\n"
    )


def test_only_the_folder_can_be_written(folder: Path) -> None:
    assert says(Sandbox(folder=folder), "echo x > made; echo x > /etc/made; echo x > /usr/made").splitlines() == [
        "sh: 1: cannot create /etc/made: Read-only file system",
        "sh: 1: cannot create /usr/made: Read-only file system",
    ]
    assert (folder / "made").read_text() == "x\n"
    assert (folder / "made").stat().st_uid == os.geteuid()


def test_nobody_else_is_reached(folder: Path) -> None:
    sandbox = Sandbox(folder=folder)
    assert says(sandbox, "tail -n +3 /proc/net/dev | cut -d: -f1").strip() == "lo"
    assert says(sandbox, "ls -A /run /root /home") == "/home:\n\n/root:\n\n/run:\n"
    assert int(says(sandbox, "ls -d /proc/[0-9]* | wc -l")) <= 4
    refused = says(sandbox, "mount -t tmpfs x /mnt")
    assert "permission denied" in refused or "must be superuser" in refused


def test_what_has_to_be_visible_is(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "text").write_text("read")
    assert "No such file" in says(Sandbox(folder=folder), f"cat {other}/text")
    sandbox = Sandbox(folder=folder, visible=[other])
    assert says(sandbox, f"cat {other}/text; echo; echo x > {other}/text") == (
        f"read\nsh: 1: cannot create {other}/text: Read-only file system\n"
    )


def test_files_are_put_over_those_of_the_system(folder: Path) -> None:
    (folder / "passwd").write_text("builder:x:1000:1000::/:/bin/sh\n")
    assert says(Sandbox(folder=folder, files={"/etc/passwd": "passwd"}), "id -un") == "builder\n"


def test_the_folder_lies_where_it_hides_nothing_that_is_needed(folder: Path) -> None:
    assert Sandbox(folder=folder, visible=[Path("/var/tmp/needed")]).place == "/mnt"


def test_a_program_that_is_not_there(folder: Path) -> None:
    done = run.run(Sandbox(folder=folder).argv(["no-such-program"], {}), check=False)
    assert (done.returncode, done.stderr) == (
        125,
        b"cannot make a sandbox (start): [Errno 2] No such file or directory: 'no-such-program'\n",
    )
