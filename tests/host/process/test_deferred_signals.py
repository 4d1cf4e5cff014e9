"""Signals that come while a program is being started."""

import signal
import subprocess
import sys
import threading

import pytest

from fromscratch.host.process.deferred_signals import DeferredSignals


def test_one_that_comes_meanwhile_comes_at_its_release() -> None:
    reached: list[str] = []
    with DeferredSignals() as deferred:
        signal.raise_signal(signal.SIGINT)
        reached.append("deferred")
        with pytest.raises(KeyboardInterrupt):
            deferred.release()
    assert reached == ["deferred"]


def test_at_its_end_all_is_as_it_was_and_comes_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with DeferredSignals():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_one_that_nobody_handles_is_left_to_the_system() -> None:
    script = (
        "import signal; from fromscratch.host.process.deferred_signals import DeferredSignals\n"
        "with DeferredSignals(): signal.raise_signal(signal.SIGTERM); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, b"")


def test_another_thread_defers_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with DeferredSignals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
