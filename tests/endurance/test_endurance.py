"""A few of the runs that `python -m tests.endurance` does by the thousand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import missing

pytestmark = pytest.mark.slow


def endured(what: str, count: int, tmp_path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.endurance", what, str(count)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_runs_that_are_killed_leave_nothing_half_written_and_the_next_one_goes_well(tmp_path: Path) -> None:
    assert "killed" in endured("kills", 24, tmp_path)


def test_system_calls_that_fail_are_told_or_do_not_matter(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        missing("strace is not installed")
    assert "exit code 0" in endured("faults", 24, tmp_path)


def test_full_disks_are_told_and_with_room_it_goes_on(tmp_path: Path) -> None:
    if os.geteuid():
        missing("only root can mount small disks")
    assert "exit code 1" in endured("disks", 12, tmp_path)
