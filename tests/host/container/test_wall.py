"""What an image that is hostile tries in a private root: each kind of escape that engines have been fixed for."""

import fcntl
import os
import platform
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from fromscratch.model.content import Inline
from fromscratch.model.entry import File, Meta, Symlink
from fromscratch.model.image import RunConfig
from fromscratch.model.rootfs import Rootfs
from fromscratch.paths import tree_path
from tests.host.container.callers import HERE, SHELL, Caller
from tests.hosttree import host_tree

SOURCE = Path(__file__).with_name("probe.c")
EVIL = """
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
__attribute__((constructor)) static void seize(void)
{
    errno = 0;
    chmod("/proc/self/exe", 06777);
    printf("chmod %d\\n", errno);
    errno = 0;
    open("/proc/self/exe", O_WRONLY);
    printf("write %d\\n", errno);
    fflush(stdout);
    _exit(0);
}
"""


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Rootfs:
    """A shell, and a static program that tries things: probe.c."""
    folder = tmp_path_factory.mktemp("probe")
    built = folder / "probe"
    _compiled(["-static", "-O1", "-o", str(built), str(SOURCE)])
    return SHELL.with_entries({tree_path("/probe"): File(Meta(0o755), Inline(built.read_bytes()))})


def _compiled(words: Sequence[str]) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler here")
    done = subprocess.run([compiler, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def status(caller: Caller, tree: Rootfs = SHELL, config: RunConfig = RunConfig()) -> dict[str, str]:  # noqa: B008
    done = caller.run(tree, "cat", "/proc/self/status", config=config)
    return dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)


def test_the_program_that_starts_the_command_cannot_be_seized(caller: Caller, probe: Rootfs) -> None:
    """CVE-2019-5736: process 1 is a program of the machine."""
    program = Path(caller.python())
    before = program.stat()
    done = caller.run(probe, "/probe", "seize", "/proc/1/exe")
    assert "done" not in done.stdout
    assert len(done.stdout.splitlines()) == 2
    assert (program.stat().st_mode, program.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_an_image_that_has_itself_run_by_that_program_cannot_seize_it_either(caller: Caller, tmp_path: Path) -> None:
    """The image's command is /proc/self/exe, and a library of the image speaks for it."""
    source, library = tmp_path / "evil.c", tmp_path / "evil.so"
    source.write_text(EVIL)
    _compiled(["-shared", "-fPIC", "-o", str(library), str(source)])
    python = caller.python()
    reported = subprocess.run(["ldd", python], capture_output=True, text=True, check=False).stdout
    libraries = re.findall(r"(/\S+) \(0x", reported)
    tree = Rootfs(
        {
            **{tree_path(path): File(Meta(0o755), Inline(Path(path).read_bytes())) for path in libraries},
            tree_path("/entry"): Symlink(Meta(0o777), "/proc/self/exe"),
            tree_path("/evil.so"): File(Meta(0o755), Inline(library.read_bytes())),
        }
    )
    before = Path(python).stat()
    done = caller.run(tree, "/entry", config=RunConfig(env={"LD_PRELOAD": "/evil.so"}))
    assert Path(python).stat().st_mode == before.st_mode
    answers = dict(line.split() for line in done.stdout.splitlines())
    assert set(answers) == {"chmod", "write"}, done.stderr
    assert "0" not in answers.values()


def test_nothing_is_typed_into_the_callers_terminal(caller: Caller, probe: Rootfs) -> None:
    said, left = on_terminal(caller, probe, ["/probe", "type"])
    assert set(said.split()) == {"type", "EPERM"}
    assert left == b""


def test_the_terminal_is_the_containers_own(caller: Caller) -> None:
    """Its node is none of the machine's, and its size and the controlling terminal are right."""
    outside: list[os.stat_result] = []
    tree = SHELL.with_entries({tree_path("/bin/stty"): host_tree("stty", "tty")[tree_path("/bin/stty")]})
    tree = tree.with_entries({tree_path("/bin/tty"): host_tree("tty")[tree_path("/bin/tty")]})
    script = "tty; stty size; chmod 777 /dev/pts/0; echo x > /dev/tty; ls -ln /dev/console"
    said, _ = on_terminal(caller, tree, ["sh", "-c", script], outside=outside)
    lines = said.split("\r\n")
    assert lines[:3] == ["/dev/pts/0", "33 77", "x"]
    assert lines[3].startswith("crwxrwxrwx")
    assert stat.S_IMODE(outside[0].st_mode) == stat.S_IMODE(outside[1].st_mode)


def test_what_is_typed_in_a_pipeline_comes_as_lines(caller: Caller) -> None:
    """Output goes elsewhere: the terminal keeps its settings for the other programs of the pipeline."""
    words, env = caller.call(SHELL, ["sh", "-c", "read line; echo got $line; cat"], RunConfig(), HERE)
    terminal, other = pty.openpty()
    before = termios.tcgetattr(other)
    with subprocess.Popen(words, env=env, stdin=other, stdout=subprocess.PIPE, start_new_session=True) as process:
        os.write(terminal, b"one\ntwo\n\x04")
        assert process.stdout is not None
        assert process.stdout.read() == b"got one\ntwo\n"
        assert termios.tcgetattr(other) == before
    os.close(terminal)
    os.close(other)


def test_devices_are_the_containers_own(caller: Caller, probe: Rootfs) -> None:
    nodes = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"]
    before = [Path(node).stat().st_mode for node in nodes]
    caller.run(probe, "/probe", "seize", *nodes)
    assert [Path(node).stat().st_mode for node in nodes] == before
    script = "echo x > /dev/null && cat /dev/null && ls -ln /dev/null /dev/zero"
    assert [line[:10] for line in caller.run(SHELL, "sh", "-c", script).stdout.splitlines()] == ["crw-rw-rw-"] * 2


def test_calls_that_a_container_has_no_use_for_are_refused(caller: Caller, probe: Rootfs) -> None:
    """Namespaces (CVE-2022-0185), keyrings (CVE-2016-0728), io_uring, bpf, file handles (shocker), VSOCK and others."""
    reported = dict(line.split(" ", 1) for line in caller.run(probe, "/probe", "calls").stdout.splitlines())
    assert reported.pop("clone3") == reported.pop("newest") == "ENOSYS"
    if platform.machine() == "x86_64":
        assert reported["unshare32"] == "EPERM"
    assert {name: answer for name, answer in reported.items() if answer != "EPERM"} == {}
    assert len(reported) >= 13
    assert status(caller)["Seccomp"] == "2"


@pytest.mark.parametrize("user", ["", "web"])
def test_no_set_of_capabilities_holds_more_than_an_engine_gives(caller: Caller, user: str) -> None:
    """CVE-2022-24769: inheritable ones would come back with a file that has them."""
    if caller.name == "root":
        caller.prefix = ("setpriv", "--inh-caps=+sys_admin,+chown", "--ambient-caps=+sys_admin,+chown")
    fields = status(caller, config=RunConfig(user=user))
    engines = 0xA80425FB & ~(1 << 27)  # docker's, less mknod
    assert [int(fields[name], 16) for name in ("CapInh", "CapAmb", "CapBnd")] == [0, 0, engines]
    assert [int(fields[name], 16) for name in ("CapPrm", "CapEff")] == [0 if user else engines] * 2
    assert fields["NoNewPrivs"] == "1"


def test_the_machines_files_in_proc_and_sys_are_hidden_or_read_only(caller: Caller, probe: Rootfs) -> None:
    script = """
        for f in kcore keys timer_list interrupts sched_debug latency_stats; do cat /proc/$f 2>/dev/null; done
        for d in /sys/firmware /proc/acpi /proc/scsi; do ls $d 2>/dev/null; done
        for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/profiling
        do test -e $f && (: >> $f) 2>/dev/null && echo open $f
        done
        exit 0
    """
    done = caller.run(probe, "sh", "-c", script)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.slow
def test_processes_are_counted(caller: Caller, probe: Rootfs) -> None:
    if caller.name == "root" and not os.access("/sys/fs/cgroup/pids", os.W_OK) and not _has_pids_in_version_2():
        pytest.skip("no control group that counts processes can be made here")
    count = int(caller.run(probe, "/probe", "forks").stdout)
    assert 1000 < count < 2048


def _has_pids_in_version_2() -> bool:
    with suppress(OSError):
        return "pids" in Path("/sys/fs/cgroup/cgroup.subtree_control").read_text()
    return False


@pytest.mark.slow
@pytest.mark.parametrize("user", ["", "web"])
@pytest.mark.parametrize("stream", ["/dev/stdout", "/dev/stderr"])
def test_standard_streams_can_be_opened_by_the_images_user(
    caller: Caller, stream: str, user: str, tmp_path: Path
) -> None:
    done = caller.run(SHELL, "sh", "-c", f"echo hello > {stream}", config=RunConfig(user=user))
    assert (done.stdout + done.stderr, done.returncode) == ("hello\n", 0)
    words, env = caller.call(SHELL, ["sh", "-c", f"echo hello > {stream}"], RunConfig(user=user), HERE)
    for target in (tmp_path / "file",):
        with target.open("wb") as file:
            target.chmod(0o600)
            assert subprocess.run(words, env=env, stdout=file, stderr=file, check=False).returncode == 0
        assert target.read_text() == "hello\n"


def test_two_streams_that_are_one_keep_their_order(caller: Caller) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do echo out$i; echo err$i >&2; done"
    words, env = caller.call(SHELL, ["sh", "-c", script], RunConfig(user="web"), HERE)
    said = subprocess.run(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.split()
    assert said == [f"{name}{number}".encode() for number in range(1, 9) for name in ("out", "err")]


def test_a_reader_that_goes_away_ends_the_command(caller: Caller) -> None:
    words, env = caller.call(SHELL, ["sh", "-c", "while echo x; do :; done; exit 9"], RunConfig(user="web"), HERE)
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"x\n"
        process.stdout.close()
        assert process.wait() in (9, 128 + signal.SIGPIPE)


def test_setuid_programs_work_where_the_image_has_them(caller: Caller) -> None:
    if caller.name != "root":
        pytest.skip("an ordinary user has one user inside")
    cat = SHELL[tree_path("/bin/cat")]
    assert isinstance(cat, File)
    tree = SHELL.with_entries(
        {
            tree_path("/bin/su-cat"): File(Meta(0o4755), cat.content),
            tree_path("/secret"): File(Meta(0o600), Inline(b"open\n")),
        }
    )
    assert caller.run(tree, "su-cat", "/secret", config=RunConfig(user="web")).stdout == "open\n"
    fields = status(caller, tree, RunConfig(user="web"))
    assert (fields["Seccomp"], fields["NoNewPrivs"], int(fields["CapEff"], 16)) == ("2", "0", 0)


def test_a_signal_that_the_caller_ignores_does_not_reach_the_command(caller: Caller) -> None:
    """As under nohup."""
    words, env = caller.call(SHELL, ["sh", "-c", "echo ready; read line; echo $line"], RunConfig(), HERE)
    ignored = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words]
    with subprocess.Popen(ignored, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.communicate("still here\n")[0] == "still here\n"


@pytest.mark.parametrize(("number", "code"), [(0, 7), (signal.SIGTERM, 143), (signal.SIGSEGV, 139)])
def test_a_command_that_asks_to_be_traced_ends_as_any_other(
    caller: Caller, probe: Rootfs, number: int, code: int
) -> None:
    """Process 1 becomes its tracer: who waits only would keep it stopped at its first signal, for ever."""
    assert caller.run(probe, "/probe", "traced", str(int(number)), "/bin/sh", "-c", "exit 7").returncode == code


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_stream_that_the_caller_has_closed_does_not_keep_the_command_from_running(
    caller: Caller, closed: str
) -> None:
    words, env = caller.call(SHELL, ["sh", "-c", "exit 7"], RunConfig(), HERE)
    assert subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *words], env=env, check=False).returncode == 7


def on_terminal(
    caller: Caller, tree: Rootfs, argv: Sequence[str], *, outside: list[os.stat_result] | None = None
) -> tuple[str, bytes]:
    """What a command says on a terminal of 33 lines, and what is there to be read by who uses it next."""
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("4H", 33, 77, 0, 0))
    words, env = caller.call(tree, argv, RunConfig(), HERE)
    before = os.fstat(other)
    process = subprocess.Popen(
        words,
        env=env,
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    said = b""
    while process.poll() is None or select.select([terminal], [], [], 0)[0]:
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 1000)
    if outside is not None:
        outside += [before, os.fstat(other)]
    os.set_blocking(other, False)
    left = b""
    with suppress(BlockingIOError):
        left = os.read(other, 100)
    os.close(terminal)
    os.close(other)
    return said.decode(), left
