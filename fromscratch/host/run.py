"""The one gate through which programs are run: argument lists, a clean environment, errors to act on.

Every program runs in a session of its own, so that an interruption ends it with all its children.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from fromscratch.errors import CommandFailed, MissingTool

_KEPT = (
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "CONTAINER_HOST",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN_LINES = 20
_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Completed:
    returncode: int
    stdout: bytes
    stderr: bytes


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment that does not depend on who calls: C locale, UTC, few variables kept."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {"PATH": os.environ.get("PATH", _PATH), "LC_ALL": "C.UTF-8", "TZ": "UTC", **kept, **(extra or {})}


def find(program: str) -> str | None:
    """The path of a program, looked for in PATH and in the folders of system programs."""
    return shutil.which(program) or shutil.which(program, path=_PATH)


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
) -> Completed:
    """Run a program to its end and keep what it says.

    `env` is the whole environment (default: `environment()`). `stdin` may be bytes or a stream,
    which is copied through a pipe. Raises CommandFailed, with the command to paste and the last
    lines it wrote, when the program cannot start, takes longer than `timeout` seconds, or (with
    `check`) exits with other than 0.
    """
    with _started(
        argv, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd
    ) as process:
        feeder = None
        if stdin is not None and not isinstance(stdin, bytes):
            feeder = _Feeder(stdin, cast(IO[bytes], process.stdin))
            process.stdin = None  # the feeder owns it now
        try:
            out, err = process.communicate(stdin if isinstance(stdin, bytes) else None, timeout)
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"{shown(argv)} did not end within {timeout:g} seconds", "try it by hand") from error
        if feeder is not None:
            feeder.finish(ignore_broken_pipe=process.returncode != 0)
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
) -> int:
    """Run a program, give each line it writes (both streams) to `on_line` as it comes, keep all in `log`.

    The answer is its exit code. When the caller is interrupted, the program and its children get
    SIGTERM, and SIGKILL if they stay.
    """
    with contextlib.ExitStack() as stack:
        record = stack.enter_context(open(log, "ab")) if log else None
        process = stack.enter_context(
            _started(argv, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=env, cwd=cwd)
        )
        for line in cast(IO[bytes], process.stdout):
            if record:
                record.write(line)
            on_line(line)
        return process.wait()


def interactive(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run a program on the caller's own terminal; the answer is its exit code."""
    try:
        return subprocess.run(list(argv), env=dict(env or environment()), cwd=cwd, check=False).returncode
    except OSError as error:
        raise CommandFailed(f"cannot run {shown(argv)}: {error.strerror}", "see whether it is installed") from error


def shown(argv: Sequence[str]) -> str:
    """The command as one would paste it into a shell."""
    return shlex.join(argv)


def failure(argv: Sequence[str], returncode: int, output: bytes) -> CommandFailed:
    """The error for a program that ended badly, with the last lines that it wrote."""
    how = f"was ended by signal {-returncode}" if returncode < 0 else f"failed with exit code {returncode}"
    tail = "\n".join("  " + line for line in output.decode("utf-8", "replace").strip().splitlines()[-_SHOWN_LINES:])
    return CommandFailed(
        f"{shown(argv)} {how}" + (f":\n{tail}" if tail else ""), "run that command by hand to see more"
    )


class _Feeder:
    """Copies a stream into a program's standard input, beside the reading of its output."""

    def __init__(self, source: BinaryIO, pipe: IO[bytes]) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._copy, args=(source, pipe), daemon=True)
        self._thread.start()

    def _copy(self, source: BinaryIO, pipe: IO[bytes]) -> None:
        try:
            with pipe:
                shutil.copyfileobj(source, pipe, 1 << 20)
        except BaseException as error:
            self._error = error

    def finish(self, *, ignore_broken_pipe: bool) -> None:
        self._thread.join()
        if self._error is not None and not (ignore_broken_pipe and isinstance(self._error, BrokenPipeError)):
            raise self._error


@contextlib.contextmanager
def _started(
    argv: Sequence[str], *, stdin: int, stderr: int, env: Mapping[str, str] | None, cwd: Path | None
) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=dict(environment() if env is None else env),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(f"cannot run {shown(argv)}: {error.strerror}", "see whether it is installed") from error
    try:
        with process:
            try:
                yield process
            except BaseException:
                _end(process)
                raise
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the whole session, SIGKILL to what is left of it."""
    for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return
