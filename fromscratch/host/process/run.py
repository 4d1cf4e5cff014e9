"""The one gate through which programs are run: argument lists, a clean environment, errors to act on.

Every program runs in a session of its own, so that an interruption ends it with all its children.
"""

import contextlib
import errno
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, TypedDict, cast

from msgspec import Struct

from fromscratch.address import without_secrets
from fromscratch.errors import CommandFailed, MissingTool
from fromscratch.host.process import session
from fromscratch.host.process.deferred_signals import DeferredSignals
from fromscratch.host.process.lines import lines
from fromscratch.host.process.stdin_pump import Feeder
from fromscratch.host.process.variables import PASSED_ON, SYSTEM_PATH
from fromscratch.host.storage import disk, os_errors

_SHOWN_LINES = 20
GRACE = 10.0


class Completed(Struct, frozen=True):
    """How a program ended, and what it wrote."""

    returncode: int
    stdout: bytes
    stderr: bytes


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment that does not depend on who calls: C locale, UTC, and few variables of the caller's."""
    ours = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {"PATH": os.environ.get("PATH", SYSTEM_PATH), "LC_ALL": "C.UTF-8", "TZ": "UTC", **ours, **(extra or {})}


def find(program: str) -> str | None:
    """The path of a program, looked for in PATH and in the folders of system programs."""
    return shutil.which(program) or shutil.which(program, path=SYSTEM_PATH)


def need(program: str, why: str, install: str = "") -> str:
    """The path of a program. Raises MissingTool, saying what it is for and how to get it."""
    path = find(program)
    if path is None:
        raise MissingTool(
            f"{why} needs the program {program}, which is not on this machine",
            install or f"install it, on Debian for example with: apt-get install {program}",
        )
    return path


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | BinaryIO | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    timeout: float | None = None,
    grace: float = GRACE,
    hang_up: bool = False,
    outlives: bool = False,
) -> Completed:
    """Run a program to its end and capture what it writes.

    `env` is the whole environment (default: `environment()`). `stdin` may be bytes or a stream,
    which is copied through a pipe; when reading that fails, the program is killed, so that it never
    mistakes a part for the whole, and that error is raised. Raises CommandFailed, with the command to paste and
    the last lines it wrote, when the program cannot start, takes longer than `timeout` seconds, or (with
    `check`) exits with other than 0. `grace` is as for `follow`. With `hang_up` a program that is to be
    stopped sees the end of its input first, and has `grace` seconds to end by itself: for one that fails, or
    ends soon, on a part of its input, and that could not clean up after a signal. With `outlives` it writes into
    files in memory, and so can end properly when this process is killed: writing into a pipe, it would be ended by
    SIGPIPE.
    """
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    feeder = None if stdin is None or isinstance(stdin, bytes) else Feeder(stdin, hang_up=hang_up)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(_memory_file()) for _ in range(2 if outlives else 0)]
        stdout, stderr = (file.fileno() for file in files) if outlives else (subprocess.PIPE, subprocess.PIPE)
        ends = _Ends(stdin=source, stdout=stdout, stderr=stderr)
        before_end = partial(_end_input, feeder, grace) if hang_up else None
        with _running(argv, ends, env=env, cwd=cwd, grace=grace, before_end=before_end) as process:
            out, err = _communicate(process, argv, feeder, stdin if isinstance(stdin, bytes) else None, timeout)
        if outlives:
            out, err = (_content(file) for file in files)
    if check and process.returncode:
        raise failure(argv, process.returncode, err or out)
    return Completed(process.returncode, out, err)


