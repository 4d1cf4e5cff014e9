"""Starting an image without an engine, with this machine's own shell as the image.

Each test runs as root (if the tests do) and as an ordinary user, in a process of its own.
"""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fromscratch.errors import FormatError, ImageError, UsageError
from fromscratch.host.container.preparation import Invocation, command_of
from fromscratch.host.container.private_root import run_in_private_root
from fromscratch.host.process import run
from fromscratch.model.content import Inline
from fromscratch.model.entry import Device, Directory, File, Meta, Symlink
from fromscratch.model.image import Platform, RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.host.container.callers import HERE, SHELL, Caller


def inside(tmp_path: Path, *argv: str, config: RunConfig = RunConfig()) -> int:  # noqa: B008 - frozen
    return run_in_private_root(
        Invocation(tree=SHELL, config=config, argv=argv or None, workdir=tmp_path, platform=HERE)
    )


def test_the_command_runs_inside(caller: Caller) -> None:
    done = caller.run(SHELL, "/bin/sh", "-c", "cat /etc/passwd; hostname; cat /etc/hosts; exit 3")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.splitlines() == [
        "root:x:0:0:root:/root:/bin/sh",
        "web:x:65532:65533:web:/srv:/bin/sh",
        "fromscratch",
        "127.0.0.1 localhost fromscratch",
    ]


def test_nothing_of_the_machine_can_be_seen(caller: Caller) -> None:
    processes = "ls /proc | while read p; do case $p in [0-9]*) echo $p;; esac; done"
    script = f"ls /; {processes}; cat /proc/net/dev; ls -l /proc/self/fd"
    done = caller.run(SHELL, "/bin/sh", "-c", script)
    lines = done.stdout.splitlines()
    assert set(lines[: lines.index("tmp") + 1]) == {
        *(name.strip("/") for name in SHELL if name.count("/") == 1),
        "dev",
        "proc",
        "sys",
        "tmp",
    } - {""}
    assert [int(line) for line in lines if line.isdigit()] == sorted(int(line) for line in lines if line.isdigit())
    assert max(int(line) for line in lines if line.isdigit()) < 10
    assert [line.split(":")[0].strip() for line in lines if ": " in line] == ["lo"]
    assert len([line for line in lines if " -> " in line]) == 4  # the three streams, and the folder that ls reads


def test_the_environment_is_the_images(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert inside(tmp_path, config=RunConfig(env={"PATH": "/bin", "A": "b c"}, cmd=("sh", "-c", "export -p"))) == 0
    said = sorted(capfd.readouterr().out.splitlines())
    assert said == ["export A='b c'", "export HOME='/root'", "export PATH='/bin'", "export PWD='/'"]


def test_streams_are_the_callers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert inside(tmp_path, "sh", "-c", "echo good; echo bad >&2") == 0
    assert capfd.readouterr() == ("good\n", "bad\n")


@pytest.mark.parametrize(
    ("user", "groups", "shown"),
    [
        ("", "0(root)", "uid=0(root) gid=0(root)"),
        ("web", "65533(web)", "uid=65532(web) gid=65533(web)"),
        ("web:extra", "7000(extra)", "uid=65532(web) gid=7000(extra)"),
        ("1234:77", "77", "uid=1234 gid=77"),
    ],
)
def test_the_user_is_looked_up_in_the_image(caller: Caller, user: str, groups: str, shown: str) -> None:
    done = caller.run(SHELL, "id", config=RunConfig(user=user))
    extra = ",7000(extra)" if user == "web" and caller.name == "root" else ""
    assert done.stdout == f"{shown} groups={groups}{extra}\n"


def test_the_root_can_be_written_and_the_tree_stays(caller: Caller) -> None:
    script = "touch /etc/new && mkdir -p /a/b && chmod 0 /a/b /a && ls /etc"
    assert caller.run(SHELL, "sh", "-c", script).stdout.splitlines() == ["group", "hostname", "hosts", "new", "passwd"]
    assert caller.run(SHELL, "ls", "/etc").stdout.splitlines() == ["group", "hostname", "hosts", "passwd"]


def test_a_user_that_is_not_root_has_no_capability(caller: Caller) -> None:
    done = caller.run(SHELL, "cat", "/proc/self/status", config=RunConfig(user="web"))
    fields = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert (int(fields["CapEff"], 16), int(fields["CapPrm"], 16), fields["NoNewPrivs"]) == (0, 0, "1")
    done = caller.run(SHELL, "cat", "/proc/self/status")
    fields = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) & (1 << 21 | 1 << 27) == 0  # neither sys_admin nor mknod


