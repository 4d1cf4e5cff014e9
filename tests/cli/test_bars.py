"""What is shown of long work: bars on a terminal, lines where there is none."""

import os
import pty
import subprocess
import sys
import termios
import time

import pytest

from fromscratch.cli.output import progress
from fromscratch.cli.output.progress import Bars

WORK = """
import time
from fromscratch.cli.output.progress import Bars

with Bars().task("build", total=1000, unit="work") as task:
    task.describe("gcc 15 Building")
    task.advance(310)
    task.pulse("4312 lines", 3480)
    time.sleep(6.5)
"""


@pytest.mark.slow
def test_a_bar_has_clocks_that_go_on_while_nothing_is_reported() -> None:
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    with subprocess.Popen([sys.executable, "-c", WORK], stderr=follower) as process:
        os.close(follower)
        shown = b""
        while process.poll() is None or b"left" not in shown:
            try:
                shown += os.read(leader, 4096)
            except OSError:
                break
    os.close(leader)
    text = shown.decode()
    assert "build  31%|" in text
    for second in ("00:03, about 58 min left, gcc 15 Building 0:03, 4312 lines", "00:04", "00:05"):
        assert second in text


def test_without_a_terminal_a_long_step_says_now_and_then_that_it_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Bars().task("build", total=1000, unit="work") as task:
        task.describe("gcc 15 Building")
        task.advance(310)
        for _ in range(125):
            now += 1
            task.pulse("4312 lines", 3480)
    assert capsys.readouterr().err.splitlines() == [
        "build [0%] gcc 15 Building",
        "build [31%] gcc 15 Building 1:00, 4312 lines, about 58 min left",
        "build [31%] gcc 15 Building 2:00, 4312 lines, about 58 min left",
        "build: in 125.0 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (3, "about 10 s left"),
        (84, "about 80 s left"),
        (95, "about 2 min left"),
        (3480, "about 58 min left"),
        (25000, "about 6 h 57 min left"),
    ],
)
def test_an_estimate_in_words(seconds: float | None, words: str) -> None:
    assert progress.remaining(seconds) == words


def test_a_duration_as_a_clock_has_it() -> None:
    assert [progress.clock(seconds) for seconds in (5, 724.9, 5025)] == ["0:05", "12:04", "1:23:45"]
