"""Starting one command in a running container, and knowing when it has ended."""

import base64
import os
import shlex
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from fromscratch.errors import ImageError, UsageError
from fromscratch.formats.oci_runtime import seccomp
from fromscratch.host.container import start_failure
from fromscratch.host.container.control import Answers, Control, is_readable
from fromscratch.host.container.spec import Program
from fromscratch.host.container.watch import Watch
from fromscratch.model.image import Platform

_KILLED = 137
_PATIENCE = 120.0  # seconds: who watches it must answer the calls by which the program starts


class Command:
    """A command that has been started; `ends` is a pipe that becomes readable when it has ended."""

    def __init__(self, control: Control, pid: int, ends: int) -> None:
        self._control, self._pid, self.ends = control, pid, ends
        self._lock = threading.Lock()
        self._code: int | None = None

    def close(self) -> None:
        """Follow it no longer; how it ends stays unknown if it runs."""
        with self._lock:
            if self._code is None:
                self._code = _KILLED
                os.close(self.ends)

    def wait(self, timeout: float) -> int | None:
        """The exit code, once it is known within so many seconds; that of a killed one if the container has ended."""
        with self._lock:
            if self._code is None and is_readable(self.ends, timeout):
                self._code = int(os.read(self.ends, 16) or _KILLED)
                os.close(self.ends)
            return self._code

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal, to its whole process group if asked to; nothing happens if it has ended."""
        with self._control.ask({"do": "signal", "pid": self._pid, "signal": number, "group": group}) as answers:
            answers.only()


def check_words(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Raises UsageError for what no program can be given."""
    if not argv or not argv[0]:
        raise UsageError("the command is empty", "name a program of the image")
    if any("\0" in text for text in (*argv, *env, *env.values())):
        raise UsageError("a word or variable of the command holds a NUL byte", "no program can be given one")
    for name in env:
        if not name or "=" in name:
            raise UsageError(f"{name!r} is not the name of a variable", "write a name without =, such as PATH")


def launch(
    control: Control, watch: Watch | None, program: Program, streams: tuple[int, int, int], platform: Platform
) -> Command:
    """Start a command; returns when its program runs. Raises ImageError, such as CannotStart."""
    request = {"do": "run", **program.fields(), "listener": _listener(watch)}
    read_end, write_end = os.pipe()
    try:
        try:
            answers = control.ask(request, *streams, write_end)
        finally:
            os.close(write_end)
        with answers:
            return Command(control, _pid(answers, watch, program, platform), read_end)
    except BaseException:
        os.close(read_end)
        raise


def _listener(watch: Watch | None) -> dict[str, Any] | None:
    if watch is None or not watch.filter:
        return None
    number = seccomp.numbers(Platform.of_this_machine().architecture)["seccomp"]
    return {"program": base64.b64encode(watch.filter).decode(), "seccomp": number}


def _pid(answers: Answers, watch: Watch | None, program: Program, platform: Platform) -> int:
    """Follow a start to its end, that of its answers, at which the program has replaced ours."""
    pid = 0
    while (answer := _next(answers, program)) is not None:
        if "handle" in answer and watch is not None:
            watch.listener(answer["handle"], shlex.join(program.argv))
        elif "step" in answer:
            raise start_failure.error_for(answer, list(program.argv), platform)
        elif "errno" in answer:
            raise ImageError(
                f"cannot start {shlex.join(program.argv)} in the container: {os.strerror(answer['errno'])}",
                "see how many processes it has, and the memory of this machine",
            )
        else:
            pid = answer["pid"]
    if not pid:
        raise ImageError(f"the container ended before {shlex.join(program.argv)} was started", "see what ended it")
    return pid


def _next(answers: Answers, program: Program) -> dict[str, Any] | None:
    try:
        return answers.next(_PATIENCE)
    except TimeoutError as error:
        raise ImageError(
            f"{shlex.join(program.argv)} did not start within {_PATIENCE:g} seconds",
            "see whether something answers the system calls that are recorded",
        ) from error