def test_any_user_may_listen_at_a_port_below_1024(caller: Caller) -> None:
    done = caller.run(SHELL, "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start", config=RunConfig(user="web"))
    assert done.stdout == "0\n"


def test_the_working_directory_is_made_if_it_is_not_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    inside(tmp_path, "sh", "-c", "pwd", config=RunConfig(working_dir="/srv/deep"))
    assert capfd.readouterr().out == "/srv/deep\n"


def test_usual_devices_are_there_and_those_of_the_tree_are_not(caller: Caller) -> None:
    tree = SHELL.with_entries(
        {
            tree_path("/dev/null"): File(Meta(0o644), Inline(b"no device")),
            tree_path("/disk"): Device(Meta(0o666), "c", 1, 5),
        }
    )
    script = "echo x > /dev/null; cat /dev/null; cat /disk; ls /dev; touch /dev/shm/x && echo ok"
    done = caller.run(tree, "sh", "-c", script)
    assert done.stdout.split() == [
        *["fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"],
        "ok",
    ]


def test_modes_survive_but_for_setuid(caller: Caller) -> None:
    tree = SHELL.with_entries(
        {
            tree_path("/closed"): Directory(Meta(0o750)),
            tree_path("/closed/su"): File(Meta(0o4711), Inline(b"")),
            tree_path("/closed/l"): Symlink(Meta(0o777), "/nowhere"),
        }
    )
    done = caller.run(tree, "ls", "-lnd", "/closed", "/closed/su", "/tmp")
    bit = "s" if caller.name == "root" else "x"  # kept, but of no effect: no_new_privs
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["drwxr-x---", f"-rw{bit}--x--x", "drwxrwxrwt"]


def test_the_end_by_a_signal_is_told_as_a_shell_does(tmp_path: Path) -> None:
    assert inside(tmp_path, "sh", "-c", "kill -TERM $$") == 128 + signal.SIGTERM


def test_what_was_left_running_ends_with_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert inside(tmp_path, "sh", "-c", "(sleep 20; echo late) & exit 0") == 0
    assert "late" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("argv", "config", "kind", "message"),
    [
        (["/bin/nope"], RunConfig(), ImageError, "cannot run '/bin/nope' in the image: there is no such program"),
        (["nope"], RunConfig(), ImageError, "cannot run 'nope' in the image: there is no such program"),
        (["/etc/passwd"], RunConfig(), ImageError, "cannot run '/etc/passwd' in the image: it is not executable"),
        (["/orphan"], RunConfig(), ImageError, "the interpreter or loader that it names is not in the image"),
        (["/odd"], RunConfig(), ImageError, f"it is not a program for {HERE}"),
        (["id"], RunConfig(user="who"), UsageError, "the image runs as 'who', but its /etc/passwd has no 'who'"),
        (["id"], RunConfig(working_dir="/etc/passwd"), ImageError, "cannot enter the image's working directory"),
        ([], RunConfig(), UsageError, "the image does not say which command to run"),
    ],
)
def test_a_command_that_cannot_start_is_explained(
    argv: list[str], config: RunConfig, kind: type[ImageError], message: str, tmp_path: Path
) -> None:
    tree = SHELL.with_entries(
        {
            tree_path("/orphan"): File(Meta(0o755), Inline(b"#!/usr/bin/perl\n")),
            tree_path("/odd"): File(Meta(0o755), Inline(b"\0odd")),
        }
    )
    with pytest.raises(kind, match=message) as caught:
        run_in_private_root(Invocation(tree=tree, config=config, argv=argv, workdir=tmp_path / "work", platform=HERE))
    assert caught.value.hint
    assert not (tmp_path / "work").exists() or os.listdir(tmp_path / "work") == []


