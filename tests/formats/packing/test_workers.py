"""Threads at work."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fromscratch.formats.packing.workers import Workers
from fromscratch.host.process import threads


@pytest.mark.slow
def test_packing_ends_wherever_it_is_interrupted() -> None:
    """In another process, since an interruption between packing and its tidying up leaves threads behind."""
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": str(here.parents[3])}
    command = [sys.executable, "-m", "tests.formats.packing.interrupted"]
    done = subprocess.run(command, env=environment, cwd=here.parents[3], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_what_an_errand_raises_is_raised_where_its_result_is_asked_for() -> None:
    with Workers(2, "test") as hands:
        wrong, right = hands.submit(int, "x"), hands.submit(int, "1")
        assert right.result() == 1
        with pytest.raises(ValueError, match="invalid literal"):
            wrong.result()


def test_where_no_thread_can_be_started_the_giver_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with Workers(2, "test") as hands:
        wrong, right = hands.submit(int, "x"), hands.submit(int, "1")
        assert right.result() == 1
        with pytest.raises(ValueError, match="invalid literal"):
            wrong.result()
    assert threads.each(["1", "2", "3"], int, 2, lambda: None) == [1, 2, 3]
