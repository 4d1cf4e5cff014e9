"""One check asked of a container that runs."""

import time
from collections.abc import Callable
from typing import assert_never

from fromscratch.checks.contract import Answer, ExecCheck, HttpCheck, RunCheck, ScriptCheck, TcpCheck
from fromscratch.checks.http import ask_http
from fromscratch.checks.patience import GaveUp, answered, pauses
from fromscratch.checks.ports import listening
from fromscratch.checks.tcp import ask_tcp
from fromscratch.checks.verdict import fault_of
from fromscratch.errors import ImageError
from fromscratch.host.container.running import TIMED_OUT, Outcome, RunningContainer

SharedCheck = ExecCheck | HttpCheck | TcpCheck | ScriptCheck
"""What is asked of a container in which the image's own command runs."""
_CANNOT_START = (126, 127)


def ask(check: SharedCheck, container: RunningContainer, is_running: Callable[[], bool]) -> Answer:
    """What came of it. A failure is tried again while the image's own command `is_running`: it may be starting."""
    try:
        match check:
            case ExecCheck():
                return _exec(check, container, is_running)
            case HttpCheck():
                return answered(lambda left: ask_http(check, container.connect, left), is_running, check.timeout)
            case TcpCheck():
                return answered(lambda left: ask_tcp(check, container.connect, left), is_running, check.timeout)
            case ScriptCheck():
                return answer_of(container.outside([str(check.path)], check.env, check.timeout), check)
            case _:
                assert_never(check)
    except GaveUp as error:
        return Answer(problem=f"{error}{_instead(container)}")
    except (ImageError, OSError) as error:
        return Answer(problem=str(error))


def _instead(container: RunningContainer) -> str:
    """What listens in the container, where the port that was asked does not answer."""
    ports = listening(container.init_pid)
    if len(ports) > 1:
        return f"; what listens there are the ports {', '.join(ports)}"
    return f"; what listens there is port {ports[0]}" if ports else "; nothing listens there"


def answer_of(outcome: Outcome, check: ExecCheck | RunCheck | ScriptCheck) -> Answer:
    """The end of a command; that it had to be killed, since it did not end, is a problem."""
    late = f"did not end within {check.timeout:g} seconds"
    said = outcome.stderr.rstrip(b"\n").rpartition(b"\n")[2]
    problem = f"it {late}" if outcome.code == TIMED_OUT and said.endswith(late.encode()) else ""
    return Answer(code=outcome.code, output=outcome.stdout, errors=outcome.stderr, problem=problem)


def _exec(check: ExecCheck, container: RunningContainer, is_running: Callable[[], bool]) -> Answer:
    """The first right answer, or the last one before the time for further attempts was over."""
    end = time.monotonic() + check.retry
    for pause in pauses():
        outcome = container.exec(check.argv, check.env, check.user or None, timeout=check.timeout)
        answer = answer_of(outcome, check)
        is_final = not fault_of(check, answer) or bool(answer.problem) or answer.code in _CANNOT_START
        if is_final or time.monotonic() >= end or not is_running():
            return answer
        time.sleep(pause)
    raise AssertionError("pauses never end")