def test_a_tree_whose_dev_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    tree = SHELL.with_entries({tree_path("/dev"): Symlink(Meta(0o777), "/etc")})
    with pytest.raises(FormatError, match="/dev of the image is not a directory"):
        run_in_private_root(Invocation(tree=tree, config=RunConfig(), argv=["id"], workdir=tmp_path, platform=HERE))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_command(caller: Caller, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    script = f"trap 'echo caught; exit 7' {name}; echo ready; while :; do sleep 0.1; done"
    words, env = caller.call(SHELL, ["sh", "-c", script], RunConfig(), HERE)
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == "caught\n"
        assert process.wait() == 7


def test_a_killed_caller_takes_everything_with_it_and_the_next_one_clears_up(caller: Caller) -> None:
    words, env = caller.call(SHELL, ["sh", "-c", "echo ready; sleep 1000"], RunConfig(), HERE)
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        assert process.stdout.read() == ""  # the end: nobody holds the other side any more
    assert len(caller.left()) == 1
    caller.run(SHELL, "id")
    assert caller.left() == []


def test_a_shell_on_a_terminal_has_job_control(caller: Caller) -> None:
    terminal, other = pty.openpty()
    words, env = caller.call(SHELL, ["sh", "-i"], RunConfig(env={"PS1": "> "}), HERE)
    process = subprocess.Popen(
        words,
        env=env,
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(other)
    try:
        said = _expect(terminal, b"> ")
        os.write(terminal, b"echo $((6*7)); sleep 1000\n")
        said += _expect(terminal, b"\n42")
        time.sleep(0.3)
        os.write(terminal, b"\x03")
        said += _expect(terminal, b"> ")
        os.write(terminal, b"exit 5\n")
        assert process.wait(20) == 5
        assert b"job control" not in said
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def _expect(terminal: int, expected: bytes) -> bytes:
    said = b""
    while expected not in said:
        with suppress(BlockingIOError):
            piece = os.read(terminal, 1000)
            said += piece
            if not piece:
                raise AssertionError(said)
    return said


def exit_program(machine: int, *code: int) -> bytes:
    """The smallest ELF program of a 64-bit machine: these instructions."""
    text = struct.pack(f"<{len(code)}I", *code)
    head = (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    size = 120 + len(text)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 4096) + text


# mov x0, #7; mov x8, #93; svc #0
ARM64_EXITS_WITH_7 = exit_program(183, 0xD28000E0, 0xD2800BA8, 0xD4000001)


@pytest.mark.skipif(run.find("qemu-aarch64-static") is None, reason="qemu-aarch64-static is not on this machine")
@pytest.mark.skipif(HERE.architecture == "arm64", reason="arm64 is not foreign here")
def test_a_foreign_program_runs_under_qemu(caller: Caller) -> None:
    tree = Rootfs({tree_path("/exit7"): File(Meta(0o755), Inline(ARM64_EXITS_WITH_7))})
    assert caller.run(tree, "/exit7", platform=Platform("linux", "arm64")).returncode == 7


@pytest.mark.skipif(run.find("qemu-aarch64-static") is None, reason="qemu-aarch64-static is not on this machine")
@pytest.mark.skipif(HERE.architecture == "arm64", reason="arm64 is not foreign here")
def test_a_foreign_program_may_start_others(caller: Caller) -> None:
    if tuple(int(part) for part in os.uname().release.split(".")[:2]) < (6, 7):
        pytest.skip("binfmt_misc in a user namespace needs Linux 6.7")
    tree = Rootfs(
        {
            tree_path("/exit7"): File(Meta(0o755), Inline(ARM64_EXITS_WITH_7)),
            tree_path("/script"): File(Meta(0o755), Inline(b"#!/exit7\n")),  # the kernel starts the other one
        }
    )
    assert caller.run(tree, "/script", platform=Platform("linux", "arm64")).returncode == 7


def test_words_replace_the_cmd_and_follow_the_entrypoint() -> None:
    config = RunConfig(entrypoint=("e", "-x"), cmd=("c",))
    assert command_of(config, None) == ["e", "-x", "c"]
    assert command_of(config, ["w"]) == ["e", "-x", "w"]
    assert command_of(config, []) == ["e", "-x"]
    with pytest.raises(UsageError):
        command_of(RunConfig(), [])
