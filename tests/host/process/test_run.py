"""Programs: what they are given, what comes back, and that nothing of them stays behind."""

import io
import os
import pty
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fromscratch.errors import CommandFailed, FormatError, ImageError, MissingTool
from fromscratch.host.process import run

SH = "/bin/sh"


def sh(script: str, **options: object) -> run.Completed:
    return run.run([SH, "-c", script], **options)  # type: ignore[arg-type]


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


PATIENT = """
import pathlib, sys
from fromscratch.host.process import run
script = "touch began; until [ -e gone ]; do sleep 0.02; done; touch done"
run.run(["/bin/sh", "-c", script], cwd=pathlib.Path(sys.argv[1]), hang_up=True)
"""


def test_one_that_a_signal_would_not_let_tidy_up_may_end_by_itself(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PATIENT, str(tmp_path)], stderr=subprocess.DEVNULL) as ours:
        assert eventually((tmp_path / "began").exists)
        ours.send_signal(signal.SIGINT)
        assert not eventually(lambda: ours.poll() is not None, 0.5)
        (tmp_path / "gone").touch()
    assert ours.returncode == -signal.SIGINT
    assert (tmp_path / "done").exists()


def test_so_may_one_that_has_only_just_been_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    script = f"cd {shlex.quote(str(tmp_path))}; trap 'touch signalled' TERM; cat >fed; sleep 0.2; touch ended"
    with pytest.raises(KeyboardInterrupt):
        sh(script, stdin=io.BytesIO(b"x"), hang_up=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ended", "fed"]


def test_one_that_is_interrupted_while_it_starts_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            launched.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        sh("sleep 30")
    assert [lives(pid) for pid in launched] == [False]


LASTING = """
import io, pathlib, sys
from fromscratch.host.process import run
script = "cat >/dev/null; touch fed; until [ -e gone ]; do sleep 0.02; done; echo said; echo said >&2; touch done"
run.run(["/bin/sh", "-c", script], stdin=io.BytesIO(b"x"), cwd=pathlib.Path(sys.argv[1]), outlives=True)
"""


@pytest.mark.parametrize("outlives", [False, True])
def test_what_a_program_says_is_kept(outlives: bool) -> None:
    done = sh("cat; echo out; echo err >&2; exit 3", stdin=b"in ", check=False, outlives=outlives)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in out\n", b"err\n")
    fed = sh("cat", stdin=io.BytesIO(b"x" * 3_000_000), outlives=outlives)
    assert len(fed.stdout) == 3_000_000


def test_what_a_program_says_when_we_have_been_killed_does_not_end_it(tmp_path: Path) -> None:
    """Or ctr would leave its lease: it says what it has done before it tidies up."""
    with subprocess.Popen([sys.executable, "-c", LASTING, str(tmp_path)]) as ours:
        assert eventually((tmp_path / "fed").exists)
        ours.kill()
    (tmp_path / "gone").touch()
    assert eventually((tmp_path / "done").exists)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def written(path: Path) -> list[int]:
    """The process ids that a script has written there, once it has ended the line."""
    assert eventually(lambda: path.exists() and path.read_text().endswith("\n"))
    return [int(word) for word in path.read_text().split()]


def test_output_and_errors_come_back_apart() -> None:
    assert sh("echo out; echo err >&2") == run.Completed(0, b"out\n", b"err\n")


def test_a_failure_shows_the_command_to_paste_and_the_last_lines() -> None:
    with pytest.raises(CommandFailed) as caught:
        run.run([SH, "-c", "seq 100 >&2; exit 3"])
    lines = str(caught.value).splitlines()
    assert lines[0] == "/bin/sh -c 'seq 100 >&2; exit 3' failed with exit code 3:"
    assert lines[1:] == [f"  {number}" for number in range(81, 101)]


def test_a_failure_shows_the_output_when_there_are_no_errors() -> None:
    with pytest.raises(CommandFailed, match=r"(?m)^  only here$"):
        sh("echo only here; exit 1")


def test_a_program_that_a_signal_ended() -> None:
    with pytest.raises(CommandFailed, match="was ended by signal 9"):
        sh("kill -9 $$")


def test_an_exit_code_may_be_an_answer() -> None:
    assert sh("exit 3", check=False).returncode == 3


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(CommandFailed, match=r"^cannot run /nonesuch 'a b': No such file or directory$"):
        run.run(["/nonesuch", "a b"])


@pytest.mark.parametrize("word", ["a\0b", "\ud800"], ids=["NUL", "surrogate"])
def test_a_word_that_no_program_can_be_given(word: str) -> None:
    for start in (run.run, run.interactive):
        with pytest.raises(CommandFailed, match=r"^cannot run /bin/true "):
            start(["/bin/true", word])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="there is no such folder"):
        sh("true", cwd=tmp_path / "nonesuch")


def test_a_needed_program_is_named_with_what_it_is_for() -> None:
    with pytest.raises(MissingTool, match="packing needs the program nonesuch") as caught:
        run.need("nonesuch", "packing")
    assert "apt-get install nonesuch" in caught.value.hint


def test_the_environment_depends_on_no_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("MAKEFLAGS", "-k")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    said = run.run(["/usr/bin/env"]).stdout.decode().splitlines()
    assert sorted(said) == [
        "HOME=/home/someone",
        "LC_ALL=C.UTF-8",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TZ=UTC",
        "https_proxy=http://proxy.example:3128",
    ]


def test_a_given_environment_is_the_whole_one() -> None:
    assert run.run(["/usr/bin/env"], env={"A": "b"}).stdout == b"A=b\n"