def follow(
    argv: Sequence[str],
    on_line: Callable[[bytes], None],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    grace: float = GRACE,
    inherit: Sequence[int] = (),
    tick: Callable[[], object] | None = None,
) -> int:
    """Run a program, give each line that it writes (to either stream) to `on_line` as it comes, and write all to `log`.

    The answer is its exit code. `inherit` are descriptors that it gets too, such as that of a lock. `tick` is called
    about once a second, also while the program is silent.
    When the caller is interrupted, or `on_line` raises, the program and all its children get
    SIGTERM, and SIGKILL if they are there still after `grace` seconds.
    """
    with contextlib.ExitStack() as stack:
        record = stack.enter_context(_log(log)) if log else None
        ends = _Ends(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        process = stack.enter_context(_running(argv, ends, env=env, cwd=cwd, grace=grace, inherit=inherit))
        for line in lines(cast(IO[bytes], process.stdout), tick):
            if record:
                record(os.fsencode(without_secrets(os.fsdecode(line))))
            on_line(line)
        return process.wait()


def interactive(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run a program on the caller's own terminal; the answer is its exit code.

    Ctrl-C is for the program to act on: the terminal sends it to both, and we go on waiting. The default
    environment is `environment()` and the variables that describe the terminal.
    """
    terminal = {name: os.environ[name] for name in ("TERM", "COLORTERM") if name in os.environ}
    with _interrupts_ignored():
        try:
            process = subprocess.Popen(list(argv), env=dict(environment(terminal) if env is None else env), cwd=cwd)
        except (OSError, ValueError) as error:
            raise _start_failure(argv, error, cwd) from error
        with process:
            return process.wait()


def shown(argv: Sequence[str]) -> str:
    """The command as one would paste it into a shell."""
    return shlex.join(argv)


def failure(argv: Sequence[str], returncode: int, output: bytes) -> CommandFailed:
    """The error for a program that failed, with the last lines that it wrote."""
    how = f"was ended by signal {-returncode}" if returncode < 0 else f"failed with exit code {returncode}"
    tail = "\n".join("  " + line for line in output.decode("utf-8", "replace").strip().splitlines()[-_SHOWN_LINES:])
    return CommandFailed(
        f"{shown(argv)} {how}" + (f":\n{tail}" if tail else ""), "run that command by hand to see more"
    )


@contextlib.contextmanager
def _log(path: Path) -> Iterator[Callable[[bytes], object]]:
    # Unbuffered: a log is read after a failure, and must be complete even when this process is killed.
    with disk.explained(path):
        file = open(path, "ab", buffering=0)

    def write(line: bytes) -> None:
        with disk.explained(path):
            file.write(line)

    with file:
        yield write


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    # A handler that does nothing, and not SIG_IGN: the program would inherit that.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _memory_file() -> BinaryIO:
    """A file in memory for the output of a program: memfd_create(2)."""
    return open(os.memfd_create("output"), "r+b", buffering=0)


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _end_input(feeder: Feeder | None, grace: float, process: subprocess.Popen[bytes]) -> None:
    """Let a program see the end of its input, and give it `grace` seconds to end by itself."""
    if feeder is not None:
        feeder.stop()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=grace)


def _communicate(
    process: subprocess.Popen[bytes],
    argv: Sequence[str],
    feeder: Feeder | None,
    data: bytes | None,
    timeout: float | None,
) -> tuple[bytes, bytes]:
    """Give a program its input and wait for its end. Raises CommandFailed when that takes too long."""
    try:
        if feeder is not None:
            feeder.start(process)
        out, err = process.communicate(data, timeout)
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{shown(argv)} did not end within {timeout:g} seconds", "try it by hand") from error
    if feeder is not None:
        feeder.finish()
    return out, err


class _Ends(TypedDict):
    """The standard streams of a program, as subprocess takes them: descriptors, or its constants such as PIPE."""

    stdin: int
    stdout: int
    stderr: int


@contextlib.contextmanager
def _running(
    argv: Sequence[str],
    ends: _Ends,
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    grace: float,
    inherit: Sequence[int] = (),
    before_end: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs. Any exception meanwhile ends its session, after a call of `before_end`."""
    with DeferredSignals() as deferred:
        try:
            process = subprocess.Popen(
                list(argv),
                **ends,
                env=dict(environment() if env is None else env),
                cwd=cwd,
                start_new_session=True,
                pass_fds=tuple(inherit),
            )
        except (OSError, ValueError) as error:
            raise _start_failure(argv, error, cwd) from error
        with process:
            try:
                deferred.release()
                yield process
            except BaseException:
                try:
                    if before_end is not None:
                        before_end(process)
                finally:
                    session.end(process, grace)
                raise


def _start_failure(argv: Sequence[str], error: OSError | ValueError, cwd: Path | None) -> CommandFailed:
    if isinstance(error, ValueError):  # such as a NUL, which an image may have in any of its values
        return CommandFailed(f"cannot run {shown(argv)}: {error}", "no program can be given that: write another value")
    if cwd is not None and not cwd.is_dir():
        return CommandFailed(f"cannot run {shown(argv)} in {cwd}: there is no such folder", "see whether it was made")
    hint = os_errors.THREADS if error.errno == errno.EAGAIN else os_errors.hint(error)
    return CommandFailed(f"cannot run {shown(argv)}: {error.strerror}", hint or "see whether it is installed")
