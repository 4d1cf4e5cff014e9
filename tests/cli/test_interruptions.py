"""Signals that come at a bad moment."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fromscratch.cli import interruptions

IN_A_DESTRUCTOR = """
import os, sys, time
from fromscratch.cli import interruptions

class Last:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        for _ in range(1000):
            pass

interruptions.heed()
last = Last()
try:
    del last
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_comes_where_python_lets_nothing_out_is_not_lost(number: signal.Signals) -> None:
    argv = [sys.executable, "-c", IN_A_DESTRUCTOR, str(int(number))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")  # else it sleeps to its end


def test_one_that_comes_while_modules_are_loaded_comes_afterwards(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import os, sys\nos.kill(os.getpid(), int(sys.argv[1]))\nloaded = True\n")
    script = """
import time
from fromscratch.cli import interruptions
interruptions.heed()
try:
    import slow
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", slow.loaded)
"""
    for number in (signal.SIGINT, signal.SIGTERM):
        argv = [sys.executable, "-c", script, str(int(number))]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("interrupted True\n", "")


def test_one_that_comes_while_a_class_is_made_is_one() -> None:
    class Attribute:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(BaseException) as caught:  # noqa: PT011  # which it is depends on the version of Python
        type("Made", (), {"attribute": Attribute()})
    assert interruptions.is_one(caught.value)
    assert not interruptions.is_one(RuntimeError("a bug"))


def test_what_else_is_lost_there_is_told() -> None:
    script = """
from fromscratch.cli import interruptions
interruptions.heed()
class Last:
    def __del__(self):
        raise ValueError("a bug")
Last()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "ValueError: a bug" in done.stderr


def test_one_that_does_not_end_what_the_main_thread_waits_for_comes_soon() -> None:
    """One between Python's last look for signals and the call that waits; here it comes to another thread."""
    script = """
import queue, signal, sys, threading, time
from fromscratch.cli import interruptions

def elsewhere():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), int(sys.argv[1]))

interruptions.heed()
threading.Thread(target=elsewhere, daemon=True).start()
try:
    queue.SimpleQueue().get(timeout=30)
except KeyboardInterrupt:
    print("interrupted")
"""
    for number in (signal.SIGINT, signal.SIGTERM):
        argv = [sys.executable, "-c", script, str(int(number))]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_a_program_that_is_started_gets_no_ticks() -> None:
    script = """
import subprocess, sys
from fromscratch.cli import interruptions
interruptions.heed()
own = "import signal; print(signal.getitimer(signal.ITIMER_REAL))"
print(subprocess.run([sys.executable, "-c", own], capture_output=True, text=True).stdout, end="")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(0.0, 0.0)\n", "")