def test_input_is_empty_if_none_is_given() -> None:
    assert sh("cat").stdout == b""


@pytest.mark.parametrize("size", [0, 10, 300_000])
@pytest.mark.parametrize("make", [bytes, io.BytesIO], ids=["bytes", "stream"])
def test_input_from_bytes_and_from_a_stream(make: Callable[[bytes], bytes | io.BytesIO], size: int) -> None:
    data = os.urandom(size)
    assert run.run(["cat"], stdin=make(data)).stdout == data


@pytest.mark.parametrize("make", [bytes, io.BytesIO], ids=["bytes", "stream"])
def test_a_program_need_not_read_all_its_input(make: Callable[[bytes], bytes | io.BytesIO]) -> None:
    assert run.run(["head", "-c", "3"], stdin=make(b"abc" * 1_000_000)).stdout == b"abc"


def test_a_program_whose_input_breaks_never_sees_its_regular_end(tmp_path: Path) -> None:
    class Breaking(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.pieces = getattr(self, "pieces", 0) + 1
            if self.pieces > 3:
                raise FormatError("the archive is cut")
            return b"x" * 1000

    with pytest.raises(FormatError, match="the archive is cut"):
        sh(f"cat > /dev/null; echo whole > {tmp_path}/done", stdin=Breaking())
    assert not (tmp_path / "done").exists()


def test_a_time_limit_ends_the_program_and_its_children(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="did not end within 1 seconds"):
        sh(f"sleep 100 & echo $$ $! > {tmp_path}/pids; wait", timeout=1.0)
    assert not any(map(lives, written(tmp_path / "pids")))


class SeenEnough(Exception):
    pass


def stopped_at_its_first_line(script: str, grace: float = run.GRACE) -> None:
    def stop(line: bytes) -> None:
        raise SeenEnough

    with pytest.raises(SeenEnough):
        run.follow([SH, "-c", script], stop, grace=grace)


def test_a_follower_that_raises_ends_the_program(tmp_path: Path) -> None:
    stopped_at_its_first_line(f"echo $$ > {tmp_path}/pids; echo line; sleep 100")
    assert not any(map(lives, written(tmp_path / "pids")))


def test_children_that_will_not_end_are_killed(tmp_path: Path) -> None:
    stubborn = f"trap '' TERM; (trap '' TERM; sleep 100) & echo $$ $! > {tmp_path}/pids; echo line; sleep 100"
    stopped_at_its_first_line(stubborn, grace=0.2)
    assert not any(map(lives, written(tmp_path / "pids")))


def test_children_with_a_process_group_of_their_own_end_too(tmp_path: Path) -> None:
    stopped_at_its_first_line(f"timeout 100 {SH} -c 'echo $$ > {tmp_path}/pids; echo line; sleep 100'")
    assert not any(map(lives, written(tmp_path / "pids")))


def test_a_clock_ticks_while_the_program_is_silent_and_no_line_is_lost(tmp_path: Path) -> None:
    lines: list[bytes] = []
    ticks: list[int] = []
    script = "printf one; sleep 2.5; echo; echo two; printf three"
    run.follow([SH, "-c", script], lines.append, log=tmp_path / "log", tick=lambda: ticks.append(len(lines)))
    assert lines == [b"one\n", b"two\n", b"three"]
    assert ticks[:2] == [0, 0]
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree"


def test_lines_are_followed_as_they_come_and_all_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\n")
    lines: list[bytes] = []
    assert run.follow([SH, "-c", "echo one; echo two >&2; printf three; exit 4"], lines.append, log=log) == 4
    assert lines == [b"one\n", b"two\n", b"three"]
    assert log.read_bytes() == b"before\none\ntwo\nthree"


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot write /dev/full: No space left on device"):
        run.follow([SH, "-c", "echo line"], lambda line: None, log=Path("/dev/full"))


FOLLOWING = """
import sys
import threading
from pathlib import Path
from fromscratch.host.process import run
try:
    run.follow(["/bin/sh", "-c", sys.argv[1]], lambda line: None, log=Path(sys.argv[2]))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interruption_ends_children_and_grandchildren(tmp_path: Path) -> None:
    script = f"{SH} -c 'sleep 100 & echo $$ $! > {tmp_path}/pids; echo started; wait'; true"
    with subprocess.Popen([sys.executable, "-c", FOLLOWING, script, str(tmp_path / "log")]) as process:
        pids = written(tmp_path / "pids")
        assert all(map(lives, pids))
        assert eventually(lambda: (tmp_path / "log").read_bytes() == b"started\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert not any(map(lives, pids))


INTERACTIVE = """
import fcntl, termios
from fromscratch.host.process import run
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
code = run.interactive(["/bin/sh", "-c", 'trap "exit 7" INT; echo ready $TERM; while :; do sleep 0.05; done'])
print("ended with", code, flush=True)
"""


def test_ctrl_c_on_a_terminal_belongs_to_the_interactive_program() -> None:
    ours, theirs = pty.openpty()
    with (
        open(ours, "r+b", buffering=0) as screen,
        open(theirs, "r+b", buffering=0) as terminal,
        subprocess.Popen(
            [sys.executable, "-c", INTERACTIVE],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            env={**os.environ, "TERM": "vt100"},
        ) as process,
    ):
        said = b""
        while b"ready vt100\r\n" not in said:
            said += screen.read(1000)
        screen.write(b"\x03")
        while b"ended with 7" not in said:
            said += screen.read(1000)  # OSError once nobody has the terminal
        assert process.wait(10) == 0
